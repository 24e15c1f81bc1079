"""Approvals: a run waits for a person's yes, as long as it takes, and goes on from our rows.

Sync, like all code that touches rows. The run's row is locked before its approvals are looked at, so that of two
people who decide at once one comes second, and the last decision of several is seen to be the last.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts.audit import record
from apps.accounts.models import Membership
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie.engine.approval_rules import rule_for
from apps.opie.engine.recording import append_events, last_number
from apps.opie.models import AgentOSApproval, AgentOSRun
from apps.opie.models.approval_rules import ApprovalBy, ApprovalRule
from apps.opie.models.approvals import ApprovalStatus
from apps.opie.models.runs import RunStatus
from apps.opie.tools.registry import checked_arguments

NOBODY_ANSWERED = "Nobody answered in time, so it was not allowed."
LONGEST_NOTE = 500

Answer = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class CallThatWaits:
    """One call of a tool as the model asked for it."""

    tool_call_id: str
    tool_name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallDecision:
    """A yes or a no to one call of a run, from a door that names calls and not approvals. The name of the tool and its
    arguments are what that door was told, if anything; they decide nothing."""

    tool_call_id: str
    allowed: bool
    note: str = ""
    tool_name: Any = None
    arguments: Any = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided; `is_last` when the run waits for nothing more and has to be continued."""

    approval: AgentOSApproval
    is_last: bool


def ask_for(run: AgentOSRun, calls: Sequence[CallThatWaits], now: datetime) -> list[AgentOSApproval]:
    """Store what the run waits for. The caller has locked the run and moves it to waiting in the same transaction."""
    membership = Membership.objects.filter(user_id=run.user_id, team_id=run.team_id).first()
    role = membership.role if membership else None
    asked = []
    for call in calls:
        # A tool of the host's may wait by its own doing: then it is for the person to say.
        rule = rule_for(run.agent, call.tool_name, role) or ApprovalRule()
        approval = AgentOSApproval.objects.create(
            run=run,
            team_id=run.team_id,
            user_id=run.user_id,
            agent_id=run.agent_id,
            tool_call_id=call.tool_call_id,
            tool_name=call.tool_name,
            arguments=call.arguments,
            by=rule.by,
            expires_at=now + timedelta(seconds=rule.expires_in),
        )
        record(None, "approval.asked", approval, after=_for_audit(approval))
        asked.append(approval)
    return asked


def decide(
    principal: Principal,
    approval_id: UUID,
    answer: Answer,
    *,
    arguments: dict[str, Any] | None = None,
    note: str = "",
) -> Decided:
    """A person's yes (perhaps with other arguments) or no to one call.

    Raises NotFound for what is not there for this person, NotAllowed for somebody who may see it but not decide,
    InvalidInput for arguments that the tool does not take, and Conflict, with what it came to, when it is over.
    """
    approval = find(principal, approval_id)
    if not may_decide(principal, approval):
        raise NotAllowed(_WHO_DECIDES[ApprovalBy(approval.by)])
    if len(note) > LONGEST_NOTE:
        raise InvalidInput(fields={"note": [f"At most {LONGEST_NOTE} characters."]})
    changed = _changed(approval, arguments)
    status = ApprovalStatus.APPROVED if answer == "approve" else ApprovalStatus.REJECTED
    with transaction.atomic():
        run = _locked_run(approval.run_id)
        now = timezone.now()
        open_ones = AgentOSApproval.objects.pending().filter(pk=approval.pk, expires_at__gt=now)
        decided = open_ones.update(
            status=status, decided_by_id=principal.user_id, decided_at=now, changed_arguments=changed, note=note
        )
        approval = find(principal, approval_id)
        if decided:
            record(principal, f"approval.{status}", approval, before={"status": "pending"}, after=_for_audit(approval))
            _tell(run, approval)
        is_last = not AgentOSApproval.objects.pending().filter(run_id=approval.run_id).exists()
    if not decided:
        raise _over(approval)
    return Decided(approval, is_last)


def find(principal: Principal, approval_id: UUID) -> AgentOSApproval:
    """The approval when this person may see it. Raises NotFound, also for somebody else's."""
    visible = AgentOSApproval.objects.visible_to(principal).select_related("run", "agent", "user", "decided_by")
    approval = visible.filter(pk=approval_id).first()
    if approval is None:
        raise NotFound("There is no such approval.", code="approval_not_found")
    return approval


def may_decide(principal: Principal, approval: AgentOSApproval) -> bool:
    """Whether this person's word counts: the asking person's own for `person`; for `manager` that of whoever manages
    all of the team's agents, which the asking person may happen to do."""
    if approval.team_id != principal.team_id:
        return False
    if approval.by == ApprovalBy.MANAGER:
        return principal.reach(Permission.MANAGE_AGENTS) is Reach.YES
    return approval.user_id == principal.user_id and principal.may(Permission.RUN_AGENTS)


def expire(now: datetime | None = None) -> list[UUID]:
    """Count what nobody answered in time as a no. Answers the runs that wait for nothing more because of it."""
    now = now or timezone.now()
    late = AgentOSApproval.objects.pending().filter(expires_at__lte=now)
    runs = sorted(set(late.values_list("run_id", flat=True)))
    return [run_id for run_id in runs if _expire_of(run_id, now)]


def close(run_id: UUID, status: ApprovalStatus, now: datetime) -> None:
    """End what a run still waits for without anybody's word. The caller has locked the run."""
    _end(AgentOSApproval.objects.pending().filter(run_id=run_id), status, now)


def of_run(run_id: UUID) -> list[AgentOSApproval]:
    """All that a run has waited for, in the order it was asked."""
    return list(AgentOSApproval.objects.filter(run_id=run_id).select_related("run", "agent", "user").order_by("id"))


def _locked_run(run_id: UUID) -> AgentOSRun:
    """Raises NotFound for a run that was deleted with its session meanwhile."""
    run = AgentOSRun.objects.select_for_update(of=("self",)).filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such approval.", code="approval_not_found")
    return run


def _tell(run: AgentOSRun, approval: AgentOSApproval) -> None:
    """Readers of the run hear what was decided; there is no process of its that would tell them."""
    if run.status != RunStatus.WAITING:
        return
    data = {
        "approval_id": str(approval.pk),
        "tool_call_id": approval.tool_call_id,
        "name": approval.tool_name,
        "status": str(approval.status),
        "arguments": approval.arguments if approval.changed_arguments is None else approval.changed_arguments,
        "note": approval.note,
    }
    append_events(run.pk, [(last_number(run.pk) + 1, "approval.decided", data)])


def _expire_of(run_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        run = AgentOSRun.objects.select_for_update(of=("self",)).filter(pk=run_id).first()
        if run is None:
            return False
        of_this_run = AgentOSApproval.objects.pending().filter(run_id=run_id)
        for approval in _end(of_this_run.filter(expires_at__lte=now), ApprovalStatus.EXPIRED, now):
            _tell(run, approval)
        return run.status == RunStatus.WAITING and not of_this_run.exists()


def _end(approvals: Iterable[AgentOSApproval], status: ApprovalStatus, now: datetime) -> list[AgentOSApproval]:
    ended = list(approvals)
    for approval in ended:
        approval.status, approval.decided_at = status, now
        approval.note = NOBODY_ANSWERED if status == ApprovalStatus.EXPIRED else ""
        approval.save(update_fields=["status", "decided_at", "note"])
        record(None, f"approval.{status}", approval, before={"status": "pending"}, after=_for_audit(approval))
    return ended


def _changed(approval: AgentOSApproval, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
    if arguments is None or arguments == approval.arguments:
        return None
    checked = checked_arguments(approval.tool_name, arguments)
    return None if checked == approval.arguments else checked


def _over(approval: AgentOSApproval) -> Conflict:
    """What to answer somebody whose word comes too late."""
    status = ApprovalStatus.EXPIRED if approval.status == ApprovalStatus.PENDING else approval.status
    decided_at = approval.decided_at or approval.expires_at
    return Conflict(
        f"This was decided already: {status}.",
        code="approval_decided",
        extra={"status": str(status), "decided_at": decided_at.isoformat()},
    )


def _for_audit(approval: AgentOSApproval) -> dict[str, Any]:
    """What outlives the approval: no argument, which may be anything, but a hash to recognise them by."""
    ran_with = approval.arguments if approval.changed_arguments is None else approval.changed_arguments
    canonical = json.dumps(ran_with, sort_keys=True, ensure_ascii=False)
    return {
        "status": str(approval.status),
        "run_id": str(approval.run_id),
        "tool": approval.tool_name,
        "by": str(approval.by),
        "on_behalf_of": str(approval.user_id),
        "arguments_sha256": hashlib.sha256(canonical.encode()).hexdigest(),
        "arguments_changed": approval.changed_arguments is not None,
        "note": approval.note,
    }


_WHO_DECIDES = {
    ApprovalBy.PERSON: "Only whoever asked the agent decides this.",
    ApprovalBy.MANAGER: "Somebody who manages the team's agents decides this: an owner or an admin.",
}
