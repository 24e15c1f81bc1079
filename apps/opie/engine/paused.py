"""A run that waits, as JSON: what Agno said until then, what readers saw, and how to go on from it.

Nothing here touches rows. What runs afterwards is written by `output_to_continue` from what was decided, and never
from what anybody sends.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from agno.models.message import Message
from agno.models.response import ToolExecution
from agno.run.agent import RunOutput
from agno.run.base import RunStatus as AgnoStatus
from agno.run.team import TeamRunOutput

from apps.api.ids import uuid7
from apps.opie.engine.observer import Observation, ToolCall, tool_as_json
from apps.opie.storable import clean_json

LONGEST_ID = 200
NOT_ALLOWED = "A person did not allow this call."
WITHDRAWN = "This call was not run: the agent does not have this tool any more."

AnyOutput = RunOutput | TeamRunOutput


class Decision(Protocol):
    """What was decided about one call: an approval's row."""

    tool_call_id: str
    tool_name: str
    arguments: dict[str, Any]
    changed_arguments: dict[str, Any] | None
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Where a run stopped: the calls that wait, and everything needed to go on."""

    calls: list[ToolExecution]
    state: dict[str, Any]


def paused(seen: Observation) -> Paused | None:
    """The run as it waits, or None when it does not. Calls get ids where a vendor gave none, or one that was used in
    this run before."""
    output = seen.paused_output
    if output is None:
        return None
    calls = [tool for tool in output.tools or [] if tool.requires_confirmation and tool.confirmed is None]
    _give_ids(calls, output.messages or [], seen.tool_calls)
    return Paused(calls, _state(seen, output))


def restored(state: Mapping[str, Any], clock: Callable[[], float] = monotonic) -> Observation:
    """What readers had seen when the run stopped. The time that it waited is not counted."""
    started = clock() - state["elapsed"]
    first_token = state["first_token"]
    return Observation(
        started=started,
        text=state["text"],
        reasoning=state["reasoning"],
        first_token=None if first_token is None else started + first_token,
        tool_calls={call["tool_call_id"]: _call_from_json(call) for call in state["tool_calls"]},
        citations=list(state["citations"]),
        passages=list(state.get("passages", [])),
        notes=dict(state.get("notes", {})),
    )


def output_to_continue(
    state: Mapping[str, Any], decisions: Collection[Decision], tools: Collection[str], blank: AnyOutput
) -> tuple[AnyOutput, list[ToolCall]]:
    """Agno's run as it goes on, and the calls that do not run.

    Calls that were approved run with the arguments of their row, if the agent still has the tool (`tools`); to the
    others the model reads an answer why not. `blank` is an output that names the run and holds nothing yet.
    """
    messages = [Message.from_dict(dict(message)) for message in state["messages"]]
    to_run: list[ToolExecution] = []
    refused: list[ToolCall] = []
    for decision in decisions:
        arguments = decision.arguments if decision.changed_arguments is None else decision.changed_arguments
        why_not = _why_not(decision, tools)
        if why_not is None:
            _write_arguments(messages, decision.tool_call_id, arguments)
            to_run.append(_execution(decision, arguments))
            continue
        refused.append(
            ToolCall(decision.tool_call_id, decision.tool_name, arguments, 0.0, why_not, True, 0, refused=True)
        )
        messages.append(_answer_of(decision, why_not))
    blank.messages, blank.tools, blank.status = messages, to_run or None, AgnoStatus.running
    return blank, refused


def _why_not(decision: Decision, tools: Collection[str]) -> str | None:
    if decision.status != "approved":
        return f"{NOT_ALLOWED} {decision.note}".strip() if decision.status == "rejected" else decision.note
    return None if decision.tool_name in tools else WITHDRAWN


def _execution(decision: Decision, arguments: dict[str, Any]) -> ToolExecution:
    return ToolExecution(
        tool_call_id=decision.tool_call_id,
        tool_name=decision.tool_name,
        tool_args=arguments,
        requires_confirmation=True,
        confirmed=True,
    )


def _answer_of(decision: Decision, text: str) -> Message:
    return Message(
        role="tool",
        content=text,
        tool_call_id=decision.tool_call_id,
        tool_name=decision.tool_name,
        tool_args=decision.arguments,
        tool_call_error=True,
    )


def _write_arguments(messages: list[Message], call_id: str, arguments: dict[str, Any]) -> None:
    """The model reads its call as it ran: beside another call's result its own would make no sense."""
    for message in messages:
        for call in message.tool_calls or []:
            if call.get("id") == call_id:
                call["function"] = {**call["function"], "arguments": json.dumps(arguments)}


def _state(seen: Observation, output: AnyOutput) -> dict[str, Any]:
    now = monotonic()
    state: dict[str, Any] = clean_json(
        {
            "messages": [message.to_dict() for message in output.messages or [] if not message.temporary],
            "text": seen.text,
            "reasoning": seen.reasoning,
            "citations": seen.citations,
            "passages": seen.passages,
            "notes": seen.notes,
            "tool_calls": [
                tool_as_json(call) | {"result": call.result, "refused": call.refused}
                for call in seen.tool_calls.values()
                if call.duration_ms is not None
            ],
            "elapsed": now - seen.started,
            "first_token": None if seen.first_token is None else seen.first_token - seen.started,
        }
    )
    return state


def _call_from_json(call: Mapping[str, Any]) -> ToolCall:
    return ToolCall(
        call["tool_call_id"],
        call["name"],
        call["arguments"],
        0.0,
        call["result"],
        call["failed"],
        call["duration_ms"],
        refused=call["refused"],
    )


def _give_ids(calls: list[ToolExecution], messages: list[Message], known_ids: Collection[str]) -> None:
    asked = next((message for message in reversed(messages) if message.tool_calls), None)
    taken = set(known_ids)
    for call in calls:
        identifier = call.tool_call_id or ""
        if not identifier or len(identifier) > LONGEST_ID or identifier in taken or "\x00" in identifier:
            identifier = f"call_{uuid7().hex}"
            _rename_call(asked, call, identifier)
        call.tool_call_id = identifier
        taken.add(identifier)


def _rename_call(asked: Message | None, call: ToolExecution, identifier: str) -> None:
    """The same call in what the model said, told by its old id and its name; the first that is not renamed yet."""
    for said in (asked.tool_calls or []) if asked else []:
        same = (said.get("id") or None) == (call.tool_call_id or None)
        if same and said.get("function", {}).get("name") == call.tool_name:
            said["id"] = identifier
            return
