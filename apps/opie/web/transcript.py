"""A session as a person reads it: questions, and answers with their thoughts, tool calls and figures in order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from apps.opie.engine.answerers import members_who_spoke
from apps.opie.engine.dispatched import Dispatched
from apps.opie.ledger.summary import RunUsage, usage_of_runs
from apps.opie.library.choosing import why_it_answers
from apps.opie.models import (
    Agent,
    AgentOSApproval,
    AgentOSMessage,
    AgentOSRun,
    AgentOSSession,
    CommandExecution,
    MessageReaction,
)
from apps.opie.models.messages import ANSWERED_BY, FOR_PERSON, PERSON, MessageRole, MessageStatus
from apps.opie.models.runs import END_STATUSES, RunStatus
from apps.opie.web.branches import Stretch, Versions, stretch_of, versions_of, whole_branch
from apps.opie.web.given import Given, given_to

_STATUS_OF_MESSAGE: Mapping[str, str] = {
    MessageStatus.FAILED: RunStatus.FAILED,
    MessageStatus.CANCELLED: RunStatus.CANCELLED,
    MessageStatus.INTERRUPTED: RunStatus.INTERRUPTED,
}


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
    """A piece of an answer: exactly one of the four is set."""

    text: str = ""
    reasoning: str = ""
    tool: ToolCall | None = None
    approval: AgentOSApproval | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What the person wrote, or had the command of this name write. `versions` is set where it was edited."""

    text: str
    asked_at: datetime | None = None
    message_id: UUID | None = None
    versions: Versions | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to one question. `source` is the Markdown that the copy button copies, `message_id` the message
    to try again from or to branch after, `versions` set where it was tried again, `why` where the agent was chosen for it,
    `answered_by` the name of whoever in a team spoke, `person` that of a person of the team who answered instead of an agent,
    `reaction` what its reader thought of it.
    """

    run_id: UUID | None = None
    status: str = "pending"
    agent_id: str = ""
    agent_name: str = ""
    why: str = ""
    answered_by: str = ""
    person: str = ""
    reaction: str = ""
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
    message_id: UUID | None = None
    versions: Versions | None = None
    given: Given | None = None
    citations: Sequence[Mapping[str, Any]] = ()

    @property
    def has_ended(self) -> bool:
        return self.status in END_STATUSES


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is sent when its turn comes, and who will answer it."""

    run_id: UUID
    text: str
    place: int
    command: str = ""
    agent_id: str = ""
    agent_name: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A stretch of a branch, oldest first. `earlier` is the message number to ask for what comes before it, `tip` the
    message that the branch ends with."""

    items: tuple[Question | Answer, ...] = ()
    active_run: UUID | None = None
    earlier: int | None = None
    waiting: tuple[Waiting, ...] = ()
    tip: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything about a stretch that is not in its messages; `agents` are the names of those without a run, `members` of
    those in a team who spoke, by the last message of their answer."""

    runs: Mapping[UUID, AgentOSRun]
    usage: Mapping[UUID, RunUsage]
    versions: Mapping[UUID, Versions]
    approvals: Mapping[UUID, list[AgentOSApproval]]
    agents: Mapping[Any, str]
    members: Mapping[UUID, str]
    reactions: Mapping[UUID, str]
    given: Mapping[UUID, Given]
    commands: Mapping[UUID, CommandExecution]


def transcript_of(session: AgentOSSession, before: int | None = None, tip: UUID | None = None) -> Transcript:
    """The last stretch of the shown branch, or of the one that ends with `tip`; or the stretch before a message's
    number. A handful of queries, however long it is."""
    tip = tip or session.head_id
    stretch = stretch_of(session, tip, before)
    if before is not None:
        return _transcript(session, stretch)
    waiting = session.runs.filter(status=RunStatus.PENDING, question__isnull=False).select_related("question", "agent")
    silent = _silent_run_of(session, stretch.rows[-1]) if stretch.rows else None
    return _transcript(session, stretch, silent, list(waiting.order_by("id")), tip)


def whole_transcript_of(session: AgentOSSession) -> Transcript:
    """All of the shown branch, in the same few queries."""
    return _transcript(session, whole_branch(session))


def _silent_run_of(session: AgentOSSession, last: AgentOSMessage) -> AgentOSRun | None:
    """The run that answers, or should have answered, the last question: it has no message of its own yet, or never
    will, because it was stopped before it said anything."""
    if last.role != MessageRole.USER or last.metadata.get(FOR_PERSON):
        return None
    runs = session.runs.filter(question=last).exclude(status=RunStatus.PENDING)
    return runs.select_related("agent", "performance").order_by("-created_at").first()


def _transcript(
    session: AgentOSSession,
    stretch: Stretch,
    silent: AgentOSRun | None = None,
    waiting: Sequence[AgentOSRun] = (),
    tip: UUID | None = None,
) -> Transcript:
    known = _known_of(session, stretch.rows, silent, waiting)
    return Transcript(
        tuple(_items(stretch.rows, known, silent)),
        silent.pk if silent and not silent.has_ended else None,
        stretch.earlier,
        tuple(_waiting(run, place, known) for place, run in enumerate(waiting, start=1)),
        tip,
    )


def _known_of(
    session: AgentOSSession,
    rows: Sequence[AgentOSMessage],
    silent: AgentOSRun | None,
    waiting: Sequence[AgentOSRun],
) -> _Known:
    wanted = {row.run_id for row in rows if row.run_id is not None and row.role != MessageRole.USER}
    runs = AgentOSRun.objects.select_related("agent", "performance").in_bulk(wanted)
    if silent:
        runs[silent.pk] = silent
    approvals: dict[UUID, list[AgentOSApproval]] = {}
    for approval in AgentOSApproval.objects.filter(run__in=runs).select_related("decided_by", "user").order_by("id"):
        approvals.setdefault(approval.run_id, []).append(approval)
    alone = {row.agent_id for row in rows if row.run_id is None and row.agent_id is not None}
    agents = dict(Agent.objects.filter(pk__in=alone).values_list("pk", "name")) if alone else {}
    # By the run that asked: an answer that was tried again is another run's, to the same question.
    asking = {row.run_id for row in rows if row.run_id is not None} | {run.pk for run in (*runs.values(), *waiting)}
    return _Known(
        runs,
        usage_of_runs(runs),
        versions_of(session, rows),
        approvals,
        agents,
        members_who_spoke(session.team_id, rows),
        _reactions_to(session, rows),
        given_to(runs.values()),
        _commands_of(asking),
    )


def _reactions_to(session: AgentOSSession, rows: Sequence[AgentOSMessage]) -> dict[UUID, str]:
    """What the person whose chat it is thought of these answers. One query."""
    answers = [row.pk for row in rows if row.is_answer]
    found = MessageReaction.objects.filter(message__in=answers, user_id=session.user_id) if answers else ()
    return {one.message_id: one.reaction for one in found}


def _commands_of(runs: set[UUID]) -> dict[UUID, CommandExecution]:
    """Which of the runs are a command's. One query."""
    if not runs:
        return {}
    shown = ("name", "recommended_agent", "required_capabilities")
    executions = CommandExecution.objects.select_related("command").only(
        "run_id", "address", *(f"command__{name}" for name in shown)
    )
    return executions.in_bulk(runs)


def _waiting(run: AgentOSRun, place: int, known: _Known) -> Waiting:
    text = run.question.content if run.question else ""
    return Waiting(run.pk, text, place, _command_name(run.pk, known), *_who_answers(run, known))


def _items(rows: Sequence[AgentOSMessage], known: _Known, silent: AgentOSRun | None) -> Iterator[Question | Answer]:
    asked = ""
    for said in _exchanges(rows):
        if said[0].role == MessageRole.USER:
            asked = said[0].content
            command = _command_name(said[0].run_id, known)
            yield Question(asked, said[0].created_at, said[0].pk, known.versions.get(said[0].pk), command)
            said = said[1:]
        for answer in _by_author(said):
            yield _answer(answer, asked, known)
    if silent:
        answerer = _who_answers(silent, known)
        # To try again from here is to ask the question again.
        yield Answer(
            run_id=silent.pk,
            status=silent.status,
            agent_id=answerer.agent_id,
            agent_name=answerer.name,
            why=answerer.why,
            question=asked,
            error=silent.error_message,
            parts=tuple(_parts((), known.approvals.get(silent.pk, ()))),
            message_id=rows[-1].pk if silent.has_ended else None,
        )


def _exchanges(rows: Iterable[AgentOSMessage]) -> Iterator[list[AgentOSMessage]]:
    """Each question with what came after it."""
    said: list[AgentOSMessage] = []
    for row in rows:
        if row.role == MessageRole.USER and said:
            yield said
            said = []
        said.append(row)
    if said:
        yield said


def _by_author(said: Sequence[AgentOSMessage]) -> Iterator[list[AgentOSMessage]]:
    """What came after a question: the agent's answer in all its messages, and each that a person wrote by itself."""
    agents: list[AgentOSMessage] = []
    for row in said:
        if row.metadata.get(ANSWERED_BY) != PERSON:
            agents.append(row)
            continue
        if agents:
            yield agents
            agents = []
        yield [row]
    if agents:
        yield agents


def _answer(rows: list[AgentOSMessage], question: str, known: _Known) -> Answer:
    run = known.runs.get(rows[0].run_id) if rows[0].run_id else None
    last = rows[-1]
    if run is None:
        # A person wrote it; or it came along from another session, where the run that wrote it stayed.
        return Answer(
            status=_STATUS_OF_MESSAGE.get(last.status, "completed"),
            agent_name=known.agents.get(last.agent_id, "") if last.agent_id else "",
            answered_by=known.members.get(last.pk, ""),
            person=str(last.metadata.get("name", "")) if last.metadata.get(ANSWERED_BY) == PERSON else "",
            parts=tuple(_parts(rows, ())),
            source=_source(rows),
            question=question,
            message_id=last.pk,
            citations=last.citations,
            reaction=known.reactions.get(last.pk, ""),
        )
    answerer, used = _who_answers(run, known), known.usage.get(run.pk)
    performance = getattr(run, "performance", None)
    # A failed run's message is its error in words, and that is shown as an error.
    said = [row for row in rows if not (row.is_answer and row.content == run.error_message)]
    return Answer(
        run_id=run.pk,
        status=run.status,
        agent_id=answerer.agent_id,
        agent_name=answerer.name,
        why=answerer.why,
        answered_by=known.members.get(last.pk, ""),
        reaction=known.reactions.get(last.pk, ""),
        parts=tuple(_parts(said, known.approvals.get(run.pk, ()))),
        source=_source(said),
        question=question,
        error=run.error_message,
        platform=used.platform if used else "",
        model=used.model if used else "",
        total_tokens=used.usage["total_tokens"] if used else None,
        cost=used.cost if used else None,
        currency=used.currency if used else "",
        duration_ms=performance.duration_ms if performance else None,
        message_id=last.pk,
        versions=known.versions.get(rows[0].pk),
        given=known.given.get(run.pk),
        citations=last.citations,
    )


def _command_name(run_id: UUID | None, known: _Known) -> str:
    """What the command is called that a run is of; how it was called by, when it is gone."""
    execution = known.commands.get(run_id) if run_id else None
    if execution is None:
        return ""
    return execution.command.name if execution.command else execution.address


class _Answerer(NamedTuple):
    agent_id: str = ""
    name: str = ""
    why: str = ""


def _who_answers(run: AgentOSRun, known: _Known) -> _Answerer:
    if run.agent is None:
        return _Answerer()
    dispatched, execution = Dispatched.of_run_input(run.input), known.commands.get(run.pk)
    why = dispatched.why if dispatched else ""
    if not why and execution and execution.command:
        why = why_it_answers(execution.command, run.agent)
    return _Answerer(run.agent.agent_id, run.agent.name, why)


def _source(rows: Iterable[AgentOSMessage]) -> str:
    return "\n\n".join(row.content for row in rows if row.role == MessageRole.ASSISTANT and row.content)


def _parts(said: Sequence[AgentOSMessage], approvals: Iterable[AgentOSApproval]) -> Iterator[Part]:
    results = {row.tool_call_id: row for row in said if row.role == MessageRole.TOOL}
    asked_for = {approval.tool_call_id: approval for approval in approvals}
    for row in said:
        if row.role != MessageRole.ASSISTANT:
            continue
        if row.reasoning:
            yield Part(reasoning=row.reasoning)
        if row.content:
            yield Part(text=row.content)
        for call in row.tool_calls:
            if approval := asked_for.pop(call["id"], None):
                yield Part(approval=approval)
            yield Part(tool=_tool_call(call, results.get(call["id"])))
    for approval in asked_for.values():
        yield Part(approval=approval)


def _tool_call(call: Mapping[str, Any], result: AgentOSMessage | None) -> ToolCall:
    if result is None:
        return ToolCall(call["name"], call["arguments"], status="cancelled")
    status = "failed" if result.tool_failed else "completed"
    return ToolCall(call["name"], call["arguments"], result.content, status, result.tool_duration_ms)
