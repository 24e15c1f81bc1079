"""Making, changing, finding and taking away commands: the use cases behind the REST API and the pages. Sync.

A command is addressed by its slug: `review` is everybody's, `team.review` the team's, `my.review` one's own. A slug
without a prefix finds the widest that is there, so that nobody can put another in the place of one that all know.
"""

import functools
import json
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, IntegerField, Value, When
from django.utils.text import slugify

from apps.accounts.audit import record
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie.library.definition import check_definition
from apps.opie.models import Agent, CommandFavourite, CommandTemplate, CommandVersion
from apps.opie.models.commands import CommandQuerySet, CommandVisibility

_TO_RUN = (
    "id", "slug", "name", "description", "template", "required_capabilities", "visibility", "status", "version",
)  # fmt: skip
PLAIN_FIELDS = (
    "name", "description", "category", "tags", "template", "example_usage", "required_capabilities", "visibility",
    "status", "estimated_cost",
)  # fmt: skip
# Names that stand for something else in the addresses of commands.
TAKEN_SLUGS = frozenset({"categories", "check", "export", "import", "new", "recommend", "statistics"})
_BY_PREFIX = {"my": CommandVisibility.PRIVATE, "team": CommandVisibility.TEAM}
_WIDEST_FIRST = Case(
    *(When(visibility=visibility, then=Value(place)) for place, visibility in enumerate(("public", "team"))),
    default=Value(2),
    output_field=IntegerField(),
)


def visible_command(principal: Principal, address: str) -> CommandTemplate:
    """The command of this address; NotFound alike for one that is not there and one that is not for this person."""
    command = _at(principal, address).with_agents().first()
    if command is None:
        raise _no_such_command()
    return command


def command_to_run(principal: Principal, address: str) -> CommandTemplate:
    """The same with no more of it than running it takes: one short statement, and no rows as objects."""
    statement, arguments = _statement(principal, address)
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        found = cursor.fetchone()
    if found is None:
        raise _no_such_command()
    *values, parameters, agent_pk, agent_id = found
    command = CommandTemplate(**dict(zip(_TO_RUN, values, strict=True)), parameters=json.loads(parameters))
    command.recommended_agent = Agent(id=agent_pk, agent_id=agent_id) if agent_pk else None
    return command


def _at(principal: Principal, address: str) -> CommandQuerySet:
    prefix, dot, slug = address.partition(".")
    commands = CommandTemplate.objects.visible_to(principal)
    named = {"slug": slug, "visibility": _BY_PREFIX.get(prefix, "")} if dot else {"slug": address}
    return commands.filter(**named).order_by(_WIDEST_FIRST)


@functools.lru_cache(maxsize=500)
def _statement(principal: Principal, address: str) -> tuple[str, tuple[Any, ...]]:
    """Always the same question: put together once for each person and command."""
    fields = (*_TO_RUN, "parameters", "recommended_agent", "recommended_agent__agent_id")
    statement, arguments = _at(principal, address).values_list(*fields)[:1].query.sql_with_params()
    return statement, tuple(arguments)


def _no_such_command() -> NotFound:
    return NotFound("There is no such command.", code="command_not_found")


@transaction.atomic
def create_command(principal: Principal, definition: dict[str, Any]) -> CommandTemplate:
    """A new command of the person's and their team's. Raises NotAllowed, InvalidInput, Conflict for a taken slug."""
    if not principal.may(Permission.MANAGE_AGENTS) or principal.team_id is None:
        raise NotAllowed
    slug = definition.get("slug") or slugify(definition["name"])[:64].strip("-")
    if not slug or slug in TAKEN_SLUGS:
        raise InvalidInput(fields={"slug": ["Choose another slug: letters, digits, - and _."]})
    command = CommandTemplate(slug=slug, owner_id=principal.user_id, team_id=principal.team_id, version=0)
    _write(command, principal, definition)
    record(principal, "command.created", command, after=command.definition())
    return command


@transaction.atomic
def change_command(principal: Principal, command: CommandTemplate, changes: dict[str, Any]) -> CommandTemplate:
    """Apply the changed fields as a new version. Raises NotAllowed, NotFound, InvalidInput, Conflict."""
    locked = _locked(principal, command)
    before = locked.definition()
    _write(locked, principal, changes)
    record(principal, "command.changed", locked, before=before, after=locked.definition())
    return locked


@transaction.atomic
def delete_command(principal: Principal, command: CommandTemplate) -> None:
    """Take a command away. What was run with it stays. Raises NotAllowed, NotFound."""
    locked = _locked(principal, command)
    record(principal, "command.deleted", locked, before=locked.definition())
    locked.delete()


def restore_version(principal: Principal, command: CommandTemplate, number: int) -> CommandTemplate:
    """The command as it was in that version, as a new one; whose it is stays. Raises like change_command."""
    version = CommandVersion.objects.filter(command=command, number=number).first()
    if version is None:
        raise NotFound("There is no such version.", code="version_not_found")
    kept = {name: value for name, value in version.definition.items() if name not in ("slug", "visibility", "status")}
    if kept.get("recommended_agent") and not _agents(principal).filter(agent_id=kept["recommended_agent"]).exists():
        kept["recommended_agent"] = None  # gone since
    return change_command(principal, command, kept)


def mark_favourite(principal: Principal, command: CommandTemplate, *, favourite: bool) -> None:
    """Safe to repeat."""
    if favourite:
        CommandFavourite.objects.get_or_create(user_id=principal.user_id, command=command)
    else:
        CommandFavourite.objects.filter(user=principal.user_id, command=command).delete()


def may_manage(principal: Principal, command: CommandTemplate) -> bool:
    """Whether this person may change or delete it: their own, the team's as their role says; public ones of their
    team's with the right over all of it; the installation's not at all."""
    if command.team_id is None or command.team_id != principal.team_id:
        return False
    if command.visibility == CommandVisibility.PUBLIC:
        return principal.reach(Permission.MANAGE_AGENTS) is Reach.YES
    if command.visibility == CommandVisibility.PRIVATE and command.owner_id != principal.user_id:
        return False
    return principal.may_for(Permission.MANAGE_AGENTS, command.owner_id)


def _locked(principal: Principal, command: CommandTemplate) -> CommandTemplate:
    rows = CommandTemplate.objects.visible_to(principal).defer("words").select_for_update(of=("self",))
    locked = rows.filter(pk=command.pk).first()
    if locked is None:
        raise _no_such_command()
    if not may_manage(principal, locked):
        raise NotAllowed("You can use this command, but not change it. Make one of your own from it.")
    return locked


def _write(command: CommandTemplate, principal: Principal, changes: dict[str, Any]) -> None:
    if (
        changes.get("visibility", command.visibility) == CommandVisibility.PUBLIC
        and principal.reach(Permission.MANAGE_AGENTS) is not Reach.YES
    ):
        raise InvalidInput(fields={"visibility": ["Only an owner or admin of the team can make a command public."]})
    if "recommended_agent" in changes:
        command.recommended_agent = _agent(principal, changes["recommended_agent"])
    apply_definition(command, changes, author_id=principal.user_id)


def apply_definition(command: CommandTemplate, changes: dict[str, Any], *, author_id: Any = None) -> None:
    """Write what changes of a command as its next version; an agent is set by the caller. Raises InvalidInput,
    Conflict for a slug that another has there."""
    for name in PLAIN_FIELDS:
        if name in changes:
            setattr(command, name, changes[name])
    command.parameters = check_definition(command.template, changes.get("parameters", command.parameters))
    command.tags = list(dict.fromkeys(tag.strip().lower() for tag in command.tags))
    command.version += 1
    try:
        with transaction.atomic():
            command.save()
            CommandVersion.objects.create(
                command=command, number=command.version, definition=command.definition(), author_id=author_id
            )
    except IntegrityError as error:
        if "slug_once" in str(error):
            raise Conflict(f"There is a command at {command.address} already.", code="slug_taken") from None
        raise


def _agents(principal: Principal) -> Any:
    return Agent.objects.visible_to(principal)


def _agent(principal: Principal, agent_id: str | None) -> Agent | None:
    if not agent_id:
        return None
    agent: Agent | None = _agents(principal).filter(agent_id=agent_id).first()
    if agent is None:
        raise InvalidInput(fields={"recommended_agent": [f"There is no agent {agent_id}."]})
    return agent
