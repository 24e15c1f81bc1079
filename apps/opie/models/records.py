"""What is kept about runs beside the answer: how fast they were and what went wrong."""

from typing import Self

from django.db import models

from apps.accounts.models import Team
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.runs import AgentOSRun


class AgentOSPerformanceQuerySet(models.QuerySet["AgentOSPerformance"]):
    def visible_to(self, principal: Principal) -> Self:
        rows = self.filter(run__team_id=principal.team_id)
        return (
            rows
            if principal.reach(Permission.VIEW_METRICS) is Reach.YES
            else rows.filter(run__user_id=principal.user_id)
        )


class AgentOSPerformance(models.Model):
    """How long one run took, and where the time went. Milliseconds."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.OneToOneField(AgentOSRun, on_delete=models.CASCADE, related_name="performance")
    time_to_first_token_ms = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    model_ms = models.PositiveIntegerField(default=0)
    tool_ms = models.PositiveIntegerField(default=0)
    database_ms = models.PositiveIntegerField(default=0)
    tokens_per_second = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = AgentOSPerformanceQuerySet.as_manager()

    class Meta:
        verbose_name = "performance"
        verbose_name_plural = "performance"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.duration_ms} ms"


class AgentOSErrorQuerySet(models.QuerySet["AgentOSError"]):
    def visible_to(self, principal: Principal) -> Self:
        rows = self.filter(team_id=principal.team_id)
        return (
            rows
            if principal.reach(Permission.VIEW_METRICS) is Reach.YES
            else rows.filter(last_run__user_id=principal.user_id)
        )


class AgentOSError(models.Model):
    """One kind of failure: what failed, where, how often, and whether somebody has dealt with it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    fingerprint = models.CharField(max_length=64)
    code = models.CharField(max_length=64)
    place = models.CharField(max_length=200, help_text="platform/model, tool or module that failed")
    message = models.CharField(max_length=500, help_text="What the person was told.")
    detail = models.TextField(blank=True, help_text="For operators; never sent to a client.")
    occurrences = models.PositiveIntegerField(default=1)
    first_seen = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField()
    last_run = models.ForeignKey(AgentOSRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    is_resolved = models.BooleanField(default=False)

    objects = AgentOSErrorQuerySet.as_manager()

    class Meta:
        verbose_name = "error"
        ordering = ["-last_seen"]
        indexes = [models.Index(fields=["team", "is_resolved", "-last_seen"], name="opie_error_of_team")]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "fingerprint"], nulls_distinct=False, name="opie_error_fingerprint_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} at {self.place} ({self.occurrences})"
