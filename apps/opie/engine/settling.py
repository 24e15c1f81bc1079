"""What is written when a run ends: its messages, its figures, its last events and its error, in one transaction. Sync.

A run never leaves an end state: every change of status is made to a row that is locked and still live, and who loses
the race changes nothing.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.api.statements import prepared_cursor
from apps.opie.engine import afterwards, approvals, recording, transcript
from apps.opie.engine.attempts import Another, another_attempt, tell_worker
from apps.opie.engine.live.event_rows import tell
from apps.opie.engine.outcome import RunResult, output_of, result_of
from apps.opie.engine.paused import restored
from apps.opie.engine.recording import LAST_EVENT, Event, Events, append_events
from apps.opie.events import EventType
from apps.opie.ledger.calls import close_open_calls
from apps.opie.ledger.summary import RunUsage, usage_of_run
from apps.opie.metrics.agents import COUNT_RUN, values_to_count
from apps.opie.metrics.errors import RunError, record_error
from apps.opie.models import Agent, AgentOSMessage, AgentOSPerformance, AgentOSRun, RunEventBatch
from apps.opie.models.approvals import ApprovalStatus
from apps.opie.models.commands import COUNT_EXECUTION, END_EXECUTION, figures_to_count
from apps.opie.models.messages import MessageRole, MessageStatus
from apps.opie.models.runs import LIVE_STATUSES, RunStatus

INTERRUPTED = RunError(
    "run_interrupted", "The answer broke off because Opie was stopped. Ask again to get the rest.", "process"
)


@dataclass(slots=True)
class Ending:
    """How a run ended, ready to be written. `rows` are unsaved messages; times are milliseconds.

    `error` is why it did not complete; `tool_errors` are failures that the agent could go on after. `context` is what
    of the conversation the model was given, and `summary_is_due` whether what it was not given is to be summed up.
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
    context: dict[str, Any] = field(default_factory=dict)
    summary_is_due: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What was written: the run's last event, what the run came to, and the run that is next in its session's line, if
    any. After `run.retrying` the run has not ended, and came to nothing yet: it is the worker's again."""

    kind: EventType
    data: dict[str, Any]
    result: RunResult | None
    next_run: UUID | None


def settle(run_id: UUID, ending: Ending, events: Events, last_number: int) -> Settled | None:
    """Write how a run ended, or that it is tried again. Its last event is numbered `last_number`.

    None when the run had ended already, is gone with its session, or is in another attempt by now, and then nothing is
    written.
    """
    now = timezone.now()
    with transaction.atomic():
        run = _locked(run_id)
        if run is None or run.status not in LIVE_STATUSES or not recording.is_ours(run_id, run.attempt):
            return None
        if another := another_attempt(run, ending.error, now):
            close_open_calls(run_id)
            settled = _put_back(run, another, events, last_number, now)
        else:
            settled = _end(run, ending, events, last_number, now)
        if not recording.is_recording(run_id):  # else the next beat tells
            tell([run_id])
    recording.forget(run_id)
    return settled


def lock_session_of(run_id: UUID) -> None:
    """For whoever locks the run next, and then settles it."""
    with prepared_cursor() as cursor:
        cursor.execute(_LOCK_SESSION, [run_id])


def interrupt(run_id: UUID, error: RunError = INTERRUPTED) -> Settled | None:
    """End one run as interrupted with the text that its events hold."""
    batches = list(RunEventBatch.objects.filter(run_id=run_id).order_by("first_number"))
    said = [event for batch in batches for event in batch.events]
    text = _text_of_last_attempt(said)
    row = AgentOSMessage(role=MessageRole.ASSISTANT, content=text, is_answer=True)
    # Whoever read it from the process that is gone may be ahead of the rows.
    last_number = recording.number_after_a_break(batches[-1].last_number if batches else 0)
    return settle(run_id, Ending(RunStatus.INTERRUPTED, [row], error), [], last_number)


def _end_waiting(run: AgentOSRun, ending: Ending, now: datetime) -> None:
    """A run that ends while it waits: nobody needs to decide any more, and what it had said is kept."""
    approvals.close(run.pk, ApprovalStatus.CANCELLED, now)
    if run.paused_state is None or ending.rows:
        return
    seen = restored(run.paused_state)
    ending.rows, ending.citations = transcript.rows_of_observation(seen), seen.citations
    ending.duration_ms, ending.time_to_first_token_ms = seen.duration_ms(), seen.time_to_first_token_ms
    ending.tool_ms = seen.tool_ms


def _text_of_last_attempt(said: list[Any]) -> str:
    text = ""
    for _, kind, data in said:
        if kind == "message.delta":
            text += data["text"]
        elif kind == "output.invalid":
            text = data["text"]
        elif kind == "run.retrying":
            text = ""
    return text


def _put_back(run: AgentOSRun, another: Another, events: Events, last_number: int, now: datetime) -> Settled:
    """The run waits for its next attempt. What this one cost stays in the ledger; what it said was not an answer."""
    record_error(run, another.error, now)
    run.status, run.attempt, run.not_before = RunStatus.PENDING, another.number, another.not_before
    run.heartbeat_at = None
    run.paused_state = {"api_key_id": str(run.api_key_id)} if run.api_key_id else run.paused_state
    run.save(update_fields=["status", "attempt", "not_before", "heartbeat_at", "paused_state"])
    tell_worker(run.pk, another.not_before)
    append_events(run.pk, [*events, (last_number, "run.retrying", another.as_json())])
    return Settled("run.retrying", another.as_json(), None, None)


def _end(run: AgentOSRun, ending: Ending, events: Events, last_number: int, now: datetime) -> Settled:
    used = usage_of_run(run.pk)
    if used.open_calls:
        close_open_calls(run.pk)
        used = usage_of_run(run.pk)
    if run.status == RunStatus.WAITING:
        _end_waiting(run, ending, now)
    _finish(run, ending, now)
    for error in (*([ending.error] if ending.error else []), *ending.tool_errors):
        record_error(run, error, now)
    performance = _performance_of(run, ending, used)
    result = result_of(run, ending.rows, used, performance)
    last: Event = (last_number, LAST_EVENT[ending.status], result.as_json())
    next_run = _write(run, ending.rows, performance, result.cost, [*events, last], now)
    if ending.status is RunStatus.COMPLETED:
        afterwards.plan(run, summary_is_due=ending.summary_is_due)
    return Settled(LAST_EVENT[ending.status], last[2], result, next_run)


def _locked(run_id: UUID) -> AgentOSRun | None:
    with prepared_cursor() as cursor:
        cursor.execute(_LOCK_RUN, [run_id, run_id])
        found = cursor.fetchone()
    if found is None:
        return None
    *row, context, paused_state, agent_id, memory = found
    known = dict(zip(_LOCKED, row, strict=True)) | {
        "context": json.loads(context),
        "paused_state": None if paused_state is None else json.loads(paused_state),
        "output": None,
    }
    # Django takes the values in the order of the model's fields, whatever the names say.
    fields = [field.attname for field in AgentOSRun._meta.concrete_fields if field.attname in known]
    run = AgentOSRun.from_db(connection.alias, fields, [known[name] for name in fields])
    if run.agent_id is not None:
        run.agent = Agent(id=run.agent_id, agent_id=agent_id, memory=memory)
    return run


def _finish(run: AgentOSRun, ending: Ending, now: datetime) -> None:
    """Put the run and its messages into the state they are to be written in."""
    run.status, run.finished_at, run.context = ending.status, now, ending.context or run.context
    if ending.error:
        run.error_code, run.error_message = ending.error.code, ending.error.message[:500]
    answer = next((row for row in ending.rows if row.is_answer), None)
    if answer is not None:
        answer.citations = ending.citations
        answer.status = _MESSAGE_STATUS[ending.status]
        if ending.error:
            answer.metadata["error"] = {"code": ending.error.code, "message": ending.error.message}
            answer.content = answer.content or ending.error.message
    if run.session_id is None:
        run.output = output_of(ending.rows)


def _performance_of(run: AgentOSRun, ending: Ending, used: RunUsage) -> AgentOSPerformance:
    tokens = used.usage["output_tokens"]
    return AgentOSPerformance(
        run_id=run.pk,
        time_to_first_token_ms=ending.time_to_first_token_ms,
        duration_ms=ending.duration_ms,
        model_ms=used.model_ms,
        tool_ms=ending.tool_ms,
        database_ms=ending.database_ms,
        tokens_per_second=round(tokens / used.model_ms * 1000, 2) if tokens and used.model_ms else None,
    )


def _write(
    run: AgentOSRun,
    said: list[AgentOSMessage],
    performance: AgentOSPerformance,
    cost: Decimal | None,
    events: Events,
    now: datetime,
) -> UUID | None:
    """Everything that a run leaves, in one statement; answers which run waits longest in the session."""
    parts = {"ended": _END_RUN, "measured": _INSERT_PERFORMANCE, "told": _INSERT_EVENTS}
    if run.session_id is not None:
        parts |= {"noted": _NOTE_IN_SESSION, "said": _INSERT_MESSAGES}
    if run.agent_id is not None:
        parts["counted"] = COUNT_RUN
    # Last, and locked last: runs of one command that end together wait for each other no longer than they must.
    parts |= {"executed": END_EXECUTION, "followed": COUNT_EXECUTION}
    with_all = ", ".join(f"{name} AS ({part})" for name, part in parts.items())
    values = {
        **{name: getattr(run, name) for name in ("status", "error_code", "error_message")},
        **{name: getattr(performance, name) for name in _MEASURED},
        **values_to_count(run, performance),
        **figures_to_count(
            success=run.status == RunStatus.COMPLETED, seconds=performance.duration_ms / 1000, cost=cost
        ),
        "run": run.pk,
        "session": run.session_id,
        "agent": run.agent_id,
        "team": run.team_id,
        "question": run.question_id,
        "output": None if run.output is None else json.dumps(run.output),
        "context": json.dumps(run.context),
        "said": json.dumps(_as_records(run, said)),
        "count": len(said),
        "end": said[-1].pk if said else run.question_id,
        "performance": performance.pk,
        "first_number": events[0][0],
        "last_number": events[-1][0],
        "events": json.dumps(events),
        "now": now,
    }
    with prepared_cursor() as cursor:
        cursor.execute(f"WITH {with_all} {_NEXT_RUN}", values)
        next_run: UUID | None = cursor.fetchone()[0]
    return next_run


def _as_records(run: AgentOSRun, said: list[AgentOSMessage]) -> list[dict[str, Any]]:
    """The messages as JSON for the database: each behind the one before, the first behind the question."""
    parents = [run.question_id, *(row.pk for row in said)]
    return [
        {name: getattr(row, name) for name in _SAID}
        | {"id": str(row.pk), "parent_id": str(parent) if parent else None, "place": place}
        for place, (row, parent) in enumerate(zip(said, parents, strict=False), 1)
    ]


_LOCKED = [
    *(
        "id",
        "session_id",
        "question_id",
        "team_id",
        "user_id",
        "api_key_id",
        "agent_id",
        "status",
        "heartbeat_at",
        "not_before",
    ),
    *("is_background", "has_acted", "attempt", "most_attempts", "cancel_requested_at"),
    *("error_code", "error_message"),
]
# The session before the run, as whoever opens or begins a run does it: in the other order two would wait for each other.
_LOCK_SESSION = """
    SELECT id FROM opie_agentossession WHERE id = (SELECT session_id FROM opie_agentosrun WHERE id = %s)
    FOR NO KEY UPDATE
"""
_LOCK_RUN = f"""
    WITH session AS MATERIALIZED ({_LOCK_SESSION})
    SELECT {", ".join(f"run.{name}" for name in _LOCKED)}, context, paused_state, agent.agent_id, agent.memory
    FROM opie_agentosrun AS run LEFT JOIN opie_agent AS agent ON agent.id = run.agent_id
        LEFT JOIN session ON session.id = run.session_id
    WHERE run.id = %s AND (session.id IS NOT NULL OR run.session_id IS NULL) FOR UPDATE OF run
"""  # noqa: S608 - constants
_END_RUN = """
    UPDATE opie_agentosrun SET status = %(status)s, finished_at = %(now)s, error_code = %(error_code)s,
        error_message = %(error_message)s, output = %(output)s::jsonb, context = %(context)s::jsonb, paused_state = NULL
    WHERE id = %(run)s
"""
_MEASURED = ["time_to_first_token_ms", "duration_ms", "model_ms", "tool_ms", "database_ms", "tokens_per_second"]
_INSERT_PERFORMANCE = f"""
    INSERT INTO opie_agentosperformance (id, run_id, created_at, {", ".join(_MEASURED)})
    VALUES (%(performance)s, %(run)s, %(now)s, {", ".join(f"%({name})s" for name in _MEASURED)})
"""  # noqa: S608 - constants
_INSERT_EVENTS = """
    INSERT INTO opie_runeventbatch (run_id, first_number, last_number, events, created_at)
    VALUES (%(run)s, %(first_number)s, %(last_number)s, %(events)s::jsonb, %(now)s)
"""
# Numbers for the messages; and the branch ends with them, unless another one is shown by now.
_NOTE_IN_SESSION = """
    UPDATE opie_agentossession SET message_count = message_count + %(count)s, last_message_at = %(now)s,
        updated_at = %(now)s, head_id = CASE WHEN head_id = %(question)s THEN %(end)s ELSE head_id END
    WHERE id = %(session)s RETURNING message_count
"""
_SAID = {
    "role": "text",
    "is_answer": "boolean",
    "status": "text",
    "content": "text",
    "reasoning": "text",
    "tool_calls": "jsonb",
    "tool_call_id": "text",
    "tool_name": "text",
    "tool_failed": "boolean",
    "tool_duration_ms": "integer",
    "citations": "jsonb",
    "metadata": "jsonb",
}
_INSERT_MESSAGES = f"""
    INSERT INTO opie_agentosmessage (id, parent_id, session_id, run_id, agent_id, created_at, number, {", ".join(_SAID)})
    SELECT id, parent_id, %(session)s, %(run)s, %(agent)s, %(now)s, noted.message_count - %(count)s + place,
        {", ".join(_SAID)}
    FROM noted, jsonb_to_recordset(%(said)s::jsonb) AS said (id uuid, parent_id uuid, place integer,
        {", ".join(f"{name} {kind}" for name, kind in _SAID.items())})
"""  # noqa: S608 - constants
_NEXT_RUN = """
    SELECT (SELECT id FROM opie_agentosrun
            WHERE session_id = %(session)s AND status = 'pending' AND id <> %(run)s ORDER BY id LIMIT 1)
"""
_MESSAGE_STATUS = {
    RunStatus.COMPLETED: MessageStatus.COMPLETE,
    RunStatus.FAILED: MessageStatus.FAILED,
    RunStatus.CANCELLED: MessageStatus.CANCELLED,
    RunStatus.INTERRUPTED: MessageStatus.INTERRUPTED,
}
