"""Reactions: what the reader thought of an answer."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.messages import AgentOSMessage

LONGEST_REASON = 1000


class Reaction(models.TextChoices):
    THUMBS_UP = "thumbs_up", "Thumbs up"
    THUMBS_DOWN = "thumbs_down", "Thumbs down"


class MessageReactionQuerySet(models.QuerySet["MessageReaction"]):
    def visible_to(self, principal: Principal) -> Self:
        """One's own, in the team one acts for."""
        return self.filter(user_id=principal.user_id, message__session__team_id=principal.team_id)


class MessageReaction(models.Model):
    """One person's opinion of one answer; a new one takes the place of the old."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(AgentOSMessage, on_delete=models.CASCADE, related_name="reactions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reaction = models.CharField(max_length=11, choices=Reaction.choices)
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MessageReactionQuerySet.as_manager()

    class Meta:
        verbose_name = "reaction"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["message", "user"], name="opie_reaction_once"),
            models.CheckConstraint(condition=Q(reaction__in=Reaction.values), name="opie_reaction_known"),
        ]

    def __str__(self) -> str:
        return self.get_reaction_display()
