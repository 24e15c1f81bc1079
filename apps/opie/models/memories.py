"""Long-term memory: what agents keep about a person, which the person owns."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent


class AgentOSMemoryQuerySet(models.QuerySet["AgentOSMemory"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(user_id=principal.user_id, team_id=principal.team_id)


class AgentOSMemory(models.Model):
    """One thing remembered about one person, within one team."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    memory = models.TextField()
    topics = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    input = models.TextField(blank=True, help_text="What the person wrote that it was taken from.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AgentOSMemoryQuerySet.as_manager()

    class Meta:
        verbose_name = "memory"
        verbose_name_plural = "memories"
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["user", "team", "-updated_at"], name="opie_memory_of_person")]

    def __str__(self) -> str:
        """Without what is remembered: the admin shows names of rows to staff."""
        return f"memory {self.id}"
