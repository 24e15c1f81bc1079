"""The commands that come with Opie: one YAML file for each specialist, to be read and changed. docs/commands.md explains them.

A file names the agent that its commands recommend and their category; each command is written as over REST, with
`capabilities` and `example` for short.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from django.db import transaction

from apps.api.errors import InvalidInput
from apps.opie.library.commands import apply_definition
from apps.opie.library.definition import check_definition
from apps.opie.models import Agent, CommandTemplate
from apps.opie.models.commands import CommandStatus, CommandVisibility

FOLDER = Path(__file__).parent
FIELDS = frozenset(
    {"slug", "name", "description", "tags", "capabilities", "example", "parameters", "template", "category"}
)
NEEDED = frozenset({"slug", "name", "description", "template"})
Change = Literal["created", "updated", "unchanged", "skipped"]


@dataclass(frozen=True, slots=True)
class DefaultCommand:
    """One command of the catalogue, as its row is written, and the agent it recommends."""

    slug: str
    agent_id: str
    definition: dict[str, Any]


def catalogue() -> list[DefaultCommand]:
    """All of them, by file. Raises ValueError naming the file and the command that cannot be used."""
    found = [command for path in sorted(FOLDER.glob("*.yaml")) for command in _read(path)]
    slugs = [command.slug for command in found]
    if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        raise ValueError(f"There are two commands of the catalogue named {', '.join(twice)}.")
    return found


@transaction.atomic
def bring_in(default: DefaultCommand, *, overwrite: bool = False) -> Change:
    """Make the command's row, or bring it up to date as long as nobody has edited it (or `overwrite` is said)."""
    public = CommandTemplate.objects.filter(slug=default.slug, visibility=CommandVisibility.PUBLIC)
    command = public.defer("words").select_for_update(of=("self",)).select_related("recommended_agent").first()
    if command is None:
        _write(CommandTemplate(slug=default.slug, version=0), default)
        return "created"
    # An agent that is not there is recommended once it is.
    agent = Agent.objects.filter(agent_id=default.agent_id).first()
    same = command.recommended_agent == agent or agent is None
    if same and all(getattr(command, name) == value for name, value in default.definition.items()):
        return "unchanged"
    if command.team_id is not None:
        return "skipped"  # another command, that only has the same name
    if command.versions.filter(author__isnull=False).exists() and not overwrite:
        return "skipped"
    _write(command, default)
    return "updated"


def _write(command: CommandTemplate, default: DefaultCommand) -> None:
    command.recommended_agent = Agent.objects.filter(agent_id=default.agent_id).first()
    apply_definition(command, default.definition)


def _read(path: Path) -> list[DefaultCommand]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.keys() != {"agent", "category", "commands"}:
        raise ValueError(f"{path.name} must have an agent, a category and commands.")
    return [_command(path, content, entry) for entry in content["commands"]]


def _command(path: Path, file: dict[str, Any], entry: dict[str, Any]) -> DefaultCommand:
    named = f"{path.name}, {entry.get('slug', 'a command without a slug')}"
    if unknown := sorted(entry.keys() - FIELDS):
        raise ValueError(f"{named}: commands of the catalogue have no {', '.join(unknown)}.")
    if missing := sorted(NEEDED - entry.keys()):
        raise ValueError(f"{named}: {', '.join(missing)} is missing.")
    try:
        parameters = check_definition(entry["template"], _plain(entry.get("parameters", [])))
    except InvalidInput as error:
        raise ValueError(f"{named}: {error.fields}") from None
    definition = {
        "name": entry["name"],
        "description": entry["description"],
        "category": entry.get("category", file["category"]),
        "tags": list(entry.get("tags", [])),
        "required_capabilities": list(entry.get("capabilities", [])),
        "example_usage": entry.get("example", "").strip(),
        "parameters": parameters,
        "template": entry["template"].strip(),
        "visibility": CommandVisibility.PUBLIC.value,
        "status": CommandStatus.PUBLISHED.value,
    }
    return DefaultCommand(entry["slug"], file["agent"], definition)


def _plain(value: Any) -> Any:
    """YAML reads 2026-01-31 as a date; definitions are JSON."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value if value is None or isinstance(value, str | int | float) else str(value)
