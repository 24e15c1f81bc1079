"""Prices that a team or the operator sets over the maintained ones; superseded, never edited."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.usage import AgentOSUsage


def per_million(**options: Any) -> Any:
    """Money for a million tokens. NULL is unknown, 0 is free."""
    return models.DecimalField(max_digits=16, decimal_places=8, null=True, blank=True, **options)


class ModelPriceQuerySet(models.QuerySet["ModelPrice"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(Q(team=None) | Q(team_id=principal.team_id))

    def current(self) -> Self:
        return self.filter(superseded_at=None)


class ModelPrice(models.Model):
    """The price of one model at one platform, from a moment on and until the next. The database refuses to edit one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    platform_name = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    input_per_million = per_million()
    cached_per_million = per_million()
    cache_write_per_million = per_million()
    output_per_million = per_million()
    currency = models.CharField(max_length=3, default="USD")
    valid_from = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ModelPriceQuerySet.as_manager()

    class Meta:
        verbose_name = "price"
        ordering = ["platform_name", "model", "-valid_from"]
        indexes = [models.Index(fields=["platform_name", "model"], name="opie_price_of_model")]
        constraints = [
            models.CheckConstraint(
                condition=Q(superseded_at=None) | Q(superseded_at__gte=models.F("valid_from")),
                name="opie_price_ends_after_it_begins",
            ),
            models.UniqueConstraint(
                fields=["team", "platform_name", "model"],
                condition=Q(superseded_at=None),
                nulls_distinct=False,
                name="opie_price_one_current",
            ),
            models.CheckConstraint(
                condition=Q(input_per_million__gte=0, output_per_million__gte=0)
                & (Q(cached_per_million=None) | Q(cached_per_million__gte=0))
                & (Q(cache_write_per_million=None) | Q(cache_write_per_million__gte=0)),
                name="opie_price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.platform_name}/{self.model} from {self.valid_from:%Y-%m-%d}"


class UsageCorrection(models.Model):
    """A call's cost as re-rated later: an entry beside the usage row, which stays as it was. The latest one holds."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    usage = models.ForeignKey(AgentOSUsage, on_delete=models.CASCADE, related_name="corrections")
    batch = models.UUIDField(help_text="Of one re-rating.")
    cost_before = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    unit_prices = models.JSONField(default=dict)
    reason = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "correction"
        ordering = ["-id"]
        indexes = [models.Index(fields=["usage", "-id"], name="opie_correction_of_usage")]
        constraints = [
            models.UniqueConstraint(fields=["usage", "batch"], name="opie_correction_once_per_batch"),
            models.CheckConstraint(condition=Q(cost=None) | Q(cost__gte=0), name="opie_correction_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.usage_id}: {self.cost_before} → {self.cost}"


class UsageRollUp(models.Model):
    """What a day's calls came to, kept when the month's partition of the ledger is trimmed."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    user_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    agent_id = models.CharField(max_length=64, blank=True)
    platform_name = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    calls = models.PositiveBigIntegerField()
    failed_calls = models.PositiveBigIntegerField()
    unpriced_calls = models.PositiveBigIntegerField()
    input_tokens = models.PositiveBigIntegerField()
    output_tokens = models.PositiveBigIntegerField()
    cached_tokens = models.PositiveBigIntegerField()
    reasoning_tokens = models.PositiveBigIntegerField()
    cost = models.DecimalField(max_digits=24, decimal_places=10)
    currency = models.CharField(max_length=3, default="USD")

    class Meta:
        verbose_name = "usage roll-up"
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "team", "user_id", "api_key_id", "agent_id", "platform_name", "model", "currency"],
                nulls_distinct=False,
                name="opie_roll_up_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.platform_name}/{self.model}: {self.calls}"
