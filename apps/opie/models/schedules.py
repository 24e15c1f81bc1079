"""Schedules: questions that are asked by the clock."""

from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import ApiKey, Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.sessions import AgentOSSession


class AgentOSScheduleQuerySet(models.QuerySet["AgentOSSchedule"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(user_id=principal.user_id, team_id=principal.team_id)


class AgentOSSchedule(models.Model):
    """One question to one agent at the times of a cron line, on behalf of the person who made it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    api_key = models.ForeignKey(
        ApiKey,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="The key it was made or last changed with: its runs may no more than that key may.",
    )
    api_key_id: UUID | None
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="schedules")
    session = models.ForeignKey(
        AgentOSSession,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where it is asked; without one each run is on its own.",
    )
    name = models.CharField(max_length=120)
    message = models.TextField(max_length=100_000)
    cron = models.CharField(max_length=100, help_text="Minute, hour, day of the month, month, day of the week.")
    time_zone = models.CharField(max_length=64, default="UTC")
    most_attempts = models.PositiveSmallIntegerField(default=3)
    is_enabled = models.BooleanField(default=True)
    problem = models.CharField(
        max_length=300, blank=True, help_text="Why its last time was left out, or why it was switched off."
    )
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AgentOSScheduleQuerySet.as_manager()

    class Meta:
        verbose_name = "schedule"
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["user", "team"], name="opie_schedule_of_person"),
            models.Index(fields=["next_run_at"], condition=Q(is_enabled=True), name="opie_schedule_due"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_enabled=False) | Q(next_run_at__isnull=False), name="opie_schedule_enabled_has_next"
            ),
            models.CheckConstraint(
                condition=Q(most_attempts__gte=1, most_attempts__lte=10), name="opie_schedule_1_to_10_attempts"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
