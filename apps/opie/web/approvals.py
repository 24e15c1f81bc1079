"""Approvals as a person decides them: what will be called, with what, as whom, until when, and by whose word."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import Membership, Role
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.opie.engine.approvals import may_decide
from apps.opie.models import AgentOSApproval
from apps.opie.models.approval_rules import ApprovalBy
from apps.opie.models.approvals import ApprovalStatus
from apps.opie.tools.registry import TOOLS

LONG_TEXT = 60
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument as it is shown and changed. `kind` is text, number, yes_no or json."""

    name: str
    kind: str
    shown: str

    @property
    def is_long(self) -> bool:
        return self.kind == "json" or len(self.shown) > LONG_TEXT or "\n" in self.shown


@dataclass(frozen=True, slots=True)
class ApprovalCard:
    """Everything a card says. `deciders` are named for whoever may not decide."""

    approval: AgentOSApproval
    arguments: list[Argument]
    may_decide: bool
    is_own: bool
    deciders: list[str]

    @property
    def state(self) -> str:
        """Its status; what nobody decided in time is over, even before that is written down."""
        return ApprovalStatus.EXPIRED if _is_late(self.approval) else self.approval.status

    @property
    def is_pending(self) -> bool:
        return self.state == ApprovalStatus.PENDING

    @property
    def label(self) -> str:
        tool = TOOLS.get(self.approval.tool_name)
        return tool.label if tool else ""

    @property
    def was_changed(self) -> bool:
        return self.approval.changed_arguments is not None


def card_of(principal: Principal, approval: AgentOSApproval) -> ApprovalCard:
    """The card for that person. One query more only for who may not decide."""
    may = may_decide(principal, approval)
    pending = approval.status == ApprovalStatus.PENDING and not _is_late(approval)
    changed = approval.changed_arguments
    shown = approval.arguments if changed is None else changed
    return ApprovalCard(
        approval,
        list(_arguments(shown)),
        may and pending,
        approval.user_id == principal.user_id,
        [] if may or not pending else _managers_of(approval),
    )


def waiting_for(principal: Principal) -> QuerySet[AgentOSApproval]:
    """What waits for this person's word."""
    mine = Q(pk__in=[])
    if principal.may(Permission.RUN_AGENTS):
        mine |= Q(by=ApprovalBy.PERSON, user_id=principal.user_id)
    if principal.reach(Permission.MANAGE_AGENTS) is Reach.YES:
        mine |= Q(by=ApprovalBy.MANAGER)
    in_time = Q(expires_at__gt=timezone.now())
    return AgentOSApproval.objects.visible_to(principal).pending().filter(mine & in_time)


def _is_late(approval: AgentOSApproval) -> bool:
    return approval.status == ApprovalStatus.PENDING and approval.expires_at <= timezone.now()


def _arguments(arguments: Any) -> Iterator[Argument]:
    if not isinstance(arguments, dict):
        yield Argument("", "json", json.dumps(arguments, indent=2, ensure_ascii=False))
        return
    for name, value in arguments.items():
        if isinstance(value, bool):
            yield Argument(name, "yes_no", "true" if value else "false")
        elif isinstance(value, str):
            yield Argument(name, "text", value)
        elif isinstance(value, int | float):
            yield Argument(name, "number", json.dumps(value))
        else:
            yield Argument(name, "json", json.dumps(value, indent=2, ensure_ascii=False))


def _managers_of(approval: AgentOSApproval) -> list[str]:
    managers = Membership.objects.filter(
        team_id=approval.team_id, role__in=(Role.OWNER, Role.ADMIN), user__is_active=True
    )
    return list(managers.order_by("created_at").values_list("user__email", flat=True)[:MOST_NAMED])
