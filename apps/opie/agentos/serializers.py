"""What goes in and out of /api/v1/agentos/."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers

from apps.api.serializers import StrictModelSerializer, StrictSerializer
from apps.opie.agentos.service import LONGEST_MESSAGE, LONGEST_TITLE
from apps.opie.agentos.support_rows import person_for_asker
from apps.opie.engine.answerers import answerers_of
from apps.opie.models import AgentOSMessage, AgentOSSession
from apps.opie.models.runs import RunStatus

PERSON = "`state` is agent, waits (a person was asked for) or taken_over, `name` that of the person who answers."
METADATA = "`notes`: what a host's code said of the answer, as it was stored; `error` of one that failed."


class MessageToSend(StrictSerializer):
    """The body of send-message. A message that is asked again needs no text."""

    agent_id = serializers.CharField(max_length=64)
    message = serializers.CharField(max_length=LONGEST_MESSAGE, trim_whitespace=False)
    session_id = serializers.UUIDField(required=False, allow_null=True)
    stream = serializers.BooleanField(required=False, default=False)
    background = serializers.BooleanField(required=False, default=False)
    regenerate_of = serializers.UUIDField(required=False, allow_null=True)
    edit_of = serializers.UUIDField(required=False, allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        sent = getattr(self, "initial_data", None)
        fields["message"].required = not (isinstance(sent, dict) and sent.get("regenerate_of"))
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("regenerate_of") and (attrs.get("edit_of") or "message" in attrs):
            raise serializers.ValidationError({"regenerate_of": "The question is asked as it was: send nothing else."})
        return attrs


class SessionToCreate(StrictSerializer):
    agent_id = serializers.CharField(max_length=64)
    title = serializers.CharField(max_length=LONGEST_TITLE, required=False, allow_blank=True, default="")


class SessionSerializer(StrictModelSerializer):
    """A session in lists and on its own. Its title, its being archived, what becomes of messages while it is busy and
    the branch that is shown can be changed: `head` is any message of that branch."""

    session_id = serializers.UUIDField(source="id", read_only=True)
    agent_id = serializers.SerializerMethodField()
    head = serializers.UUIDField(source="head_id", required=False)
    person = serializers.SerializerMethodField(help_text=PERSON)

    class Meta:
        model = AgentOSSession
        fields = [
            "session_id",
            "agent_id",
            "title",
            "is_archived",
            "when_busy",
            "head",
            "person",
            "message_count",
            "created_at",
            "updated_at",
            "last_message_at",
        ]
        read_only_fields = ["message_count", "created_at", "updated_at", "last_message_at"]

    def get_agent_id(self, session: AgentOSSession) -> str | None:
        return session.agent.agent_id if session.agent else None

    def get_person(self, session: AgentOSSession) -> dict[str, str]:
        return person_for_asker(session)


class BranchToMake(StrictSerializer):
    """Where a new session branches off."""

    message_id = serializers.UUIDField()


class MessagesSerializer(serializers.ListSerializer[Any]):
    """Several messages, with who gave the answers among them: one statement for all."""

    child: "MessageSerializer"

    def to_representation(self, data: Any) -> list[Any]:
        messages: list[AgentOSMessage] = list(data)
        self.child.answerers = answerers_of(messages)
        return super().to_representation(messages)


class MessageSerializer(StrictModelSerializer):
    """A message as its own person reads it: `reaction` is theirs. Always several (`many=True`), and with `agent` and
    `reactions` at hand."""

    answerers: Mapping[UUID, str] = {}

    message_id = serializers.UUIDField(source="id", read_only=True)
    agent_id = serializers.SerializerMethodField()
    answered_by = serializers.SerializerMethodField(
        help_text="The agent_id of whoever gave the answer: in a team the member."
    )
    reaction = serializers.SerializerMethodField()
    metadata = serializers.DictField(source="shown_metadata", read_only=True, help_text=METADATA)

    class Meta:
        model = AgentOSMessage
        list_serializer_class = MessagesSerializer
        fields = [
            "message_id", "parent_id", "run_id", "number", "role", "is_answer", "status", "agent_id", "answered_by", "content",
            "reasoning", "tool_calls", "tool_call_id", "tool_name", "tool_failed", "tool_duration_ms", "citations",
            "metadata", "reaction", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_agent_id(self, message: AgentOSMessage) -> str | None:
        return message.agent.agent_id if message.agent else None

    def get_answered_by(self, message: AgentOSMessage) -> str | None:
        return self.answerers.get(message.pk)

    def get_reaction(self, message: AgentOSMessage) -> str | None:
        # Only whose session it is can react to it.
        return next((one.reaction for one in message.reactions.all()), None)


class UsageOfRun(serializers.Serializer[Any]):
    """Tokens of a run; null is unknown."""

    input_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)
    total_tokens = serializers.IntegerField(allow_null=True)
    cached_tokens = serializers.IntegerField(allow_null=True)
    reasoning_tokens = serializers.IntegerField(allow_null=True)


class Answer(serializers.Serializer[Any]):
    """The answer of send-message, for the API's description: RunResult.as_json makes it."""

    session_id = serializers.UUIDField(allow_null=True)
    run_id = serializers.UUIDField(allow_null=True, help_text="Null for what is left to a person.")
    message_id = serializers.UUIDField(allow_null=True)
    agent_id = serializers.CharField()
    content = serializers.CharField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    platform = serializers.CharField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    usage = UsageOfRun()
    cost = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    duration_ms = serializers.IntegerField(allow_null=True)
    time_to_first_token_ms = serializers.IntegerField(allow_null=True)
    tools = serializers.ListField(child=serializers.DictField())
    citations = serializers.ListField(child=serializers.DictField())
    metadata = serializers.DictField(help_text=METADATA)
    answered_by = serializers.CharField(
        required=False, help_text="The agent_id of the member of a team that answered, where that is known."
    )
    for_person = serializers.BooleanField(
        required=False, help_text="A person has the session: the message is stored, and nobody has answered yet."
    )
    person = serializers.DictField(required=False, help_text=PERSON)
    output = serializers.JSONField(required=False, help_text="What the content was read as, where it has a shape.")


class ContextOfRun(serializers.Serializer[Any]):
    """What of the conversation the model was given with the question. Empty for a run that has not ended."""

    messages_sent = serializers.IntegerField()
    messages_left_out = serializers.IntegerField()
    estimated_tokens = serializers.IntegerField()
    first_message_id = serializers.UUIDField(allow_null=True, help_text="The oldest message that was sent.")
    summary_id = serializers.UUIDField(allow_null=True)
    summary = serializers.CharField(allow_null=True, help_text="What stood for the messages that were left out.")
    shortened = serializers.BooleanField(required=False, help_text="A text was too long, and its middle left out.")


class RunDetail(Answer):
    """A run, read again."""

    context = ContextOfRun()  # type: ignore[assignment]  # declared fields are no attributes
