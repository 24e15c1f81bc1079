"""The agents that come with Opie, and with a host's apps: one Markdown file each, definition on top and prompt below.

`output_format` names the JSON Schema, one file each in output_formats/, that a program gets the agent's answers in.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from django.db import transaction

from apps.opie.engine.default_agents import output_formats
from apps.opie.models import Agent, AgentMember, AgentVersion
from apps.opie.models.agents import AgentKind, AgentStatus, AgentVisibility

FOLDER = Path(__file__).parent
FIELDS = frozenset(
    {
        *("agent_id", "name", "description", "kind", "tier", "capabilities", "tools", "starters", "temperature"),
        *("max_tokens", "memory", "history_length", "priority", "output_format", "members"),
    }
)
Change = Literal["created", "updated", "unchanged", "skipped"]


@dataclass(frozen=True, slots=True)
class DefaultAgent:
    """One file of the catalogue."""

    definition: dict[str, Any]
    members: tuple[str, ...] = ()

    @property
    def agent_id(self) -> str:
        return str(self.definition["agent_id"])


_folders_of_hosts: list[Path] = []


def register_agents(folder: Path) -> None:
    """Have `create_default_agents` bring in the agents of a host's folder too: files like those beside this module."""
    if folder not in _folders_of_hosts:
        _folders_of_hosts.append(folder)


def catalogue() -> list[DefaultAgent]:
    """Opie's own, in the order of their names. Raises ValueError for a file without a definition, or with one that says
    what no agent has; LookupError for an output format that is none."""
    return _agents_in(FOLDER)


def catalogue_of_hosts() -> list[DefaultAgent]:
    """Those of the folders that hosts have registered, teams behind their members. Raises the same."""
    found = [default for folder in _folders_of_hosts for default in _agents_in(folder)]
    return sorted(found, key=lambda default: bool(default.members))


def _agents_in(folder: Path) -> list[DefaultAgent]:
    return [_read(path) for path in sorted(folder.glob("*.md"))]


@transaction.atomic
def bring_in(default: DefaultAgent, *, overwrite: bool = False) -> Change:
    """Make the agent's row, or bring it up to date as long as nobody has edited it (or `overwrite` is said)."""
    agent = Agent.objects.select_for_update().filter(agent_id=default.agent_id).first()
    if agent is None:
        _write(Agent(agent_id=default.agent_id, version=0), default)
        return "created"
    if _says_the_same(agent, default):
        return "unchanged"
    if agent.team_id is not None:
        return "skipped"  # another agent, that only has the same name
    if _edited_by_a_person(agent) and not overwrite:
        return "skipped"
    _write(agent, default)
    return "updated"


def _says_the_same(agent: Agent, default: DefaultAgent) -> bool:
    members = agent.members.values_list("member__agent_id", flat=True)
    plain = all(getattr(agent, name) == value for name, value in default.definition.items())
    return plain and tuple(members) == default.members


def _edited_by_a_person(agent: Agent) -> bool:
    return agent.versions.filter(author__isnull=False).exists()


def _write(agent: Agent, default: DefaultAgent) -> None:
    for name, value in default.definition.items():
        setattr(agent, name, value)
    agent.version += 1
    agent.save()
    _write_members(agent, default.members)
    AgentVersion.objects.create(agent=agent, number=agent.version, definition=agent.definition())


def _write_members(agent: Agent, ids: tuple[str, ...]) -> None:
    known = {member.agent_id: member for member in Agent.objects.filter(agent_id__in=ids, team=None)}
    if unknown := [agent_id for agent_id in ids if agent_id not in known]:
        raise ValueError(f"{agent.agent_id} has members that are not there: {', '.join(unknown)}.")
    agent.members.all().delete()
    AgentMember.objects.bulk_create(
        AgentMember(agent=agent, position=position, member=known[agent_id]) for position, agent_id in enumerate(ids)
    )


def _read(path: Path) -> DefaultAgent:
    _, front, prompt = path.read_text(encoding="utf-8").split("---\n", 2)
    definition = yaml.safe_load(front)
    if not isinstance(definition, dict) or definition.get("agent_id") != path.stem:
        raise ValueError(f"{path.name} must begin with a definition whose agent_id is {path.stem!r}.")
    if unknown := sorted(definition.keys() - FIELDS):
        raise ValueError(f"{path.name} defines what an agent of the catalogue does not have: {', '.join(unknown)}.")
    members = tuple(definition.pop("members", ()))
    if bool(members) != (definition.get("kind") == AgentKind.TEAM):
        raise ValueError(f"{path.name}: a team has members, and nothing else has.")
    output_format = definition.pop("output_format", None)
    temperature = definition.get("temperature")
    rest = {
        "system_prompt": prompt.strip(),
        "temperature": None if temperature is None else Decimal(str(temperature)),
        "output_schema": output_formats.get(output_format) if output_format else None,
        "visibility": AgentVisibility.PUBLIC.value,
        "status": AgentStatus.PUBLISHED.value,
    }
    return DefaultAgent(definition | rest, members)
