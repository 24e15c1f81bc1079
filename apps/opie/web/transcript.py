"""A session as a person reads it: questions, and answers with their thoughts, tool calls and figures in order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.opie.ledger.summary import RunUsage, usage_of_runs
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.messages import MessageRole
from apps.opie.models.runs import END_STATUSES

PAGE_OF_MESSAGES = 120


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, with what came back when it has."""

    name: str
    arguments: Any
    result: str = ""
    status: str = "completed"
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an answer: exactly one of the three is set."""

    text: str = ""
    reasoning: str = ""
    tool: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What the person wrote."""

    text: str
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to one question. `source` is the Markdown that the copy button copies."""

    run_id: UUID | None = None
    status: str = "pending"
    agent_name: str = ""
    parts: tuple[Part, ...] = ()
    source: str = ""
    question: str = ""
    error: str = ""
    platform: str = ""
    model: str = ""
    total_tokens: int | None = None
    cost: Decimal | None = None
    currency: str = ""
    duration_ms: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in END_STATUSES


@dataclass(frozen=True, slots=True)
class Transcript:
    """A stretch of a session, oldest first. `earlier` is the message number to ask for what comes before it."""

    items: tuple[Question | Answer, ...] = ()
    active_run: UUID | None = None
    earlier: int | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    rows: list[AgentOSMessage]
    earlier: int | None


def transcript_of(session: AgentOSSession, before: int | None = None) -> Transcript:
    """The last stretch of a session, or the one before a message number. A handful of queries, however long it is."""
    stretch = _stretch_of(session, before)
    return _transcript(stretch, follow=before is None)


def whole_transcript_of(session: AgentOSSession) -> Transcript:
    """All of a session, in the same few queries: for taking it away, not for showing it."""
    return _transcript(_Stretch(list(session.messages.order_by("number")), None), follow=False)


def _transcript(stretch: _Stretch, *, follow: bool) -> Transcript:
    by_run: dict[UUID | None, list[AgentOSMessage]] = defaultdict(list)
    for row in stretch.rows:
        by_run[row.run_id].append(row)
    wanted = [pk for pk in by_run if pk is not None]
    runs = AgentOSRun.objects.select_related("agent", "performance").in_bulk(wanted)
    usage = usage_of_runs(runs)
    items: list[Question | Answer] = []
    for row in stretch.rows:
        if row.role == MessageRole.USER:
            items.append(Question(row.content, row.created_at))
            if row.run_id is not None:
                items.append(_answer(runs[row.run_id], row.content, by_run[row.run_id], usage))
        elif row.run_id is None and row.is_answer:
            items.append(Answer(status="completed", parts=tuple(_parts([row])), source=row.content))
    live = [run.pk for run in runs.values() if not run.has_ended] if follow else []
    return Transcript(tuple(items), max(live, default=None), stretch.earlier)


def _stretch_of(session: AgentOSSession, before: int | None) -> _Stretch:
    messages = session.messages.order_by("-number")
    if before is not None:
        messages = messages.filter(number__lt=before)
    rows = list(messages[: PAGE_OF_MESSAGES + 1])
    more = len(rows) > PAGE_OF_MESSAGES
    rows = rows[:PAGE_OF_MESSAGES][::-1]
    if more:
        # A stretch begins with a question: what stands before the first one is part of an earlier answer.
        first = next((index for index, row in enumerate(rows) if row.role == MessageRole.USER), 0)
        rows = rows[first:]
    return _Stretch(rows, rows[0].number if more and rows else None)


def _answer(run: AgentOSRun, question: str, rows: list[AgentOSMessage], usage: Mapping[UUID, RunUsage]) -> Answer:
    used = usage.get(run.pk)
    performance = getattr(run, "performance", None)
    # A failed run's message is its error in words, and that is shown as an error.
    said = [
        row for row in rows if row.role != MessageRole.USER and not (row.is_answer and row.content == run.error_message)
    ]
    return Answer(
        run_id=run.pk,
        status=run.status,
        agent_name=run.agent.name if run.agent else "",
        parts=tuple(_parts(said)),
        source="\n\n".join(row.content for row in said if row.role == MessageRole.ASSISTANT and row.content),
        question=question,
        error=run.error_message,
        platform=used.platform if used else "",
        model=used.model if used else "",
        total_tokens=used.usage["total_tokens"] if used else None,
        cost=used.cost if used else None,
        currency=used.currency if used else "",
        duration_ms=performance.duration_ms if performance else None,
    )


def _parts(rows: Iterable[AgentOSMessage]) -> Iterable[Part]:
    said = list(rows)
    results = {row.tool_call_id: row for row in said if row.role == MessageRole.TOOL}
    for row in said:
        if row.role != MessageRole.ASSISTANT:
            continue
        if row.reasoning:
            yield Part(reasoning=row.reasoning)
        if row.content:
            yield Part(text=row.content)
        for call in row.tool_calls:
            yield Part(tool=_tool_call(call, results.get(call["id"])))


def _tool_call(call: Mapping[str, Any], result: AgentOSMessage | None) -> ToolCall:
    if result is None:
        return ToolCall(call["name"], call["arguments"], status="cancelled")
    status = "failed" if result.tool_failed else "completed"
    return ToolCall(call["name"], call["arguments"], result.content, status, result.tool_duration_ms)
