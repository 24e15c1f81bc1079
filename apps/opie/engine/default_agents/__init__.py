"""The agents that come with Opie: one Markdown file each, definition on top and prompt below.

`output_format` names the JSON Schema, one file each in output_formats/, that a program gets the agent's answers in.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from django.db import transaction

from apps.opie.engine.default_agents import output_formats
from apps.opie.models import Agent, AgentVersion
from apps.opie.models.agents import AgentStatus, AgentVisibility

FOLDER = Path(__file__).parent
FIELDS = frozenset(
    {
        *("agent_id", "name", "description", "kind", "tier", "capabilities", "tools", "starters", "temperature"),
        *("max_tokens", "memory", "history_length", "priority", "output_format"),
    }
)
Change = Literal["created", "updated", "unchanged", "skipped"]


@dataclass(frozen=True, slots=True)
class DefaultAgent:
    """One file of the catalogue."""

    definition: dict[str, Any]

    @property
    def agent_id(self) -> str:
        return str(self.definition["agent_id"])


def catalogue() -> list[DefaultAgent]:
    """All of them, in the order of their names. Raises ValueError for a file without a definition, or with one that says
    what no agent has; LookupError for an output format that is none."""
    return [DefaultAgent(_read(path)) for path in sorted(FOLDER.glob("*.md"))]


@transaction.atomic
def bring_in(default: DefaultAgent, *, overwrite: bool = False) -> Change:
    """Make the agent's row, or bring it up to date as long as nobody has edited it (or `overwrite` is said)."""
    agent = Agent.objects.select_for_update().filter(agent_id=default.agent_id).first()
    if agent is None:
        _write(Agent(agent_id=default.agent_id, version=0), default)
        return "created"
    if all(getattr(agent, name) == value for name, value in default.definition.items()):
        return "unchanged"
    if agent.team_id is not None:
        return "skipped"  # another agent, that only has the same name
    if _edited_by_a_person(agent) and not overwrite:
        return "skipped"
    _write(agent, default)
    return "updated"


def _edited_by_a_person(agent: Agent) -> bool:
    return agent.versions.filter(author__isnull=False).exists()


def _write(agent: Agent, default: DefaultAgent) -> None:
    for name, value in default.definition.items():
        setattr(agent, name, value)
    agent.version += 1
    agent.save()
    AgentVersion.objects.create(agent=agent, number=agent.version, definition=agent.definition())


def _read(path: Path) -> dict[str, Any]:
    _, front, prompt = path.read_text(encoding="utf-8").split("---\n", 2)
    definition = yaml.safe_load(front)
    if not isinstance(definition, dict) or definition.get("agent_id") != path.stem:
        raise ValueError(f"{path.name} must begin with a definition whose agent_id is {path.stem!r}.")
    if unknown := sorted(definition.keys() - FIELDS):
        raise ValueError(f"{path.name} defines what an agent of the catalogue does not have: {', '.join(unknown)}.")
    output_format = definition.pop("output_format", None)
    temperature = definition.get("temperature")
    return definition | {
        "system_prompt": prompt.strip(),
        "temperature": None if temperature is None else Decimal(str(temperature)),
        "output_schema": output_formats.get(output_format) if output_format else None,
        "visibility": AgentVisibility.PUBLIC.value,
        "status": AgentStatus.PUBLISHED.value,
    }
