"""A run comes to wait for approval, and is taken up again: what is written then. Sync.

Between the two no process has anything to do with the run. It may wait for days and through restarts, and whoever
finds that all is decided takes it up from its rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.opie.engine import approvals, recording
from apps.opie.engine.opening import OpenedTurn
from apps.opie.engine.outcome import as_told
from apps.opie.engine.paused import Paused
from apps.opie.engine.queue import Claimed
from apps.opie.engine.recording import Events
from apps.opie.engine.wishes import Wishes
from apps.opie.models import AgentOSApproval, AgentOSRun
from apps.opie.models.runs import RunStatus
from apps.opie.storable import clean_json, clean_text

MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Continued:
    """A run that goes on: as it was asked, where it stood, and what was decided. `context` is what the model was given."""

    claimed: Claimed
    context: dict[str, Any]
    state: Mapping[str, Any]
    decisions: list[AgentOSApproval]


def pause(run_id: UUID, waits: Paused, context: dict[str, Any], events: Events, number: int) -> bool:
    """Let the run wait: its state, what it waits for and its last events, in one transaction. `context` is what the
    model was given of the conversation, `events` are those not written yet, `number` is that of the next.

    False when there is nothing to wait for: the run was asked to stop, was ended from elsewhere, or is in another attempt.
    """
    attempt = recording.attempt_of(run_id)
    try:
        return _pause(run_id, waits, context, events, number)
    except Exception:
        # Not written after all: the turn that runs it is still the one to write it.
        recording.begin(run_id, attempt)
        raise


@transaction.atomic
def _pause(run_id: UUID, waits: Paused, context: dict[str, Any], events: Events, number: int) -> bool:
    run = AgentOSRun.objects.select_for_update(of=("self",)).select_related("agent").filter(pk=run_id).first()
    if run is not None and run.status == RunStatus.WAITING:
        # An earlier try was written although its answer was lost.
        recording.forget(run_id)
        return True
    if run is None or run.status != RunStatus.RUNNING or run.cancel_requested_at is not None:
        return False
    if not recording.is_ours(run_id, run.attempt):
        return False
    asked = approvals.ask_for(run, [_as_asked(call) for call in waits.calls], timezone.now())
    run.status, run.heartbeat_at, run.context = RunStatus.WAITING, None, context
    run.paused_state = {
        **waits.state,
        "waits_for": [approval.tool_call_id for approval in asked],
        "api_key_id": str(run.api_key_id) if run.api_key_id else None,
    }
    run.save(update_fields=["status", "heartbeat_at", "paused_state", "context"])
    told = [(at, "approval.required", as_told(approval)) for at, approval in enumerate(asked, number)]
    recording.append_events(run_id, [*events, *told])
    # Before it can be taken up again, here or elsewhere.
    recording.forget(run_id)
    return True


@transaction.atomic
def claim(run_id: UUID) -> Continued | None:
    """Take a run up that waits for nothing more. None when it does, or when somebody else was quicker."""
    run = AgentOSRun.objects.select_for_update(of=("self",)).filter(pk=run_id, status=RunStatus.WAITING).first()
    if run is None or run.paused_state is None or AgentOSApproval.objects.pending().filter(run=run).exists():
        return None
    AgentOSRun.objects.filter(pk=run_id).update(status=RunStatus.RUNNING, heartbeat_at=timezone.now())
    state = run.paused_state
    decided = {approval.tool_call_id: approval for approval in approvals.of_run(run_id)}
    recording.begin(run_id, run.attempt)
    opened = OpenedTurn(
        run_id=run_id,
        session_id=run.session_id,
        title="",
        text="",
        status=RunStatus.RUNNING,
        question_id=run.question_id,
        last_event=recording.last_number(run_id),
        wishes=Wishes.of_json((run.input or {}).get("wishes", {})),
    )
    # The key of the state: one that was deleted meanwhile must not leave its person's full rights behind.
    key = UUID(state["api_key_id"]) if state["api_key_id"] else None
    claimed = Claimed(opened, run.user_id, run.team_id, key, run.agent_id)
    return Continued(claimed, run.context, state, [decided[call_id] for call_id in state["waits_for"]])


def left_behind() -> list[UUID]:
    """Runs that wait for nothing more, and that whoever decided did not take up."""
    pending = AgentOSApproval.objects.pending().filter(run=OuterRef("pk"))
    waiting = AgentOSRun.objects.filter(status=RunStatus.WAITING, paused_state__isnull=False)
    return list(waiting.filter(~Exists(pending)).values_list("pk", flat=True)[:MOST_AT_ONCE])


def _as_asked(call: Any) -> approvals.CallThatWaits:
    arguments: dict[str, Any] = clean_json(dict(call.tool_args or {}))
    return approvals.CallThatWaits(call.tool_call_id, clean_text(call.tool_name or ""), arguments)
