"""Summaries: what stands for the messages of a session that a model is no longer given."""

from django.db import models

from apps.api.ids import uuid7
from apps.opie.models.messages import AgentOSMessage
from apps.opie.models.sessions import AgentOSSession


class AgentOSSummary(models.Model):
    """A branch from its first message up to `up_to`, in short. It holds for every branch that goes through there."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(AgentOSSession, on_delete=models.CASCADE, related_name="summaries")
    up_to = models.OneToOneField(AgentOSMessage, on_delete=models.CASCADE, related_name="summary")
    message_count = models.PositiveIntegerField(help_text="How many messages it stands for.")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "summary"
        verbose_name_plural = "summaries"
        ordering = ["session", "-id"]

    def __str__(self) -> str:
        """Without what was said: the admin shows names of rows to staff."""
        return f"summary of {self.session_id}"
