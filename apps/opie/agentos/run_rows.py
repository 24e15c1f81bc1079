"""Runs as Agno asks for them: plain, sync ORM code, reached through rows.run.

A run that our recorder records is left to it. What is written here are runs of plain Agno agents, teams and
workflows that a host gave a DjangoDb: they land in the same rows, with the same rules. A run never changes its
owner or session, and never leaves an end state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agno.run.agent import RunOutput
from agno.run.status_persist import RunPersistOutcome
from agno.run.team import TeamRunOutput
from agno.run.workflow import WorkflowRunOutput
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.opie.agentos import sessions_mapping as mapping
from apps.opie.agentos.session_rows import as_uuid, find_session, names, with_parts
from apps.opie.agentos.sessions_mapping import AnyRun, RunParts
from apps.opie.engine import recording, transcript
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.messages import MessageRole, MessageStatus
from apps.opie.models.runs import END_STATUSES, LIVE_STATUSES, RunStatus
from apps.opie.storable import clean_text

MOST_RUNS_AT_ONCE = 200
_MESSAGE_STATUS = {
    RunStatus.FAILED: MessageStatus.FAILED,
    RunStatus.CANCELLED: MessageStatus.CANCELLED,
    RunStatus.INTERRUPTED: MessageStatus.INTERRUPTED,
}
_FAILED_MESSAGE = "The run failed."


@dataclass(frozen=True)
class RunFilter:
    """What a list of runs is narrowed by."""

    session_id: str | None = None
    component_ids: tuple[str, ...] = ()
    status: Any = None
    limit: int | None = None
    page: int | None = None
    newest_first: bool = False


def find_run(principal: Principal, run_id: str | None) -> AgentOSRun | None:
    """The run when it is this person's, else None."""
    key = as_uuid(run_id)
    runs = AgentOSRun.objects.visible_to(principal).select_related("agent", "session__agent")
    return runs.filter(pk=key).first() if key else None


def read_run(principal: Principal, run_id: str, *, figures: bool) -> RunParts | None:
    row = find_run(principal, run_id)
    return with_parts([row], figures=figures)[0] if row is not None else None


def read_runs(principal: Principal, wanted: RunFilter, *, figures: bool) -> tuple[list[RunParts], int]:
    """Runs, oldest first unless asked otherwise, and how many there are."""
    runs = AgentOSRun.objects.visible_to(principal).select_related("agent", "session__agent")
    if wanted.session_id is not None:
        runs = runs.filter(session=as_uuid(wanted.session_id))
    if wanted.component_ids:
        runs = runs.filter(agent__agent_id__in=wanted.component_ids)
    if wanted.status is not None:
        runs = runs.filter(status__in=mapping.statuses_for(wanted.status))
    limit = min(wanted.limit or MOST_RUNS_AT_ONCE, MOST_RUNS_AT_ONCE)
    start = (max(wanted.page or 1, 1) - 1) * limit
    sign = "-" if wanted.newest_first else ""
    ordered = runs.order_by(f"{sign}created_at", f"{sign}id")
    return with_parts(list(ordered[start : start + limit]), figures=figures), runs.count()


def store_run(principal: Principal, run: AnyRun, session_id: str, user_id: str | None) -> bool:
    """Stores a plain Agno run, new or going on, in this person's session. False where nothing was written:
    the run is recorded by our recorder, has ended, or belongs (or would belong) to somebody else."""
    key = as_uuid(run.run_id)
    if key is None or not names(principal, user_id) or left_to_recorder(run):
        return False
    with transaction.atomic():
        session = _locked_session(principal, session_id)
        if session is None:
            return False
        row = AgentOSRun.objects.select_for_update().filter(pk=key).first()
        if row is None:
            row = _new_run(principal, key, run, session)
        if row is None or row.session_id != session.pk or row.user_id != principal.user_id:
            return False
        if row.has_ended or _is_recorded(row):
            return False
        _move(row, run)
        if row.parent_id is None and row.status not in (RunStatus.PENDING, RunStatus.RUNNING):
            _store_messages(row, run, session)
    return True


def append_run_if_absent(principal: Principal, run: AnyRun, session_id: str, user_id: str | None) -> bool | None:
    """True when stored, False when it is there already, None when this person has no such session."""
    if find_session(principal, session_id) is None:
        return None
    if find_run(principal, run.run_id) is not None:
        return False
    return True if store_run(principal, run, session_id, user_id) else None


def patch_run(
    principal: Principal, session_id: str, run_id: str, status: Any, user_id: str | None
) -> RunPersistOutcome:
    """Moves a plain run to another status, as Agno's status transitions do."""
    if not names(principal, user_id):
        return RunPersistOutcome.MISSING
    with transaction.atomic():
        row = _own_run_locked(principal, session_id, run_id)
        if row is None:
            return RunPersistOutcome.MISSING
        if row.has_ended or _is_recorded(row):
            return RunPersistOutcome.TERMINAL_REFUSED
        if status is not None:
            _set_status(row, mapping.status_from_agno(status))
            row.save(update_fields=["status", "finished_at", "error_code", "error_message"])
    return RunPersistOutcome.UPDATED


def cancel_run(principal: Principal, session_id: str, run_id: str, expected_status: str, user_id: str | None) -> bool:
    """Cancels a plain run that is still in the status it was seen in."""
    if not names(principal, user_id):
        return False
    with transaction.atomic():
        row = _own_run_locked(principal, session_id, run_id)
        if (
            row is None
            or _is_recorded(row)
            or row.status not in set(mapping.statuses_for(expected_status)) & LIVE_STATUSES
        ):
            return False
        _set_status(row, RunStatus.CANCELLED)
        row.save(update_fields=["status", "finished_at"])
    return True


def delete_runs(principal: Principal, run_ids: Sequence[str]) -> int:
    """How many of these this person had and has no more. A run that is being recorded stays."""
    keys = [key for key in map(as_uuid, run_ids) if key and not recording.is_recording(key)]
    beating = AgentOSRun.objects.live().filter(heartbeat_at__gte=timezone.now() - recording.STALE_AFTER)
    own = AgentOSRun.objects.visible_to(principal).filter(pk__in=keys).exclude(pk__in=beating)
    count = own.count()
    own.delete()
    return count


def _is_recorded(row: AgentOSRun) -> bool:
    """Whether a recorder, of this process or another, writes this run: it stores the question when it starts,
    while a plain run has no message before it pauses or ends."""
    going = row.status in (RunStatus.PENDING, RunStatus.RUNNING)
    return recording.is_recording(row.pk) or (going and row.messages.exists())


def left_to_recorder(run: AnyRun) -> bool:
    """Whether a turn of this process writes this run, or the one that this is a part of."""
    for run_id in (run.run_id, run.parent_run_id):
        key = as_uuid(run_id)
        if key is not None and recording.is_recording(key):
            return True
    return False


def _locked_session(principal: Principal, session_id: str) -> AgentOSSession | None:
    key = as_uuid(session_id)
    return AgentOSSession.objects.visible_to(principal).select_for_update().filter(pk=key).first() if key else None


def _own_run_locked(principal: Principal, session_id: str, run_id: str) -> AgentOSRun | None:
    key = as_uuid(run_id)
    own = AgentOSRun.objects.visible_to(principal).select_for_update()
    return own.filter(pk=key, session=as_uuid(session_id)).first() if key else None


def _new_run(principal: Principal, key: UUID, run: AnyRun, session: AgentOSSession) -> AgentOSRun | None:
    parent = None
    if run.parent_run_id:
        parent_key = as_uuid(run.parent_run_id)
        parent = AgentOSRun.objects.filter(pk=parent_key, session=session).first() if parent_key else None
        if parent is None:
            return None  # a part of a run that is not kept here
    component_id = _component_id(run)
    agent = Agent.objects.visible_to(principal).filter(agent_id=component_id).first() if component_id else None
    return AgentOSRun.objects.create(
        pk=key,
        session=session,
        user_id=principal.user_id,
        team_id=session.team_id,
        api_key_id=principal.api_key_id,
        agent=agent,
        agent_version=agent.version if agent else 1,
        parent=parent,
        status=RunStatus.RUNNING,
        started_at=timezone.now(),
    )


def _component_id(run: AnyRun) -> str | None:
    match run:
        case RunOutput():
            return run.agent_id
        case TeamRunOutput():
            return run.team_id
        case WorkflowRunOutput():
            return run.workflow_id


def _move(row: AgentOSRun, run: AnyRun) -> None:
    _set_status(row, mapping.status_from_agno(run.status))
    if row.parent_id is not None:
        # A member's part is not a message of the conversation; what it said is kept beside it.
        row.output = {"component_id": _component_id(run), "content": clean_text(_text(run.content))}
    row.save()


def _set_status(row: AgentOSRun, status: RunStatus) -> None:
    row.status = status
    row.finished_at = timezone.now() if status in END_STATUSES else None
    if status == RunStatus.FAILED:
        row.error_code, row.error_message = "run_failed", _FAILED_MESSAGE


def _store_messages(row: AgentOSRun, run: AnyRun, session: AgentOSSession) -> None:
    """Adds what of the run is not stored yet, numbered by the session's own count (it is locked)."""
    rows = [AgentOSMessage(role=MessageRole.USER, content=clean_text(_asked(run))), *_answered(row, run)]
    new = rows[row.messages.count() :]
    for number, message in enumerate(new, start=session.message_count + 1):
        message.session, message.run, message.agent, message.number = session, row, row.agent, number
    AgentOSMessage.objects.bulk_create(new)
    AgentOSSession.objects.filter(pk=session.pk).update(
        message_count=F("message_count") + len(new), last_message_at=timezone.now(), updated_at=timezone.now()
    )


def _answered(row: AgentOSRun, run: AnyRun) -> list[AgentOSMessage]:
    if isinstance(run, WorkflowRunOutput):
        rows = [AgentOSMessage(role=MessageRole.ASSISTANT, content=clean_text(_text(run.content)), is_answer=True)]
    else:
        rows = transcript.rows_of(message for message in run.messages or [] if not message.from_history)
    if row.status == RunStatus.WAITING:
        for message in rows:
            message.is_answer = False
    elif row.status == RunStatus.FAILED:
        # Agno puts the exception's text where the answer belongs; that is for operators.
        rows = [message for message in rows if not message.is_answer]
        rows.append(AgentOSMessage(role=MessageRole.ASSISTANT, content=_FAILED_MESSAGE, is_answer=True))
    elif not any(message.is_answer for message in rows):
        rows.append(AgentOSMessage(role=MessageRole.ASSISTANT, content=clean_text(_text(run.content)), is_answer=True))
    for message in rows:
        if message.is_answer:
            message.status = _MESSAGE_STATUS.get(RunStatus(row.status), MessageStatus.COMPLETE)
    return rows


def _asked(run: AnyRun) -> str:
    if isinstance(run, WorkflowRunOutput):
        return _text(run.input)
    return run.input.input_content_string() if run.input is not None else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    dump = getattr(value, "model_dump_json", None)
    return str(dump()) if callable(dump) else str(value)
