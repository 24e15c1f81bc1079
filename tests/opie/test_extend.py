"""What a host's app registers: tools for some, rows of its models, agents in files; and that mistakes are said at start."""

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db.models import QuerySet

from apps.accounts.models import ApiKey, Membership, Role, Team, User
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie import checks, extend, rows
from apps.opie.engine import default_agents
from apps.opie.engine.default_agents.files import read_file
from apps.opie.models import Agent, AgentOSMemory
from apps.opie.scope import RunScope, current_scope
from apps.opie.tools import model_tools, registry
from apps.opie.tools.offered_models import plural_of
from tests.opie.people import Person, make_person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "TOOLS", dict(registry.TOOLS))
    monkeypatch.setattr(registry, "TAKEN", [])
    monkeypatch.setattr(model_tools, "MODEL_TOOLS", [])
    monkeypatch.setattr(model_tools, "UNUSABLE", [])
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
    # Models give a number where they are asked for an id in text.
    assert (await use("change_group", ann, id=made["id"], name="a duo"))["name"] == "a duo"
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


async def test_what_a_row_is_made_with_that_no_model_says(ann: Person) -> None:
    """Made for whoever asks, and rolled back where they would not see it."""
    names = extend.register_model(
        ApiKey, rows=lambda who: ApiKey.objects.filter(user=who.user_id, name__startswith="a"), fields=["name"],
        write=["name"], actions=["create", "list"], name="entry", may_write=lambda who, action: True,
        defaults=lambda who: {"user_id": who.user_id, "team_id": who.team_id, "prefix": uuid7().hex[-16:], "secret_hash": "h", "scopes": ["x"]},
    )  # fmt: skip
    assert names == ["list_entries", "create_entry"]
    assert checks.what_hosts_register_fits() == []
    made = await use("create_entry", ann, name="a key")
    assert (await rows.run(ApiKey.objects.get, pk=made["id"])).user_id == ann.user.pk
    with pytest.raises(extend.NotAllowed, match="may not see"):
        await use("create_entry", ann, name="b key")
    assert (await use("list_entries", ann))["total"] == 1


async def test_choices_are_told_and_fields_are_emptied(person: Person) -> None:
    extend.register_model(
        Agent, rows=lambda who: Agent.objects.filter(owner=who.user_id), fields=["kind", "max_tokens", "description"],
        write=["kind", "max_tokens", "description"], actions=["change"], may_write=lambda who, action: True,
    )  # fmt: skip
    (function,) = registry.functions_for(["change_agent"], principal=person.principal)
    function.process_entrypoint()
    told = function.to_dict()["parameters"]["properties"]
    assert told["kind"]["enum"] == ["task", "conversational", "team", "workflow", "auto"]
    agent = await rows.run(
        Agent.objects.create, agent_id="mine", name="Mine", owner=person.user, team=person.team, max_tokens=7,
        description="Sings.",
    )  # fmt: skip
    mine = {"id": str(agent.pk)}
    changed = await use("change_agent", person, **mine, kind="task", max_tokens=None)
    assert (changed["kind"], changed["max_tokens"]) == ("task", 7), "nothing said is nothing changed"
    changed = await use("change_agent", person, **mine, empty=["max_tokens", "description"])
    assert (changed["kind"], changed["max_tokens"], changed["description"]) == ("task", None, "")
    with pytest.raises(extend.InvalidInput, match="input should be 'max_tokens' or 'description'"):
        await use("change_agent", person, **mine, empty=["kind"])
    with pytest.raises(extend.InvalidInput, match="Either give max_tokens or"):
        await use("change_agent", person, **mine, max_tokens=5, empty=["max_tokens"])


def test_what_several_are_called() -> None:
    assert [plural_of(name) for name in ("track", "wish", "entry", "day", "box")] == [
        "tracks", "wishes", "entries", "days", "boxes",
    ]  # fmt: skip
    assert plural_of(AgentOSMemory) == "memories"


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


def groups_of_nobody(principal: Principal) -> QuerySet[Any]:
    return User.objects.filter(pk=principal.user_id)


FINE = {"rows": groups_for, "fields": ["name"], "search": ["name"]}


@pytest.mark.parametrize(
    ("model", "changed", "told"),
    [
        (Group, {"fields": ["nme"]}, "Group has no field 'nme'"),
        (Group, {"fields": "name"}, "Group: fields takes a list of texts, such as ['list'], not one text."),
        (Group, {"search": []}, "Group: find needs `search`, the fields that it looks in"),
        (Group, {"search": ["permissions"]}, "Group: search in a field of 'permissions', as in 'permissions__name'"),
        (Group, {"actions": ["list", "delete"]}, "Group: there is no action delete. There are list, find, get, "),
        (Group, {"rows": Group.objects.all()}, "Group: rows cannot be called: give a function of (principal)"),
        (Group, {"rows": groups_of_nobody}, "Group: rows answers rows of User: those of Group are wanted"),
        (Group, {"rows": lambda who: Group.objects.filter(nme=1)}, "Group: rows raises FieldError: "),
        (Group, {"rows": lambda who: who.nobody}, "Group: rows raises AttributeError: "),
        (Group, {"rows": lambda who: [who]}, "Group: rows answers a list: a queryset of Group is wanted"),
        (Group, {"related": {"nme": groups_for}}, "Group: related has 'nme', which is not in `write`"),
        (Group, {"defaults": lambda who: {}}, "Group: `defaults` is for create, which is not among the actions"),
        (Group, {"write": ["name"]}, "Group: `write` is for create and change"),
        (Group, {"write": ["name", "permissions"], "actions": ["create"]}, "Group.permissions cannot be written"),
        (Group, {"write": ["name", "gone"], "actions": ["create"]}, "Group has no field 'gone' that could be written"),
        (Group, {"write": ["id"], "actions": ["change"]}, "Group.id: a tool's own parameter has this name"),
        (Membership, {"write": ["created_at"], "actions": ["change"]}, "Membership.created_at is set by Django"),
        (Membership, {"write": ["team"], "actions": ["change"]}, "Membership.team leads to other rows: say which"),
        (
            Membership,
            {"write": ["role"], "actions": ["create"], "defaults": lambda who: {"team_id": who.team_id}},
            "Membership: nothing can be created without user. Put it into `write`, or have it set with defaults=",
        ),
        (
            Group,
            {"write": ["name"], "actions": ["create"], "defaults": lambda who: {"name": "x", "nme": 1}},
            "Group: defaults has fields that it does not have: nme",
        ),
        ("auth.Group", {}, "register_model: give a model's class, not 'auth.Group'."),
    ],
)
def test_mistakes_are_said_at_start(model: Any, changed: dict[str, Any], told: str) -> None:
    fine = {"fields": ["role"], "rows": lambda who: Membership.objects.filter(user=who.user_id)}
    given = (FINE if model is not Membership else fine) | changed
    extend.register_model(model, **given)
    messages = checks.what_hosts_register_fits()
    assert {message.id for message in messages} == {"opie.E003"}
    assert any(message.msg.startswith(told) for message in messages), messages


def test_a_model_is_registered_once() -> None:
    extend.register_model(Group, **FINE)
    assert checks.what_hosts_register_fits() == []
    extend.register_model(Group, **FINE)
    (message,) = checks.what_hosts_register_fits()
    assert message.msg == "Group: a model is registered as 'group' already. Say name= of one of them."


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
        ("no definition at all", ("opie.E004", "singer.md: a definition between two lines of ---")),
        (MEMBER.format("somebody"), ("opie.E004", "singer.md: agent_id is the file's name")),
        (MEMBER.format("singer").replace("calculate", "fly"), ("opie.E005", "singer has tools that nobody registers")),
        (
            TEAM.replace("band", "singer").replace("singer, ", ""),
            ("opie.E004", "singer.md: members has agents of which"),
        ),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, told: tuple[str, str]) -> None:
    (tmp_path / "singer.md").write_text(text)
    extend.register_agents(tmp_path)
    (message,) = checks.agents_of_hosts_can_be_read()
    assert (message.id, message.msg.startswith(told[1])) == (told[0], True), message


def test_folders_that_are_none_and_names_that_are_taken(tmp_path: Path) -> None:
    extend.register_agents(str(tmp_path / "nowhere"))
    extend.register_agents(tmp_path)
    (tmp_path / "assistant.md").write_text(MEMBER.format("assistant"))
    (tmp_path / "singer.md").write_text(MEMBER.format("singer").replace("tools:", "tier: cheap\ntools:"))
    told = [message.msg for message in checks.agents_of_hosts_can_be_read()]
    assert len(told) == 3, told
    assert "there is no such folder" in told[0]
    assert "is an agent of the same name" in told[1]
    with pytest.raises(CommandError, match=r"singer\.md: tier is one of"):
        brought_in()


DOCS = (Path(__file__).parents[2] / "docs/extending.md").read_text()


def test_the_example_of_a_file_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```\n(---\n.*?)```", DOCS, re.DOTALL)
    path = tmp_path / "shop-support.md"
    path.write_text(example)
    read = read_file(path)
    assert read.definition["starters"] == ["Where is my order?"]
    assert read.members == ("order-agent", "catalogue-agent")


def test_all_of_it_is_written_down() -> None:
    assert [name for name in extend.__all__ if name not in DOCS] == []
