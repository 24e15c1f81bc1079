"""What goes in and out of /api/v1/commands/."""

from typing import Any

from rest_framework import serializers

from apps.accounts.principal import Principal
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.serializers import Answer
from apps.opie.library.commands import may_manage
from apps.opie.library.definition import LONGEST_EXAMPLE
from apps.opie.library.exchange import MOST_COMMANDS
from apps.opie.library.registry import LONGEST_TASK, MOST_RECOMMENDED, figures_of
from apps.opie.library.template import LONGEST_TEMPLATE
from apps.opie.models import CommandTemplate
from apps.opie.models.commands import CommandStatus, CommandVisibility


class CommandDefinition(StrictSerializer):
    """The body of a command. Without a slug, one is made of the name."""

    slug = serializers.SlugField(max_length=64, required=False)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    category = serializers.SlugField(max_length=64, required=False, allow_blank=True)
    tags = serializers.ListField(
        child=serializers.RegexField(r"^[^,\n]+$", max_length=40), max_length=20, required=False
    )
    template = serializers.CharField(max_length=LONGEST_TEMPLATE, trim_whitespace=False)
    parameters = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Definitions of parameters: docs/commands.md."
    )
    example_usage = serializers.CharField(max_length=LONGEST_EXAMPLE, required=False, allow_blank=True)
    recommended_agent = serializers.CharField(max_length=64, required=False, allow_null=True, allow_blank=True)
    required_capabilities = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z][A-Z0-9_]*$", max_length=64), max_length=32, required=False
    )
    estimated_cost = serializers.DecimalField(
        max_digits=12, decimal_places=6, min_value=0, required=False, allow_null=True
    )
    visibility = serializers.ChoiceField(choices=CommandVisibility.choices, required=False)
    status = serializers.ChoiceField(choices=CommandStatus.choices, required=False)


class CommandChange(CommandDefinition):
    """The same, any part of it; a command keeps its slug."""

    slug = None  # type: ignore[assignment]


class CommandRow(CommandDefinition):
    """A command as it is answered: with its address, what runs have made of it, and what this person may do with it."""

    address = serializers.CharField(
        read_only=True, help_text="review, team.review or my.review: this one and no other."
    )
    version = serializers.IntegerField(read_only=True)
    total_runs = serializers.IntegerField(read_only=True)
    total_successes = serializers.IntegerField(read_only=True)
    total_failures = serializers.IntegerField(read_only=True)
    success_rate = serializers.FloatField(read_only=True, allow_null=True)
    avg_execution_time = serializers.FloatField(read_only=True, allow_null=True, help_text="Seconds.")
    is_favourite = serializers.BooleanField(read_only=True)
    is_own = serializers.BooleanField(read_only=True)
    may_manage = serializers.BooleanField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, instance: CommandTemplate) -> dict[str, Any]:
        return as_json(self.context["principal"], instance)


class ImportedCommand(CommandDefinition):
    slug = serializers.SlugField(max_length=64)


class CommandsToImport(StrictSerializer):
    """What an export answers, and what to do with it."""

    format = serializers.CharField(max_length=40, required=False)
    version = serializers.IntegerField(min_value=1, max_value=1, required=False)
    commands = serializers.ListField(child=ImportedCommand(), max_length=MOST_COMMANDS)
    overwrite = serializers.BooleanField(required=False, default=False)
    dry_run = serializers.BooleanField(required=False, default=False)


class CommandsImported(serializers.Serializer[Any]):
    created = serializers.ListField(child=serializers.CharField())
    updated = serializers.ListField(child=serializers.CharField())
    skipped = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    without_agent = serializers.ListField(child=serializers.CharField())
    dry_run = serializers.BooleanField()


class VersionToRestore(StrictSerializer):
    version = serializers.IntegerField(min_value=1)


class ParametersToPreview(StrictSerializer):
    parameters = serializers.DictField(required=False, default=dict)


class Preview(serializers.Serializer[Any]):
    prompt = serializers.CharField()


class CommandToExecute(StrictSerializer):
    """Without a session it runs as a task on its own; with `new_session` a conversation begins with it."""

    parameters = serializers.DictField(required=False, default=dict)
    session_id = serializers.UUIDField(required=False, allow_null=True)
    new_session = serializers.BooleanField(required=False, default=False)
    agent_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    stream = serializers.BooleanField(required=False, default=False)
    background = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("session_id") and attrs["new_session"]:
            raise serializers.ValidationError({"new_session": "Send this or session_id, not both."})
        return attrs


class CommandAnswer(Answer):
    command = serializers.DictField()


class TaskToRecommend(StrictSerializer):
    task = serializers.CharField(max_length=LONGEST_TASK)
    limit = serializers.IntegerField(min_value=1, max_value=MOST_RECOMMENDED, required=False, default=5)


def as_json(principal: Principal, command: CommandTemplate) -> dict[str, Any]:
    """A command as it is answered; `is_favourite` where the registry found it."""
    return {
        **command.definition(),
        "address": command.address,
        "version": command.version,
        **figures_of(command),
        "is_favourite": bool(getattr(command, "is_favourite", False)),
        "is_own": command.owner_id == principal.user_id and command.team_id == principal.team_id,
        "may_manage": may_manage(principal, command),
        "created_at": command.created_at.isoformat(),
        "updated_at": command.updated_at.isoformat(),
    }
