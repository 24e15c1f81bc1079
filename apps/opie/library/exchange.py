"""Commands as a file: out as JSON, and in again, all or none of them. Sync."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import Fields, InvalidInput, NotAllowed
from apps.opie.library.commands import TAKEN_SLUGS, change_command, create_command, may_manage
from apps.opie.library.definition import check_definition
from apps.opie.models import Agent, CommandTemplate
from apps.opie.models.commands import CommandVisibility

FORMAT, FORMAT_VERSION = "opie-commands", 1
MOST_COMMANDS = 1_000


@dataclass(slots=True)
class Imported:
    """What came of an import, or would: addresses, and with those that were skipped why."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    without_agent: list[str] = field(default_factory=list)
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "created": self.created,
            "updated": self.updated,
            "skipped": self.skipped,
            "without_agent": self.without_agent,
            "dry_run": self.dry_run,
        }


def export_commands(commands: Iterable[CommandTemplate]) -> dict[str, Any]:
    """The commands without their figures, their owners and their history."""
    return {"format": FORMAT, "version": FORMAT_VERSION, "commands": [one.definition() for one in commands]}


def import_commands(
    principal: Principal, definitions: Sequence[dict[str, Any]], *, overwrite: bool = False, dry_run: bool = False
) -> Imported:
    """Bring in definitions, as the person's and their team's.

    All are looked at before the first is written. Raises InvalidInput naming what is wrong with each
    (`commands.3.template`), and NotAllowed. One that is there already is updated with `overwrite` and skipped without.
    """
    if not principal.may(Permission.MANAGE_AGENTS) or principal.team_id is None:
        raise NotAllowed
    _check_all(principal, definitions)
    imported = Imported(dry_run=dry_run)
    known = set(Agent.objects.visible_to(principal).values_list("agent_id", flat=True))
    with transaction.atomic():
        for definition in definitions:
            _bring_in(principal, definition, known, imported, overwrite=overwrite)
        transaction.set_rollback(dry_run)
    return imported


def _check_all(principal: Principal, definitions: Sequence[dict[str, Any]]) -> None:
    problems: Fields = {}
    seen: set[tuple[str, str]] = set()
    may_publish = principal.reach(Permission.MANAGE_AGENTS) is Reach.YES
    for place, definition in enumerate(definitions):
        where = f"commands.{place}."
        visibility = definition.get("visibility", CommandVisibility.PRIVATE)
        try:
            check_definition(definition["template"], definition.get("parameters", []))
        except InvalidInput as error:
            problems |= {where + name: texts for name, texts in error.fields.items()}
        if visibility == CommandVisibility.PUBLIC and not may_publish:
            problems[where + "visibility"] = ["Only an owner or admin of the team can make a command public."]
        if definition["slug"] in TAKEN_SLUGS:
            problems[where + "slug"] = ["Choose another slug."]
        if (visibility, definition["slug"]) in seen:
            problems[where + "slug"] = ["There are two commands with this slug."]
        seen.add((visibility, definition["slug"]))
    if problems:
        raise InvalidInput("Nothing was imported. Look at the fields named here.", fields=problems)


def _bring_in(
    principal: Principal, definition: dict[str, Any], known: set[str], imported: Imported, *, overwrite: bool
) -> None:
    agent_id = definition.get("recommended_agent")
    if agent_id and agent_id not in known:
        definition = definition | {"recommended_agent": None}
    there = _same(principal, definition)
    if there is None:
        made = create_command(principal, definition)
        imported.created.append(made.address)
    elif all(there.definition().get(name) == value for name, value in definition.items()):
        imported.skipped.append({"address": there.address, "reason": "unchanged"})
    elif not may_manage(principal, there):
        imported.skipped.append({"address": there.address, "reason": "not yours to change"})
    elif not overwrite:
        imported.skipped.append({"address": there.address, "reason": "exists"})
    else:
        change_command(principal, there, {name: value for name, value in definition.items() if name != "slug"})
        imported.updated.append(there.address)
    if agent_id and agent_id not in known:
        imported.without_agent.append((there or made).address)


def _same(principal: Principal, definition: dict[str, Any]) -> CommandTemplate | None:
    """The command whose place the definition would take."""
    visibility = definition.get("visibility", CommandVisibility.PRIVATE)
    places = CommandTemplate.objects.filter(slug=definition["slug"], visibility=visibility).defer("words")
    if visibility != CommandVisibility.PUBLIC:
        places = places.filter(team=principal.team_id)
    if visibility == CommandVisibility.PRIVATE:
        places = places.filter(owner=principal.user_id)
    return places.select_related("recommended_agent").first()
