"""Approvals: calls of tools that wait for a person's yes."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.approval_rules import ApprovalBy
from apps.opie.models.runs import AgentOSRun


class ApprovalStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


class AgentOSApprovalQuerySet(models.QuerySet["AgentOSApproval"]):
    def visible_to(self, principal: Principal) -> Self:
        """One's own; and those of the team that wait for a manager's yes, for managers."""
        seen = Q(user_id=principal.user_id)
        if principal.reach(Permission.MANAGE_AGENTS) is Reach.YES:
            seen |= Q(by=ApprovalBy.MANAGER)
        return self.filter(seen, team_id=principal.team_id)

    def pending(self) -> Self:
        return self.filter(status=ApprovalStatus.PENDING)


class AgentOSApproval(models.Model):
    """One call of one tool that waits, or waited, for a yes. What runs afterwards is taken from this row."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(AgentOSRun, on_delete=models.CASCADE, related_name="approvals")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", help_text="On whose behalf the tool acts."
    )
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    tool_call_id = models.CharField(max_length=200)
    tool_name = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict, help_text="As the model asked.")
    changed_arguments = models.JSONField(null=True, blank=True, help_text="As whoever said yes changed them.")
    by = models.CharField(max_length=8, choices=ApprovalBy.choices, default=ApprovalBy.PERSON)
    status = models.CharField(max_length=9, choices=ApprovalStatus.choices, default=ApprovalStatus.PENDING)
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True, help_text="What the model is told with a no.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AgentOSApprovalQuerySet.as_manager()

    class Meta:
        verbose_name = "approval"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["team", "status", "-id"], name="opie_approval_of_team"),
            models.Index(fields=["expires_at"], condition=Q(status="pending"), name="opie_approval_pending"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "tool_call_id"], name="opie_approval_once_per_call"),
            models.CheckConstraint(condition=Q(status__in=ApprovalStatus.values), name="opie_approval_status_known"),
            models.CheckConstraint(condition=Q(by__in=ApprovalBy.values), name="opie_approval_by_known"),
            models.CheckConstraint(
                condition=Q(status="pending", decided_at__isnull=True)
                | (~Q(status="pending") & Q(decided_at__isnull=False)),
                name="opie_approval_decided_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool_name} ({self.status})"
