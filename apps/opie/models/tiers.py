"""Tiers: what an agent needs of a model, instead of a model's name."""

from typing import Self

from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.platforms import AIPlatform


class Tier(models.TextChoices):
    """`fallback` follows every other one; no agent is of it."""

    ANALYSIS = "analysis", "Analysis"
    ECONOMY = "economy", "Economy"
    WRITING = "writing", "Writing"
    FALLBACK = "fallback", "Fallback"


AGENT_TIERS = [(tier.value, tier.label) for tier in Tier if tier != Tier.FALLBACK]


class ModelTierQuerySet(models.QuerySet["ModelTier"]):
    def visible_to(self, principal: Principal) -> Self:
        """The installation's choices and those of the person's team."""
        return self.filter(Q(team=None) | Q(team_id=principal.team_id))


class ModelTier(models.Model):
    """One (platform, model) that a team, or without one the installation, puts in a tier, in the order of trying.

    A team's choices for a tier stand in place of the installation's, and those in place of the table that comes with
    Opie (providers/catalogue.py).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="model_tiers")
    tier = models.CharField(max_length=16, choices=Tier.choices)
    position = models.PositiveSmallIntegerField()
    platform = models.ForeignKey(AIPlatform, on_delete=models.CASCADE, related_name="+")
    model = models.CharField(max_length=200, blank=True, help_text="Empty: the platform's default model.")

    objects = ModelTierQuerySet.as_manager()

    class Meta:
        ordering = ["tier", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "tier", "position"], nulls_distinct=False, name="opie_model_tier_position_once"
            ),
            models.UniqueConstraint(
                fields=["team", "tier", "platform", "model"], nulls_distinct=False, name="opie_model_tier_model_once"
            ),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="opie_model_tier_known"),
        ]

    def __str__(self) -> str:
        return f"{self.tier}: {self.platform}/{self.model or self.platform.default_model}"
