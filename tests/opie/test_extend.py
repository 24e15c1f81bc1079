"""What a host's app registers: tools for some, rows of its models, agents in files; and that mistakes are said at start."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db.models import QuerySet

from apps.accounts.models import Role, Team, User
from apps.accounts.principal import Principal
from apps.opie import checks, extend, rows
from apps.opie.engine import default_agents
from apps.opie.models import Agent
from apps.opie.scope import RunScope, current_scope
from apps.opie.tools import model_tools, registry
from tests.opie.people import Person, make_person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "TOOLS", dict(registry.TOOLS))
    monkeypatch.setattr(model_tools, "MODEL_TOOLS", [])
    monkeypatch.setattr(default_agents, "_folders_of_hosts", [])
    registry._callable_for_model.cache_clear()
    yield
    registry._callable_for_model.cache_clear()


def groups_for(principal: Principal) -> QuerySet[Group]:
    """A made-up rule: people see the groups whose names begin like their address."""
    return Group.objects.filter(name__startswith=principal.email[0])


async def use(name: str, person: Person, /, **arguments: Any) -> Any:
    """Call a tool as an agent does that answers this person."""
    (function,) = registry.functions_for([name], principal=person.principal)
    token = current_scope.set(RunScope(person.principal))
    try:
        answered = await function.entrypoint(**arguments)
    finally:
        current_scope.reset(token)
    return json.loads(answered) if answered.startswith(("{", "[")) else answered


@pytest.fixture
def ann(person: Person) -> Person:
    Group.objects.bulk_create(Group(name=name) for name in ("a band", "a choir", "another band", "band of others"))
    return person


def may(person: Person, *codenames: str) -> None:
    content_type = ContentType.objects.get_for_model(Group)
    person.user.user_permissions.add(*Permission.objects.filter(content_type=content_type, codename__in=codenames))


def test_everything_that_is_promised_is_there() -> None:
    assert all(getattr(extend, name) for name in extend.__all__)
    with pytest.raises(AttributeError, match="no attribute 'rows_of_others'"):
        _ = extend.rows_of_others  # type: ignore[attr-defined]


async def test_a_tool_that_is_not_for_everybody(person: Person, member: Person) -> None:
    def tell_secret() -> str:
        """Tell it."""
        return "42"

    extend.register_tool(tell_secret, label="Secret", audience=lambda principal: principal.role == Role.OWNER)
    assert await use("tell_secret", person) == "42"
    assert registry.functions_for(["tell_secret"], principal=member.principal) == []
    assert registry.functions_for(["tell_secret"]) == []
    (built_for_owner,) = registry.functions_for(["tell_secret"], principal=person.principal)
    token = current_scope.set(RunScope(member.principal))
    try:
        with pytest.raises(extend.NotAllowed):
            await built_for_owner.entrypoint()
    finally:
        current_scope.reset(token)


async def test_rows_are_those_of_whoever_asks(ann: Person, team: Team) -> None:
    names = extend.register_model(Group, rows=groups_for, fields=["name"], search=["name"])
    assert names == ["list_groups", "find_groups", "get_group"]
    listed = await use("list_groups", ann)
    assert listed["total"] == 3
    assert [row["name"] for row in listed["results"]] == ["a band", "a choir", "another band"]
    found = await use("find_groups", ann, query="BAND a%")
    assert found["total"] == 0, "a % is a percent sign"
    found = await use("find_groups", ann, query="BAND other")
    assert [row["name"] for row in found["results"]] == ["another band"]
    assert set(found["results"][0]) == {"id", "name"}
    other = await rows.run(Group.objects.get, name="band of others")
    for key in (str(other.pk), "999999", "no id", "9" * 50, ""):
        with pytest.raises(extend.NotFound, match="There is no group with the id"):
            await use("get_group", ann, id=key)
    bob = await rows.run(make_person, "bob", team)
    assert [row["name"] for row in (await use("list_groups", bob))["results"]] == ["band of others"]


async def test_long_lists_come_in_pages(ann: Person) -> None:
    await rows.run(lambda: Group.objects.bulk_create(Group(name=f"a{number:03}") for number in range(60)))
    extend.register_model(Group, rows=groups_for, fields=["name"], actions=["list"])
    first, last = await use("list_groups", ann), await use("list_groups", ann, page=3)
    assert (first["total"], len(first["results"]), first["next_page"]) == (63, 25, 2)
    assert (len(last["results"]), "next_page" in last) == (13, False)


async def test_writing_takes_djangos_permission(ann: Person) -> None:
    extend.register_model(Group, rows=groups_for, fields=["name"], write=["name"], actions=["create", "change"])
    with pytest.raises(extend.NotAllowed, match="may not create a group"):
        await use("create_group", ann, name="a trio")
    await rows.run(may, ann, "add_group", "change_group")
    made = await use("create_group", ann, name="a trio")
    assert made["name"] == "a trio"
    assert (await use("change_group", ann, id=str(made["id"]), name="a duo"))["name"] == "a duo"
    with pytest.raises(extend.InvalidInput, match="name: "):
        await use("create_group", ann, name="a duo")
    with pytest.raises(extend.InvalidInput, match="Say what is to change"):
        await use("change_group", ann, id=str(made["id"]))
    with pytest.raises(extend.NotAllowed, match="may not see"):
        await use("change_group", ann, id=str(made["id"]), name="band of theirs")
    other = await rows.run(Group.objects.get, name="band of others")
    with pytest.raises(extend.NotFound):
        await use("change_group", ann, id=str(other.pk), name="a band of ours")
    assert await rows.run(lambda: sorted(Group.objects.values_list("name", flat=True))) == [
        "a band", "a choir", "a duo", "another band", "band of others",
    ]  # fmt: skip


async def test_a_model_is_told_the_fields_that_may_be_written(ann: Person) -> None:
    extend.register_model(Group, rows=groups_for, fields=["name"], write=["name"], actions=["create", "change"])
    shapes = {}
    for name in ("create_group", "change_group"):
        (function,) = registry.functions_for([name], principal=ann.principal)
        function.process_entrypoint()
        shapes[name] = function.to_dict()["parameters"]
    assert set(shapes["create_group"]["properties"]) == {"name"}
    assert set(shapes["change_group"]["properties"]) == {"id", "name"}
    assert shapes["create_group"]["required"] == ["name"]
    assert shapes["change_group"]["required"] == ["id"]
    assert registry.checked_arguments("create_group", {"name": "x"}) == {"name": "x"}


async def test_a_relation_leads_only_to_rows_that_are_offered(person: Person, other_team: Team) -> None:
    extend.register_model(
        User, rows=lambda who: User.objects.filter(pk=who.user_id), fields=["email", "default_team__name"],
        write=["default_team"], actions=["change"], name="account", may_write=lambda who, action: action == "change",
        related={"default_team": lambda who: Team.objects.filter(memberships__user=who.user_id)},
    )  # fmt: skip
    mine = {"id": str(person.user.pk)}
    changed = await use("change_account", person, **mine, default_team=str(person.team.pk))
    assert changed["default_team__name"] == person.team.name
    for team in (str(other_team.pk), "no id"):
        with pytest.raises(extend.InvalidInput, match="there is none with the id"):
            await use("change_account", person, **mine, default_team=team)


def test_mistakes_are_said_at_start() -> None:
    extend.register_model(Group, rows=groups_for, fields=["nme"], actions=["find"])
    extend.register_model(
        User, rows=lambda who: User.objects.none(), fields=["email"], write=["id", "default_team", "gone"],
        actions=["create"], name="account",
    )  # fmt: skip
    told = [str(message.msg) for message in checks.what_hosts_register_fits()]
    assert told == [
        "Group has no field 'nme'",
        "Group: find needs `search`, the fields that it looks in",
        "User.id: a tool's own parameter has this name",
        "User.id cannot be written by a tool",
        "User.default_team leads to other rows: say which, with related={'default_team': …}",
        "User has no field 'gone' that could be written",
    ]


MEMBER = "---\nagent_id: {0}\nname: {0}\ndescription: Sings.\ntools: [calculate]\n---\nSing.\n"
TEAM = "---\nagent_id: band\nname: Band\nkind: team\nmembers: [singer, drummer]\n---\nPlay together.\n"


def brought_in(*arguments: str) -> str:
    said = StringIO()
    call_command("create_default_agents", *arguments, stdout=said)
    return said.getvalue()


def test_agents_of_a_hosts_folder(tmp_path: Path, person: Person) -> None:
    (tmp_path / "band.md").write_text(TEAM)
    for name in ("singer", "drummer"):
        (tmp_path / f"{name}.md").write_text(MEMBER.format(name))
    extend.register_agents(tmp_path)
    assert checks.agents_of_hosts_can_be_read() == []
    assert brought_in().endswith("created   drummer\ncreated   singer\ncreated   band\n")
    band = Agent.objects.get(agent_id="band")
    assert [one["agent_id"] for one in band.definition()["members"]] == ["singer", "drummer"]
    assert brought_in().endswith("unchanged drummer\nunchanged singer\nunchanged band\n")
    (tmp_path / "band.md").write_text(TEAM.replace("singer, drummer", "drummer"))
    assert brought_in().endswith("updated   band\n")
    assert json.loads(json.dumps(Agent.objects.get(agent_id="band").definition()["members"])) == [
        {"agent_id": "drummer", "role": ""}
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no definition at all", "opie.E004"),
        (MEMBER.format("somebody"), "opie.E004"),
        (MEMBER.format("singer").replace("calculate", "fly"), "opie.E005"),
        (MEMBER.format("singer").replace("tools:", "kind: team\ntools:"), "opie.E004"),
        (MEMBER.format("singer").replace("tools:", "colour: red\ntools:"), "opie.E004"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "singer.md").write_text(text)
    extend.register_agents(tmp_path)
    assert [message.id for message in checks.agents_of_hosts_can_be_read()] == [told]


def test_all_of_it_is_written_down() -> None:
    written = (Path(__file__).parents[2] / "docs/extending.md").read_text()
    assert [name for name in extend.__all__ if name not in written] == []
