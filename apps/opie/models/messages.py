"""Messages: what was said in a session, exactly as the model saw and wrote it."""

from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.runs import AgentOSRun
from apps.opie.models.sessions import AgentOSSession

# In the metadata of messages of a conversation that was taken over: a question that no agent is to answer, and who wrote
# an answer that no agent wrote (`{"answered_by": "person", "name": …}`).
FOR_PERSON = "for_person"
ANSWERED_BY, PERSON = "answered_by", "person"
# In the metadata of an answer: what a host's code noted of it (RunScope.notes).
NOTES = "notes"
# What of a message's metadata is for people to read; the rest is between Opie and the vendors.
_SHOWN = (NOTES, "error", FOR_PERSON, ANSWERED_BY, "name")


class MessageRole(models.TextChoices):
    USER = "user", "User"
    ASSISTANT = "assistant", "Assistant"
    TOOL = "tool", "Tool"


class MessageStatus(models.TextChoices):
    COMPLETE = "complete", "Complete"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    INTERRUPTED = "interrupted", "Interrupted"


_BRANCH = """
    WITH RECURSIVE branch AS (
        SELECT id, parent_id FROM opie_agentosmessage WHERE id = %s
        UNION ALL
        SELECT message.id, message.parent_id
        FROM opie_agentosmessage AS message JOIN branch ON message.id = branch.parent_id
    )
    SELECT id FROM branch
"""


class AgentOSMessageQuerySet(models.QuerySet["AgentOSMessage"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(session__user_id=principal.user_id, session__team_id=principal.team_id)

    def in_branch(self, head_id: UUID | None) -> Self:
        """The message and all that was said before it in its branch."""
        return self.filter(pk__in=RawSQL(_BRANCH, [head_id]))  # noqa: S611 - a constant, with its parameter apart

    def shown(self) -> Self:
        """What a person reads: questions and answers; the rounds of tools between them are shown as cards."""
        return self.filter(Q(role=MessageRole.USER) | Q(role=MessageRole.ASSISTANT, is_answer=True))


class AgentOSMessage(models.Model):
    """One message. An answer that took rounds of tools is several rows: assistant with tool_calls, tool, …, and
    the last assistant row, `is_answer`, which is what the person reads."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(AgentOSSession, on_delete=models.CASCADE, related_name="messages")
    run = models.ForeignKey(AgentOSRun, on_delete=models.CASCADE, null=True, blank=True, related_name="messages")
    number = models.PositiveIntegerField(
        help_text="In the order in which it was said, over all branches; above that of its parent."
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="children",
        help_text="What was said right before it in its branch; nothing for the first, and for a question that waits.",
    )
    role = models.CharField(max_length=9, choices=MessageRole.choices)
    is_answer = models.BooleanField(default=False)
    status = models.CharField(max_length=11, choices=MessageStatus.choices, default=MessageStatus.COMPLETE)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    content = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    tool_calls = models.JSONField(
        default=list, blank=True, help_text="[{id, name, arguments}] asked for by an assistant message."
    )
    tool_call_id = models.CharField(max_length=200, blank=True)
    tool_name = models.CharField(max_length=200, blank=True)
    tool_failed = models.BooleanField(default=False)
    tool_duration_ms = models.PositiveIntegerField(null=True, blank=True)
    citations = models.JSONField(default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AgentOSMessageQuerySet.as_manager()

    class Meta:
        verbose_name = "message"
        ordering = ["session", "number"]
        indexes = [models.Index(fields=["run", "number"], name="opie_message_of_run")]
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="opie_message_number_once"),
            models.UniqueConstraint(
                fields=["run"], condition=Q(is_answer=True), name="opie_message_one_answer_per_run"
            ),
            models.CheckConstraint(condition=Q(role__in=MessageRole.values), name="opie_message_role_known"),
            models.CheckConstraint(
                condition=~Q(is_answer=True) | Q(role="assistant"), name="opie_message_answer_by_assistant"
            ),
        ]

    def __str__(self) -> str:
        """Without what was said: the admin shows names of rows to staff."""
        return f"{self.role} {self.number}"

    @property
    def shown_metadata(self) -> dict[str, Any]:
        """What of the metadata its reader may see."""
        return {name: self.metadata[name] for name in _SHOWN if name in self.metadata}
