"""An answer that has to fit a shape: what Agno's run said is held against it, and the model is asked once more.

The second round is a part of the same run: its call is in the same books, and readers are told why what they have read
does not count. The model is shown its answer and what is wrong with it; tools it is not given again.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse
from agno.run.agent import RunContentEvent, RunOutput
from agno.run.base import RunStatus
from agno.run.team import RunContentEvent as TeamRunContentEvent
from agno.run.team import TeamRunOutput

from apps.api.errors import PlatformFailed
from apps.opie.engine.outcome import OUTPUT_INVALID
from apps.opie.engine.shapes import Misfit, Shape

COMPLAINT = """Your answer does not fit the JSON Schema that it has to fit.
{problems}

Answer again, with the corrected JSON and nothing else: no words before or after it, no code fence. The schema:
{schema}"""
NOTHING_SAID = "(nothing)"

AnyOutput = RunOutput | TeamRunOutput
# Agno says these when its run is over. For us it is not, until the answer fits.
_ENDS = frozenset({"RunContentCompleted", "RunCompleted"})


@dataclass(frozen=True, slots=True)
class OutputRefused:
    """Ours among Agno's events: what the answer so far is not, and why."""

    run_id: str
    text: str
    problems: list[str] = field(default_factory=list)
    event: str = "OutputRefused"


@dataclass(frozen=True, slots=True)
class OutputAccepted:
    """Ours among Agno's events: what the answer came to."""

    run_id: str
    value: Any
    event: str = "OutputAccepted"


async def in_shape(events: AsyncIterator[Any], shape: Shape, model: Model) -> AsyncIterator[Any]:
    """Agno's events of one run, with the answer read and, once, asked for again. Raises PlatformFailed with the code
    output_invalid when neither fits."""
    held: list[Any] = []
    async for event in events:
        if _is_output(event) or _name_of(event) in _ENDS:
            held.append(event)
        else:
            yield event
    output = next((event for event in reversed(held) if _is_output(event)), None)
    if output is None or output.status != RunStatus.completed:
        for event in held:
            yield event
        return
    run_id, said = str(output.run_id), _answer_in(output)
    try:
        value = await asyncio.to_thread(shape.read, said)
    except Misfit as misfit:
        yield OutputRefused(run_id, said, misfit.problems)
        answer = Message(role="assistant", content="")
        async for event in _second_round(model, output, said, _complaint(misfit, shape)):
            answer.content = str(answer.content) + str(event.content or "")
            yield event
        try:
            value = await asyncio.to_thread(shape.read, str(answer.content))
        except Misfit as again:
            yield OutputRefused(run_id, str(answer.content), again.problems)
            raise _invalid(again) from None
        _put_in_place(output, answer, held)
    yield OutputAccepted(run_id, value)
    for event in held:
        yield event


async def _second_round(model: Model, output: AnyOutput, said: str, complaint: str) -> AsyncIterator[Any]:
    of_team = isinstance(output, TeamRunOutput)
    names: dict[str, Any] = {"run_id": output.run_id, "session_id": output.session_id}
    async for piece in model.aresponse_stream(messages=_what_was_asked(output, said, complaint)):
        if isinstance(piece, ModelResponse) and (piece.content or piece.reasoning_content):
            more: dict[str, Any] = {"content": piece.content, "reasoning_content": piece.reasoning_content}
            yield (TeamRunContentEvent if of_team else RunContentEvent)(**names, **more)


def _what_was_asked(output: AnyOutput, said: str, complaint: str) -> list[Message]:
    """Without the rounds of tools: some vendors take calls of tools only together with the tools."""
    messages = output.messages or []
    system = [one for one in messages if one.role in ("system", "developer")][:1]
    question = [one for one in messages if one.role == "user" and not one.from_history][-1:]
    answer = Message(role="assistant", content=said.strip() or NOTHING_SAID)
    return [*system, *question, answer, Message(role="user", content=complaint)]


def _complaint(misfit: Misfit, shape: Shape) -> str:
    problems = "\n".join(f"- {problem}" for problem in misfit.problems)
    return COMPLAINT.format(problems=problems, schema=json.dumps(shape.schema, ensure_ascii=False))


def _put_in_place(output: AnyOutput, answer: Message, held: list[Any]) -> None:
    """The second answer takes the place of the first wherever Agno has written that down."""
    last = _answering(output)
    output.messages = [one for one in output.messages or [] if one is not last] + [answer]
    output.content = answer.content
    for event in held:
        if _name_of(event) == "RunCompleted":
            event.content = answer.content


def _answering(output: AnyOutput) -> Message | None:
    said = (one for one in reversed(output.messages or []) if one.role == "assistant" and not one.from_history)
    return next((one for one in said if not one.tool_calls), None)


def _answer_in(output: AnyOutput) -> str:
    answer = _answering(output)
    return answer.get_content_string() if answer is not None else ""


def _invalid(misfit: Misfit) -> PlatformFailed:
    return PlatformFailed(
        f"What the model answered does not have the shape that was asked for, and its second answer neither."
        f" {misfit.problems[0]}",
        code=OUTPUT_INVALID,
    )


def _is_output(event: Any) -> TypeGuard[AnyOutput]:
    return isinstance(event, RunOutput | TeamRunOutput)


def _name_of(event: Any) -> str:
    return str(getattr(event, "event", "")).removeprefix("Team")
