"""What is written when a run ends: its messages, its figures, its last events and its error, in one transaction. Sync.

A run never leaves an end state: every change of status is made to a row that is locked and still live, and who loses
the race changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.opie.engine import afterwards, approvals, recording, transcript
from apps.opie.engine.attempts import Another, another_attempt, tell_worker
from apps.opie.engine.live.event_rows import tell
from apps.opie.engine.outcome import output_of, result_of
from apps.opie.engine.paused import restored
from apps.opie.engine.recording import LAST_EVENT, Events, append_events
from apps.opie.events import EventType
from apps.opie.ledger.calls import close_open_calls
from apps.opie.ledger.summary import RunUsage, usage_of_run
from apps.opie.metrics.errors import RunError, record_error
from apps.opie.models import AgentOSMessage, AgentOSPerformance, AgentOSRun, RunEventBatch
from apps.opie.models.approvals import ApprovalStatus
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
    """What was written: the run's last event, and the run that is next in its session's line, if any. After
    `run.retrying` the run has not ended: it is the worker's again."""

    kind: EventType
    data: dict[str, Any]
    next_run: UUID | None


def settle(run_id: UUID, ending: Ending, events: Events, last_number: int) -> Settled | None:
    """Write how a run ended, or that it is tried again. Its last event is numbered `last_number`.

    None when the run had ended already, is gone with its session, or is in another attempt by now, and then nothing is
    written.
    """
    now = timezone.now()
    with transaction.atomic():
        run = AgentOSRun.objects.select_for_update(of=("self",)).select_related("agent").filter(pk=run_id).first()
        if run is None or run.status not in LIVE_STATUSES or not recording.is_ours(run_id, run.attempt):
            return None
        used = usage_of_run(run_id)
        if used.open_calls:
            close_open_calls(run_id)
            used = usage_of_run(run_id)
        if another := another_attempt(run, ending.error, now):
            settled = _put_back(run, another, now)
            append_events(run_id, [*events, (last_number, settled.kind, settled.data)])
            if not recording.is_recording(run_id):
                tell([run_id])
            recording.forget(run_id)
            return settled
        if run.status == RunStatus.WAITING:
            _end_waiting(run, ending, now)
        next_run = _store_rows(run, ending, now)
        run.status, run.finished_at, run.paused_state = ending.status, now, None
        run.context = ending.context or run.context
        if ending.error:
            run.error_code, run.error_message = ending.error.code, ending.error.message[:500]
            record_error(run, ending.error, now)
        for tool_error in ending.tool_errors:
            record_error(run, tool_error, now)
        run.save(update_fields=_ENDED)
        if ending.status is RunStatus.COMPLETED:
            afterwards.plan(run, summary_is_due=ending.summary_is_due)
        performance = _store_performance(run, ending, used)
        data = result_of(run, ending.rows, used, performance).as_json()
        append_events(run_id, [*events, (last_number, LAST_EVENT[ending.status], data)])
        if not recording.is_recording(run_id):  # else the next beat tells
            tell([run_id])
    recording.forget(run_id)
    return Settled(LAST_EVENT[ending.status], data, next_run)


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
    begun = max((place for place, (_, kind, _) in enumerate(said) if kind == "run.retrying"), default=-1) + 1
    return "".join(data["text"] for _, kind, data in said[begun:] if kind == "message.delta")


def _put_back(run: AgentOSRun, another: Another, now: datetime) -> Settled:
    """The run waits for its next attempt. What this one cost stays in the ledger; what it said was not an answer."""
    record_error(run, another.error, now)
    run.status, run.attempt, run.not_before = RunStatus.PENDING, another.number, another.not_before
    run.heartbeat_at = run.paused_state = None
    run.save(update_fields=["status", "attempt", "not_before", "heartbeat_at", "paused_state"])
    tell_worker(run.pk, another.not_before)
    return Settled("run.retrying", another.as_json(), None)


def _store_rows(run: AgentOSRun, ending: Ending, now: datetime) -> UUID | None:
    """Store what was said, at the end of the run's branch; answers which run is next in the session."""
    answer = next((row for row in ending.rows if row.is_answer), None)
    if answer is not None:
        answer.citations = ending.citations
        answer.status = _MESSAGE_STATUS[ending.status]
        if ending.error:
            answer.metadata["error"] = {"code": ending.error.code, "message": ending.error.message}
            answer.content = answer.content or ending.error.message
    if run.session_id is None:
        run.output = output_of(ending.rows)
        return None
    last, next_run = _note_in_session(run, ending.rows, now)
    _store_messages(run, ending.rows, last - len(ending.rows), now)
    return next_run


def _note_in_session(run: AgentOSRun, rows: Sequence[AgentOSMessage], now: datetime) -> tuple[int, UUID | None]:
    """Reserve numbers for the messages, and let the branch end with them unless another one is shown by now. Answers
    the last number, and the run that waits longest. One statement, which also locks the session."""
    head = rows[-1].pk if rows else run.question_id
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE opie_agentossession SET message_count = message_count + %s, last_message_at = %s, updated_at = %s,"
            " head_id = CASE WHEN head_id = %s THEN %s ELSE head_id END WHERE id = %s RETURNING message_count,"
            " (SELECT id FROM opie_agentosrun WHERE session_id = %s AND status = 'pending' ORDER BY id LIMIT 1)",
            [len(rows), now, now, run.question_id, head, run.session_id, run.session_id],
        )
        last, next_run = cursor.fetchone()
    return int(last), next_run


def _store_messages(run: AgentOSRun, rows: Sequence[AgentOSMessage], number: int, now: datetime) -> None:
    """Store unsaved messages, numbered from the one after `number`, each behind the one before."""
    parent = run.question_id
    for number, row in enumerate(rows, number + 1):  # noqa: B020 - it goes on from where it was
        row.number, row.session_id, row.run, row.agent_id = number, run.session_id, run, run.agent_id  # type: ignore[assignment]
        row.parent_id, parent = parent, row.pk
        row.created_at = now
    AgentOSMessage.objects.bulk_create(rows)


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


_ENDED = ["status", "finished_at", "error_code", "error_message", "output", "paused_state", "context"]
_MESSAGE_STATUS = {
    RunStatus.COMPLETED: MessageStatus.COMPLETE,
    RunStatus.FAILED: MessageStatus.FAILED,
    RunStatus.CANCELLED: MessageStatus.CANCELLED,
    RunStatus.INTERRUPTED: MessageStatus.INTERRUPTED,
}
