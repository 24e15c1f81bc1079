"""Limits: how much in a minute, and how many at once, by team, person, API key, platform or model."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import ApiKey, Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.platforms import AIPlatform


class LimitQuerySet(models.QuerySet["Limit"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(team_id=principal.team_id)

    def applying_to(self, principal: Principal) -> Self:
        """Every limit of the team that a call of this principal may run into."""
        key = Q(api_key=None) | Q(api_key_id=principal.api_key_id) if principal.api_key_id else Q(api_key=None)
        person = Q(user=None) | Q(user_id=principal.user_id)
        return self.filter(person & key, team_id=principal.team_id, is_enabled=True)


class Limit(models.Model):
    """One limit. What is set narrows it: a person, a key, a platform, a model; `each_user` counts everyone apart."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="limits")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    platform = models.ForeignKey(AIPlatform, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    model = models.CharField(max_length=200, blank=True)
    each_user = models.BooleanField(default=False)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    parallel_runs = models.PositiveIntegerField(null=True, blank=True)
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = LimitQuerySet.as_manager()

    class Meta:
        ordering = ["team", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(requests_per_minute=None) | ~Q(tokens_per_minute=None) | ~Q(parallel_runs=None),
                name="opie_limit_limits_something",
            ),
            models.CheckConstraint(condition=Q(user=None) | Q(api_key=None), name="opie_limit_one_subject"),
            models.UniqueConstraint(
                fields=["team", "user", "api_key", "platform", "model", "each_user"],
                nulls_distinct=False,
                name="opie_limit_once",
            ),
        ]

    def __str__(self) -> str:
        return f"limit {self.pk}"


class LimitCount(models.Model):
    """A count in one window, where there is no Redis. Old windows are swept by the clock."""

    key = models.CharField(max_length=200, primary_key=True)
    amount = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "limit count"

    def __str__(self) -> str:
        return f"{self.key}: {self.amount}"
