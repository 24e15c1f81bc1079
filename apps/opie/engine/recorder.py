"""What is written about a run: opened before the agent is called, settled in one transaction after it.

Sync, like all code that touches rows; async callers come through `rows.run`. A run never leaves an end state: every
change of status is a conditional UPDATE, and who loses the race changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotFound
from apps.api.ids import uuid7
from apps.opie.engine.outcome import result_of
from apps.opie.events import EventType
from apps.opie.ledger.budgets import refuse_when_spent
from apps.opie.ledger.calls import close_open_calls
from apps.opie.ledger.summary import RunUsage, usage_of_run
from apps.opie.limits.admission import admit_run
from apps.opie.metrics.errors import RunError, record_error
from apps.opie.models import (
    Agent,
    AgentOSMessage,
    AgentOSPerformance,
    AgentOSRun,
    AgentOSSession,
    RunEventBatch,
)
from apps.opie.models.messages import MessageRole, MessageStatus
from apps.opie.models.runs import LIVE_STATUSES, RunStatus

STALE_AFTER = timedelta(seconds=30)
TITLE_LENGTH = 60

INTERRUPTED = RunError(
    "run_interrupted", "The answer broke off because Opie was stopped. Ask again to get the rest.", "process"
)
LAST_EVENT: dict[RunStatus, EventType] = {
    RunStatus.COMPLETED: "run.finished",
    RunStatus.FAILED: "run.failed",
    RunStatus.CANCELLED: "run.cancelled",
    RunStatus.INTERRUPTED: "run.interrupted",
}
_recording: set[UUID] = set()

Events = list[tuple[int, str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class OpenedTurn:
    """What is in the rows before the agent is called."""

    run_id: UUID
    session_id: UUID
    title: str
    opened_at: datetime


@dataclass(slots=True)
class Ending:
    """How a run ended, ready to be written. `rows` are unsaved messages; times are milliseconds.

    `error` is why it did not complete; `tool_errors` are failures that the agent could go on after.
    """

    status: RunStatus
    rows: list[AgentOSMessage] = field(default_factory=list)
    error: RunError | None = None
    time_to_first_token_ms: int | None = None
    duration_ms: int = 0
    tool_ms: int = 0
    database_ms: int = 0
    citations: list[dict[str, Any]] = field(default_factory=list)
    tool_errors: list[RunError] = field(default_factory=list)


def is_recording(run_id: UUID | str) -> bool:
    """Whether a turn of this process is writing this run; nobody else may then."""
    try:
        return (run_id if isinstance(run_id, UUID) else UUID(run_id)) in _recording
    except ValueError:
        return False


def open_turn(
    principal: Principal,
    agent: Agent,
    text: str,
    *,
    session_id: UUID | None = None,
    new_session_id: UUID | None = None,
    run_id: UUID | None = None,
    may_be_free: bool = False,
) -> OpenedTurn:
    """Store the question and the run, both before anything is called.

    `session_id` names a session of this person (NotFound otherwise); without one a session is made, with
    `new_session_id` where the caller needs to know it. Raises Conflict while another answer is being written there,
    NotFound for an agent that was deleted meanwhile, BudgetExceeded when nothing is left, and LimitExceeded when as
    many answers are in the making as may be.
    """
    try:
        opened = _store_question(principal, agent, text, session_id, new_session_id, run_id, may_be_free)
    except IntegrityError:
        if not Agent.objects.filter(pk=agent.pk).exists():
            raise NotFound("There is no such agent.", code="agent_not_found") from None
        if new_session_id and AgentOSSession.objects.filter(pk=new_session_id).exists():
            raise NotFound("There is no such session.", code="session_not_found") from None
        raise
    _recording.add(opened.run_id)
    return opened


def _store_question(
    principal: Principal,
    agent: Agent,
    text: str,
    session_id: UUID | None,
    new_session_id: UUID | None,
    run_id: UUID | None,
    may_be_free: bool,
) -> OpenedTurn:
    now = timezone.now()
    with transaction.atomic():
        session = (
            _locked_session(principal, session_id) if session_id else _new_session(principal, agent, new_session_id)
        )
        _refuse_second_run(session, now)
        if not may_be_free:
            refuse_when_spent(principal, now)
        admit_run(principal)
        run = AgentOSRun.objects.create(
            id=run_id or uuid7(),
            session=session,
            user_id=principal.user_id,
            team_id=session.team_id,
            api_key_id=principal.api_key_id,
            agent=agent,
            agent_version=agent.version,
            status=RunStatus.RUNNING,
            started_at=now,
            heartbeat_at=now,
        )
        question = AgentOSMessage(role=MessageRole.USER, content=text)
        _store_messages(session.pk, run, [question], session.message_count, now)
        session.message_count, session.last_message_at = session.message_count + 1, now
        if not session.title:
            session.title = title_from(text)
        session.agent_id = agent.pk
        session.save(update_fields=["message_count", "last_message_at", "title", "agent", "updated_at"])
    return OpenedTurn(run.pk, session.pk, session.title, now)


def settle(run_id: UUID, ending: Ending, events: Events, last_number: int) -> dict[str, Any] | None:
    """Write how a run ended: its messages, its figures, its last events and its error, in one transaction.

    Answers the data of the run's last event, numbered `last_number`; None when the run had ended already or is gone
    with its session, and then nothing is written.
    """
    now = timezone.now()
    with transaction.atomic():
        run = AgentOSRun.objects.select_for_update(of=("self",)).select_related("agent").filter(pk=run_id).first()
        if run is None or run.status not in LIVE_STATUSES:
            return None
        used = usage_of_run(run_id)
        if used.open_calls:
            close_open_calls(run_id)
            used = usage_of_run(run_id)
        _store_rows(run, ending, now)
        run.status, run.finished_at = ending.status, now
        if ending.error:
            run.error_code, run.error_message = ending.error.code, ending.error.message[:500]
            record_error(run, ending.error, now)
        for tool_error in ending.tool_errors:
            record_error(run, tool_error, now)
        run.save(update_fields=["status", "finished_at", "error_code", "error_message", "output"])
        performance = _store_performance(run, ending, used)
        data = result_of(run, ending.rows, used, performance).as_json()
        append_events(run_id, [*events, (last_number, LAST_EVENT[ending.status], data)])
    _recording.discard(run_id)
    return data


def forget(run_id: UUID) -> None:
    """The turn has let go of this run; recovery may finish its books."""
    _recording.discard(run_id)


def append_events(run_id: UUID, events: Events) -> None:
    if events:
        RunEventBatch.objects.create(
            run_id=run_id,
            first_number=events[0][0],
            last_number=events[-1][0],
            events=[list(event) for event in events],
        )


@transaction.atomic
def beat(batches: dict[UUID, Events]) -> set[UUID]:
    """Write what live runs have said since the last beat, sign that they live, and answer which shall stop: those
    that somebody asked to, those that were ended from elsewhere, and those whose session was deleted."""
    live = AgentOSRun.objects.filter(pk__in=list(batches), status__in=LIVE_STATUSES)
    # Locked, so that none is deleted before the events that name it are committed.
    asked_to_stop = dict(live.select_for_update(of=("self",), no_key=True).values_list("pk", "cancel_requested_at"))
    RunEventBatch.objects.bulk_create(
        [
            RunEventBatch(
                run_id=run_id, first_number=events[0][0], last_number=events[-1][0], events=[list(e) for e in events]
            )
            for run_id, events in batches.items()
            if events and run_id in asked_to_stop
        ],
        # A beat may have been committed although its answer was lost.
        ignore_conflicts=True,
    )
    AgentOSRun.objects.filter(pk__in=asked_to_stop).update(heartbeat_at=timezone.now())
    gone = batches.keys() - asked_to_stop.keys()
    return gone | {run_id for run_id, asked_at in asked_to_stop.items() if asked_at is not None}


def request_cancel(principal: Principal, run_id: UUID) -> AgentOSRun:
    """Ask for a run of this person's to be stopped, wherever it runs. One that has ended stays as it is."""
    runs = AgentOSRun.objects.visible_to(principal).filter(pk=run_id)
    runs.filter(status__in=LIVE_STATUSES, cancel_requested_at=None).update(cancel_requested_at=timezone.now())
    run = runs.first()
    if run is None:
        raise NotFound("There is no such run.", code="run_not_found")
    return run


def interrupt_stale(now: datetime | None = None) -> list[UUID]:
    """Finish the books of runs whose process is gone: what they had said is kept, marked interrupted."""
    now = now or timezone.now()
    stale = AgentOSRun.objects.live().exclude(status=RunStatus.WAITING).filter(heartbeat_at__lt=now - STALE_AFTER)
    return [run_id for run_id in stale.values_list("pk", flat=True) if not is_recording(run_id) and interrupt(run_id)]


def interrupt(run_id: UUID) -> bool:
    """End one run as interrupted with the text that its events hold."""
    batches = list(RunEventBatch.objects.filter(run_id=run_id).order_by("first_number"))
    said = [event for batch in batches for event in batch.events]
    text = "".join(data["text"] for _, kind, data in said if kind == "message.delta")
    error = INTERRUPTED
    row = AgentOSMessage(role=MessageRole.ASSISTANT, content=text, is_answer=True)
    last_number = batches[-1].last_number + 1 if batches else 1
    return settle(run_id, Ending(RunStatus.INTERRUPTED, [row], error), [], last_number) is not None


def title_from(text: str) -> str:
    """A session's title from its first message: one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= TITLE_LENGTH:
        return line
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"


def _locked_session(principal: Principal, session_id: UUID) -> AgentOSSession:
    session = AgentOSSession.objects.visible_to(principal).select_for_update(of=("self",)).filter(pk=session_id).first()
    if session is None:
        raise NotFound("There is no such session.", code="session_not_found")
    return session


def _new_session(principal: Principal, agent: Agent, session_id: UUID | None) -> AgentOSSession:
    return AgentOSSession.objects.create(
        id=session_id or uuid7(), user_id=principal.user_id, team_id=principal.acting_team, agent=agent
    )


def _refuse_second_run(session: AgentOSSession, now: datetime) -> None:
    for run in AgentOSRun.objects.live().filter(session=session):
        if run.heartbeat_at and run.heartbeat_at < now - STALE_AFTER and not is_recording(run.pk):
            interrupt(run.pk)
            session.refresh_from_db()
            continue
        raise Conflict(
            "An answer is being written in this session. Wait for it, or stop it first.", code="session_busy"
        )


def _store_messages(
    session_id: UUID, run: AgentOSRun, rows: Sequence[AgentOSMessage], number: int, now: datetime
) -> None:
    """Store unsaved messages, numbered from the one after `number`."""
    for number, row in enumerate(rows, number + 1):  # noqa: B020 - it goes on from where it was
        row.number, row.session_id, row.run, row.agent_id = number, session_id, run, run.agent_id
        row.created_at = now
    AgentOSMessage.objects.bulk_create(rows)


def _store_rows(run: AgentOSRun, ending: Ending, now: datetime) -> None:
    answer = next((row for row in ending.rows if row.is_answer), None)
    if answer is not None:
        answer.citations = ending.citations
        answer.status = _MESSAGE_STATUS[ending.status]
        if ending.error:
            answer.metadata["error"] = {"code": ending.error.code, "message": ending.error.message}
            answer.content = answer.content or ending.error.message
    if run.session_id is None:
        run.output = {"content": answer.content if answer else ""}
        return
    last = _take_numbers(run.session_id, len(ending.rows), now)
    _store_messages(run.session_id, run, ending.rows, last - len(ending.rows), now)


def _take_numbers(session_id: UUID, count: int, now: datetime) -> int:
    """Reserve the next numbers of a session; answers the last of them. One statement, which also locks the session."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE opie_agentossession SET message_count = message_count + %s, last_message_at = %s, updated_at = %s"
            " WHERE id = %s RETURNING message_count",
            [count, now, now, session_id],
        )
        return int(cursor.fetchone()[0])


def _store_performance(run: AgentOSRun, ending: Ending, used: RunUsage) -> AgentOSPerformance:
    tokens = used.usage["output_tokens"]
    return AgentOSPerformance.objects.create(
        run=run,
        time_to_first_token_ms=ending.time_to_first_token_ms,
        duration_ms=ending.duration_ms,
        model_ms=used.model_ms,
        tool_ms=ending.tool_ms,
        database_ms=ending.database_ms,
        tokens_per_second=round(tokens / used.model_ms * 1000, 2) if tokens and used.model_ms else None,
    )


_MESSAGE_STATUS = {
    RunStatus.COMPLETED: MessageStatus.COMPLETE,
    RunStatus.FAILED: MessageStatus.FAILED,
    RunStatus.CANCELLED: MessageStatus.CANCELLED,
    RunStatus.INTERRUPTED: MessageStatus.INTERRUPTED,
}
