"""Usage: the ledger's rows, one per call to a model. Partitioned by month on the id (UUIDv7)."""

from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import ApiKey, Team
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.ids import uuid7, uuid7_floor
from apps.opie.models.agents import Agent
from apps.opie.models.platforms import AIPlatform
from apps.opie.models.runs import AgentOSRun
from apps.opie.models.sessions import AgentOSSession

# An id is made a little before its row, maybe in the month before. It only says which partitions to look into.
ID_SLACK = timedelta(days=1)
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def began_within(since: datetime | None, until: datetime | None) -> Q:
    """The calls of [since, until), in such a way that the database reads no partition outside it."""
    conditions = Q()
    if since is not None:
        conditions &= Q(created_at__gte=in_reach(since), id__gte=first_id(since))
    if until is not None:
        conditions &= Q(created_at__lt=in_reach(until), id__lt=last_id(until))
    return conditions


def first_id(since: datetime) -> UUID:
    return uuid7_floor(in_reach(since) - ID_SLACK)


def last_id(until: datetime) -> UUID:
    return uuid7_floor(in_reach(until) + ID_SLACK)


def in_reach(moment: datetime) -> datetime:
    """The moment, or the nearest one that an id and the database can express."""
    return min(max(moment, EARLIEST), LATEST)


class CallOutcome(models.TextChoices):
    OPEN = "open", "Open"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    INTERRUPTED = "interrupted", "Interrupted"
    UNSENT = "unsent", "Unsent"


class Certainty(models.TextChoices):
    """How sure the count of tokens is."""

    REPORTED = "reported", "Reported by the platform"
    ESTIMATED = "estimated", "Estimated"
    UNKNOWN = "unknown", "Unknown"


class AgentOSUsageQuerySet(models.QuerySet["AgentOSUsage"]):
    def visible_to(self, principal: Principal) -> Self:
        """The team's for those who may see its figures, else one's own."""
        rows = self.filter(team_id=principal.team_id)
        return rows if principal.reach(Permission.VIEW_METRICS) is Reach.YES else rows.filter(user_id=principal.user_id)

    def calls(self) -> Self:
        """What was really sent."""
        return self.exclude(outcome=CallOutcome.UNSENT)


class AgentOSUsage(models.Model):
    """One call to one model. Opened before the call, settled after it; unit prices are copied, money is Decimal.

    `input_tokens` holds all input, of which `cached_tokens` were read from and `cache_write_tokens` written to the
    vendor's cache; `output_tokens` holds all output, of which `reasoning_tokens` were thought and not said.
    NULL means unknown, never 0.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    session = models.ForeignKey(AgentOSSession, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    run = models.ForeignKey(AgentOSRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="usage")
    attempt = models.PositiveSmallIntegerField(default=1)
    purpose = models.CharField(max_length=32, default="answer")
    platform = models.ForeignKey(AIPlatform, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    platform_name = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    input_tokens = models.PositiveBigIntegerField(null=True)
    cached_tokens = models.PositiveBigIntegerField(null=True)
    cache_write_tokens = models.PositiveBigIntegerField(null=True)
    output_tokens = models.PositiveBigIntegerField(null=True)
    reasoning_tokens = models.PositiveBigIntegerField(null=True)
    audio_tokens = models.PositiveBigIntegerField(null=True)
    unit_prices = models.JSONField(
        default=dict, blank=True, help_text="Price of a million tokens by kind, as decimal strings."
    )
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    currency = models.CharField(max_length=3, default="USD")
    certainty = models.CharField(max_length=9, choices=Certainty.choices, default=Certainty.UNKNOWN)
    outcome = models.CharField(max_length=11, choices=CallOutcome.choices, default=CallOutcome.OPEN)
    error_code = models.CharField(max_length=64, blank=True)
    latency_ms = models.PositiveIntegerField(null=True)
    time_to_first_token_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = AgentOSUsageQuerySet.as_manager()

    class Meta:
        verbose_name = "usage"
        verbose_name_plural = "usage"
        ordering = ["-id"]
        indexes = [models.Index(fields=["team", "-created_at"], name="opie_usage_of_team")]
        constraints = [
            models.CheckConstraint(condition=Q(cost=None) | Q(cost__gte=0), name="opie_usage_cost_not_negative"),
            models.CheckConstraint(condition=Q(outcome__in=CallOutcome.values), name="opie_usage_outcome_known"),
            models.CheckConstraint(condition=Q(certainty__in=Certainty.values), name="opie_usage_certainty_known"),
        ]

    def __str__(self) -> str:
        return f"{self.platform_name}/{self.model} {self.outcome}"
