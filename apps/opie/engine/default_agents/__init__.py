"""The agents that come with Opie, and with a host's apps: one Markdown file each, definition on top and prompt below.

`output_format` names the JSON Schema, one file each in output_formats/, that a program gets the agent's answers in.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from django.db import transaction

from apps.opie.engine.default_agents import output_formats
from apps.opie.engine.default_agents.files import DefaultAgent, UnusableFile, read_file
from apps.opie.models import Agent, AgentMember, AgentVersion

__all__ = [
    "DefaultAgent",
    "MembersMissing",
    "UnusableFile",
    "agents_of_files",
    "bring_in",
    "catalogue",
    "catalogue_of_hosts",
    "output_formats",
    "problems_of_files",
    "readable_of_hosts",
    "register_agents",
]

FOLDER = Path(__file__).parent
Change = Literal["created", "updated", "unchanged", "skipped"]


class MembersMissing(ValueError):  # noqa: N818 - it reads as what happened
    """Agents of these names are not the installation's: a team may have taken the name."""


_folders_of_hosts: list[Path] = []


def register_agents(folder: Path | str) -> None:
    """Have `create_default_agents` bring in the agents of a host's folder too: files like those beside this module."""
    folder = Path(folder)
    if folder not in _folders_of_hosts:
        _folders_of_hosts.append(folder)


def catalogue() -> list[DefaultAgent]:
    """Opie's own, in the order of their names. Raises UnusableFile."""
    return [read_file(path) for path in _files_in(FOLDER)]


def catalogue_of_hosts() -> list[DefaultAgent]:
    """Those of the folders that hosts have registered, teams behind their members. Raises UnusableFile."""
    found = [read_file(path) for path in _files_of_hosts()]
    return sorted(found, key=lambda default: bool(default.members))


def readable_of_hosts() -> list[DefaultAgent]:
    """The same without the files that cannot be used."""
    return [one for one in map(_read_or_problems, _files_of_hosts()) if isinstance(one, DefaultAgent)]


def problems_of_files() -> Iterator[str]:
    """What is wrong with what hosts have registered, in words for whoever did."""
    for folder in _folders_of_hosts:
        if not folder.is_dir():
            yield f"register_agents({str(folder)!r}): there is no such folder."
        elif not _files_in(folder):
            yield f"register_agents({str(folder)!r}): no file of an agent (*.md) is in it."
    taken = {path.stem: path for path in _files_in(FOLDER)}
    for path in _files_of_hosts():
        if (other := taken.setdefault(path.stem, path)) != path:
            yield f"{path}: {other} is an agent of the same name. Give one of them another."
    read = {path: _read_or_problems(path) for path in _files_of_hosts()}
    found = [one for one in read.values() if isinstance(one, DefaultAgent)]
    for path, one in read.items():
        yield from _problems_of_members(path, one, found) if isinstance(one, DefaultAgent) else one


def _problems_of_members(path: Path, team: DefaultAgent, found: Collection[DefaultAgent]) -> Iterator[str]:
    if unknown := sorted(set(team.members) - agents_of_files()):
        yield f"{path.name}: members has agents of which there is no file: {', '.join(unknown)}."
    if nested := sorted(set(team.members) & {one.agent_id for one in found if one.members}):
        yield f"{path.name}: members has teams, and the members of a team are no teams: {', '.join(nested)}."


def agents_of_files() -> set[str]:
    """The ids that `create_default_agents` brings in."""
    return {path.stem for path in [*_files_in(FOLDER), *_files_of_hosts()]}


def _files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.md"))


def _files_of_hosts() -> list[Path]:
    return [path for folder in _folders_of_hosts for path in _files_in(folder)]


def _read_or_problems(path: Path) -> DefaultAgent | list[str]:
    try:
        return read_file(path)
    except UnusableFile as error:
        return error.problems


@transaction.atomic
def bring_in(default: DefaultAgent, *, overwrite: bool = False) -> Change:
    """Make the agent's row, or bring it up to date as long as nobody has edited it (or `overwrite` is said). Raises
    MembersMissing."""
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
        raise MembersMissing(f"{agent.agent_id} has members that are not there: {', '.join(unknown)}.")
    agent.members.all().delete()
    AgentMember.objects.bulk_create(
        AgentMember(agent=agent, position=position, member=known[agent_id]) for position, agent_id in enumerate(ids)
    )
