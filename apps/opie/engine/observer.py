"""What a run did, seen from outside: Agno's events in, ours out, and what was gathered on the way.

Pure: no rows, no clock but the one it is given. Agno's classes differ between agent and team in name only, so an
event is told by its `event` text; events of team members carry another run_id and are passed over.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from agno.models.message import Message
from agno.models.response import ToolExecution
from agno.run.agent import RunOutput
from agno.run.base import RunStatus as AgnoStatus
from agno.run.team import TeamRunOutput

from apps.opie.engine.shaped import OutputAccepted, OutputRefused
from apps.opie.events import EventType
from apps.opie.storable import clean_json, clean_text

MOST_OF_A_RESULT_SHOWN = 20_000

Said = tuple[EventType, dict[str, Any]]


@dataclass(slots=True)
class ToolCall:
    """One call of a tool, as it is shown and kept."""

    id: str
    name: str
    arguments: dict[str, Any]
    started: float
    result: str = ""
    failed: bool = False
    duration_ms: int | None = None
    # A person said no: it never ran, and nothing is wrong with the tool.
    refused: bool = False


@dataclass(slots=True)
class Failure:
    """Why a run failed: `code` is ours when the error was one of ours, else the class of the exception."""

    code: str
    text: str


@dataclass(slots=True)
class Observation:
    """Everything a run has shown so far. Times are seconds of the monotonic clock."""

    started: float
    text: str = ""
    reasoning: str = ""
    first_token: float | None = None
    tool_calls: dict[str, ToolCall] = field(default_factory=dict)
    messages: list[Message] | None = None
    citations: list[dict[str, Any]] = field(default_factory=list)
    # What it has read of knowledge bases, each with its number (knowledge/citing.py).
    passages: list[dict[str, Any]] = field(default_factory=list)
    # What a host's code says of the answer (RunScope.notes).
    notes: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    cancelled: bool = False
    # What is kept with the answer of its shape: the `output` it was read as, and what was `refused` before.
    shaped: dict[str, Any] = field(default_factory=dict)
    # What Agno stopped with when a call of a tool waits for a person's yes.
    paused_output: RunOutput | TeamRunOutput | None = None

    @property
    def time_to_first_token_ms(self) -> int | None:
        return None if self.first_token is None else round((self.first_token - self.started) * 1000)

    def duration_ms(self, now: float | None = None) -> int:
        return round(((monotonic() if now is None else now) - self.started) * 1000)

    @property
    def tool_ms(self) -> int:
        return sum(call.duration_ms or 0 for call in self.tool_calls.values())


class Observer:
    """Follows one run of one Agno agent or team."""

    def __init__(self, run_id: str, clock: Callable[[], float] = monotonic, seen: Observation | None = None) -> None:
        self._run_id = run_id
        self._clock = clock
        # A run that goes on after it waited does so behind the tool that it waited with.
        self._text_is_behind_a_tool = seen is not None
        self.seen = seen or Observation(started=clock())
        # Where in the text what was said last begins: behind the last tool.
        self._said_last_at = len(self.seen.text)

    def observe(self, event: Any) -> list[Said]:
        """What to tell readers about one of Agno's events, in order; often nothing."""
        if getattr(event, "run_id", None) not in (None, self._run_id):
            return []
        if isinstance(event, RunOutput | TeamRunOutput):
            self._take_output(event)
            return []
        name = str(getattr(event, "event", "")).removeprefix("Team")
        handler = self._HANDLERS.get(name)
        return list(handler(self, event)) if handler else []

    def _content(self, event: Any) -> Iterator[Said]:
        if reasoning := getattr(event, "reasoning_content", None):
            yield from self._think(reasoning)
        content = event.content
        if content is None or content == "":
            return
        text = clean_text(content if isinstance(content, str) else _as_text(content))
        if self._text_is_behind_a_tool:
            self._said_last_at = len(self.seen.text)
            text = "\n\n" + text if self.seen.text else text
        self._text_is_behind_a_tool = False
        self._mark_first_token()
        self.seen.text += text
        yield "message.delta", {"text": text}

    def _reasoning(self, event: Any) -> Iterator[Said]:
        if event.reasoning_content:
            yield from self._think(event.reasoning_content)

    def _think(self, text: str) -> Iterator[Said]:
        text = clean_text(text)
        self._mark_first_token()
        self.seen.reasoning += text
        yield "reasoning.delta", {"text": text}

    def _tool_started(self, event: Any) -> Iterator[Said]:
        call = self._started_call(event.tool)
        self._text_is_behind_a_tool = True
        self._mark_first_token()
        yield "tool.started", {"tool_call_id": call.id, "name": call.name, "arguments": call.arguments}

    def _tool_finished(self, event: Any) -> Iterator[Said]:
        tool: ToolExecution = event.tool
        call = self._running_call(tool) or self._started_call(tool)
        if call.duration_ms is not None:
            return
        call.duration_ms = round((self._clock() - call.started) * 1000)
        call.failed = bool(tool.tool_call_error) or getattr(event, "error", None) is not None
        call.result = clean_text(str(tool.result if tool.result is not None else getattr(event, "error", "") or ""))
        yield "tool.finished", tool_as_json(call)

    def _error(self, event: Any) -> Iterator[Said]:
        self.seen.failure = Failure(code=str(event.error_type or ""), text=str(event.content or ""))
        yield from ()

    def _cancelled(self, event: Any) -> Iterator[Said]:  # noqa: ARG002 - one shape for all handlers
        self.seen.cancelled = True
        yield from ()

    def _refused(self, event: OutputRefused) -> Iterator[Said]:
        """What was said last does not count. Readers go on from the text that stands."""
        refused = {"text": clean_text(event.text), "problems": [clean_text(one) for one in event.problems]}
        self.seen.shaped.setdefault("refused", []).append(refused)
        if len(self.seen.shaped["refused"]) > 1:
            return  # there is no third: it stays, as what the run came to
        self.seen.text = self.seen.text[: self._said_last_at]
        self._text_is_behind_a_tool = True
        yield "output.invalid", {"problems": refused["problems"], "text": self.seen.text}

    def _accepted(self, event: OutputAccepted) -> Iterator[Said]:
        self.seen.shaped["output"] = event.value
        yield from ()

    def _started_call(self, tool: ToolExecution) -> ToolCall:
        call_id = clean_text(tool.tool_call_id or f"call_{len(self.seen.tool_calls) + 1}")
        if call_id not in self.seen.tool_calls:
            arguments = clean_json(dict(tool.tool_args or {}))
            self.seen.tool_calls[call_id] = ToolCall(
                call_id, clean_text(tool.tool_name or ""), arguments, started=self._clock()
            )
        return self.seen.tool_calls[call_id]

    def _running_call(self, tool: ToolExecution) -> ToolCall | None:
        """The call that has come back. Some vendors give calls no id: then the first of its name that still runs."""
        if tool.tool_call_id:
            return self.seen.tool_calls.get(clean_text(tool.tool_call_id))
        running = (call for call in self.seen.tool_calls.values() if call.duration_ms is None)
        return next((call for call in running if call.name == clean_text(tool.tool_name or "")), None)

    def _mark_first_token(self) -> None:
        if self.seen.first_token is None:
            self.seen.first_token = self._clock()

    def _take_output(self, output: RunOutput | TeamRunOutput) -> None:
        self.seen.paused_output = output if output.status == AgnoStatus.paused else None
        self.seen.messages = [m for m in output.messages or [] if not m.from_history and not m.temporary]
        if output.citations is not None:
            self.seen.citations = _citations_of(output)

    _HANDLERS: dict[str, Callable[["Observer", Any], Iterator[Said]]] = {
        "RunContent": _content,
        "ReasoningContentDelta": _reasoning,
        "ToolCallStarted": _tool_started,
        "ToolCallCompleted": _tool_finished,
        "ToolCallError": _tool_finished,
        "RunError": _error,
        "RunCancelled": _cancelled,
        "OutputRefused": _refused,
        "OutputAccepted": _accepted,
    }


def tool_as_json(call: ToolCall) -> dict[str, Any]:
    """A finished call of a tool as readers and the REST API see it."""
    return {
        "tool_call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "result": call.result[:MOST_OF_A_RESULT_SHOWN],
        "failed": call.failed,
        "duration_ms": call.duration_ms,
    }


def _as_text(content: Any) -> str:
    dump = getattr(content, "model_dump_json", None)
    return str(dump()) if dump else json.dumps(content, default=str)


def _citations_of(output: RunOutput | TeamRunOutput) -> list[dict[str, Any]]:
    assert output.citations is not None  # noqa: S101 - the caller looked
    urls = [{"title": url.title or url.url, "url": url.url} for url in output.citations.urls or []]
    documents = [
        {"title": document.document_title or "", "text": document.cited_text or ""}
        for document in output.citations.documents or []
    ]
    cleaned: list[dict[str, Any]] = clean_json(urls + documents)
    return cleaned
