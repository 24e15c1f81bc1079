"""The pages of the command library."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.opie.library.commands import create_command, mark_favourite
from apps.opie.library.executor import CommandExecutor
from apps.opie.library.kinds import KINDS
from apps.opie.models import Agent, AgentOSRun, CommandExecution, CommandTemplate
from apps.opie.web.command_form import form_of, read_sent, sent_texts, texts_of
from tests.opie.people import Person
from tests.opie.web.conftest import SignIn

Agents = dict[str, Agent]
EVERY_TYPE: list[dict[str, Any]] = [
    {"name": "title", "type": "string", "required": True, "max_length": 80, "help": "A short one."},
    {"name": "level", "type": "string", "allowed_values": ["low", "high"]},
    {"name": "code", "type": "text", "default": "a < b", "min_length": 2},
    {"name": "count", "type": "integer", "min_value": 1, "max_value": 9, "default": 3},
    {"name": "share", "type": "number", "min_value": 0.5},
    {"name": "strict", "type": "boolean", "default": True},
    {"name": "tone", "type": "choice", "allowed_values": ["calm", "loud"], "required": True},
    {"name": "areas", "type": "multiple_choice", "allowed_values": ["one", "two & three"], "default": ["two & three"]},
    {"name": "due", "type": "date", "min_value": "2026-01-01"},
    {"name": "extra", "type": "json", "default": {"a": [1]}},
]


def make(who: Person, **changes: Any) -> CommandTemplate:
    definition = {"name": "Review code", "template": "Review this.", "visibility": "team"}
    return create_command(who.principal, definition | changes)


@pytest.fixture
def command(person: Person) -> CommandTemplate:
    """One with a parameter of every type."""
    return make(person, description="Looks at <code>", parameters=EVERY_TYPE, template="{{title}}: {{code}}")


def test_every_type_has_a_field_of_its_own(client: Client, command: CommandTemplate) -> None:
    assert {one["type"] for one in EVERY_TYPE} == set(KINDS)
    page = client.get(f"/agentos/commands/{command.slug}/fields/").content.decode()
    assert "<!DOCTYPE" not in page
    assert "Review code" in page
    assert "Looks at &lt;code&gt;" in page
    for expected in (
        '<input class="input w-full" type="text" id="parameter-title" name="parameters.title" value=""',
        'maxlength="80"',
        "A short one.",
        '<select class="select w-full" id="parameter-level"',
        "a &lt; b</textarea>",
        'min="1" max="9"',
        'step="any" min="0.5"',
        'value="true" checked data-parameter="strict"',
        '<select class="select w-full" id="parameter-tone"',
        'value="two &amp; three" checked',
        '<input class="input w-full" type="date" id="parameter-due"',
        "&quot;a&quot;: [",
    ):
        assert expected in page, expected
    # What must be filled in and what need not.
    assert page.count("(optional)") == len(EVERY_TYPE) - 3


def test_what_a_form_sends_means_parameters(rf: Any, command: CommandTemplate) -> None:
    sent = rf.post("/", {
        "parameters.title": "T", "parameters.code": "one\r\ntwo", "parameters.count": "4", "parameters.share": "0.75",
        "parameters.tone": "loud", "parameters.areas": ["two & three", "one"], "parameters.due": "2026-02-01",
        "parameters.extra": "[1]", "parameters.level": "", "agent_id": "title",
    }).POST  # fmt: skip
    values = read_sent(command, sent_texts(sent))
    assert values == {
        "title": "T", "code": "one\ntwo", "count": 4, "share": 0.75, "strict": False, "tone": "loud",
        "areas": ["one", "two & three"], "due": "2026-02-01", "extra": [1], "level": "",
    }  # fmt: skip
    again = {field.name: field.texts for field in form_of(command, texts_of(command, values))}
    assert again["areas"] == ["one", "two & three"]
    assert again["strict"] == []
    assert again["code"] == ["one\ntwo"]


def test_the_fields_of_commands_that_are_not_for_oneself_are_not_there(
    sign_in: SignIn, person: Person, member: Person, stranger: Person
) -> None:
    own = make(person, slug="mine", visibility="private")
    shared = make(person, slug="shared")
    assert sign_in(person).get(f"/agentos/commands/{own.address}/fields/").status_code == 200
    assert sign_in(member).get(f"/agentos/commands/{shared.address}/fields/").status_code == 200
    for who, address in ((member, own.address), (stranger, own.slug), (stranger, shared.address), (member, "no-such")):
        assert sign_in(who).get(f"/agentos/commands/{address}/fields/").status_code == 404
    assert Client().get("/agentos/commands/shared/fields/").status_code == 302


def test_the_library_is_searched_filtered_and_told_apart(client: Client, person: Person, agents: Agents) -> None:
    make(person, name="Review code", category="engineering", tags=["quality"], recommended_agent="helper")
    make(
        person,
        name="Write a letter",
        category="writing",
        required_capabilities=["WRITING_LETTERS"],
        visibility="public",
    )
    own = make(person, name="Just mine", visibility="private", description="<b>secret</b>")

    def shown(query: str) -> set[str]:
        page = client.get(f"/agentos/commands/?part=list&{query}").content.decode()
        assert "<!DOCTYPE" not in page
        return set(re.findall(r'command-name"[^>]*>([^<]+)<', page))

    assert shown("") == {"Review code", "Write a letter", "Just mine"}
    assert shown("q=revi") == {"Review code"}
    assert shown("category=writing") == shown("capability=WRITING_LETTERS") == {"Write a letter"}
    assert shown("mine=1") == {"Review code", "Write a letter", "Just mine"}
    assert shown("favourites=1") == shown("category=nothing") == set()
    mark_favourite(person.principal, own, favourite=True)
    assert shown("favourites=1") == shown("favourites=1&q=just") == {"Just mine"}
    page = client.get("/agentos/commands/").content.decode()
    # Favourites first, then the categories in their order.
    headings = re.findall(r'<h2 id="group-\d+"[^>]*>([^<]+)<', page)
    assert headings == ["Favourites", "Engineering", "Writing"]
    assert "Helper" in page
    assert "Whoever knows writing letters" in page
    assert "&lt;b&gt;secret" in page


def test_what_no_command_says_is_taken_for_a_task(client: Client, person: Person) -> None:
    make(person, name="Review a contract", description="Finds clauses that are unusual.")
    page = client.get("/agentos/commands/?q=my+landlord+sent+clauses+I+do+not+like").content.decode()
    assert "These fit the task best" in page
    assert "Review a contract" in page
    assert "clauses</span>" in page
    assert "No command matches" in client.get("/agentos/commands/?q=zebra").content.decode()


def test_a_library_without_commands_says_what_they_are_for(client: Client, sign_in: SignIn, viewer: Person) -> None:
    assert "A command is a prompt with blanks" in client.get("/agentos/commands/").content.decode()
    assert "/agentos/commands/new/" not in sign_in(viewer).get("/agentos/commands/").content.decode()


def test_many_commands_come_in_pages(client: Client, person: Person, django_assert_max_num_queries: Any) -> None:
    CommandTemplate.objects.bulk_create(
        CommandTemplate(slug=f"c{n}", name=f"Command {n:03}", template="x", owner=person.user, team=person.team, visibility="team")
        for n in range(130)
    )  # fmt: skip
    with django_assert_max_num_queries(20):
        first = client.get("/agentos/commands/").content.decode()
    last = client.get("/agentos/commands/?page=3").content.decode()
    assert ("Command 000" in first, "Command 129" in first, "Command 129" in last) == (True, False, True)
    assert "1 of 3" in first


def test_a_star_is_marked_and_taken_away(client: Client, command: CommandTemplate) -> None:
    for said, pressed in (("true", "true"), ("true", "true"), ("false", "false")):
        answer = client.post(f"/agentos/commands/{command.address}/favourite/", {"favourite": said, "back": "command"})
        assert answer["Location"] == f"/agentos/commands/{command.address}/"
        assert f'aria-pressed="{pressed}"' in client.get(answer["Location"]).content.decode()


def test_one_command_says_who_answers_and_how_it_did(client: Client, person: Person, agents: Agents) -> None:
    make(person, name="Add", slug="add", recommended_agent="helper", template="What is {{a}}?", parameters=[{"name": "a", "type": "string"}])  # fmt: skip
    page = client.get("/agentos/commands/add/").content.decode()
    assert "is made for" in page
    assert "Nobody has run it yet." in page
    CommandExecutor(person.principal).execute("add", {"a": "<i>6</i> * 7"})
    page = client.get("/agentos/commands/add/").content.decode()
    assert "&lt;i&gt;6&lt;/i&gt; * 7" in page
    assert "100 %" in page
    run = AgentOSRun.objects.get()
    assert f"/agentos/runs/{run.pk}/" in page
    again = client.get(f"/agentos/commands/add/?run={run.pk}").content.decode()
    assert 'value="&lt;i&gt;6&lt;/i&gt; * 7"' in again


def test_nobody_reads_what_others_ran_it_with(
    client: Client, person: Person, member: Person, sign_in: SignIn, agents: Agents
) -> None:
    make(person, name="Add", slug="add", recommended_agent="helper", template="What is {{a}}?", parameters=[{"name": "a", "type": "string"}])  # fmt: skip
    CommandExecutor(member.principal).execute("add", {"a": "between us"})
    run = AgentOSRun.objects.get()
    assert "between us" in sign_in(member).get(f"/agentos/commands/add/?run={run.pk}").content.decode()
    page = client.get(f"/agentos/commands/add/?run={run.pk}").content.decode()
    assert "between us" not in page
    assert "Uses, by everybody" in page


def test_without_scripts_it_runs_in_the_background(client: Client, person: Person, agents: Agents) -> None:
    make(person, name="Add", slug="add", recommended_agent="helper", template="What is {{a}}?", parameters=[{"name": "a", "type": "integer", "required": True}])  # fmt: skip
    refused = client.post("/agentos/commands/add/", {"parameters.a": "four"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert 'href="#parameter-a"' in page
    assert "Write a number." in page
    assert 'value="four"' in page
    answer = client.post("/agentos/commands/add/", {"parameters.a": "4", "new_session": "1"})
    execution = CommandExecution.objects.get()
    assert answer["Location"] == f"/agentos/runs/{execution.run_id}/"
    assert (execution.parameters, execution.run.is_background, execution.run.session is None) == ({"a": 4}, True, False)
    nobody = client.post("/agentos/commands/add/", {"parameters.a": "4", "agent_id": "foreign"})
    assert (nobody.status_code, "There is no such agent" in nobody.content.decode()) == (404, True)


def test_who_may_only_look_gets_no_button(sign_in: SignIn, viewer: Person, command: CommandTemplate) -> None:
    browser = sign_in(viewer)
    page = browser.get(f"/agentos/commands/{command.slug}/").content.decode()
    assert "data-run>" not in page
    assert "Your role in this team lets you look" in page
    assert browser.post(f"/agentos/commands/{command.slug}/", {"parameters.title": "x", "parameters.tone": "calm"}).status_code == 403  # fmt: skip
    assert not CommandExecution.objects.exists()


def test_a_withdrawn_command_is_shown_to_who_may_change_it_and_not_run(client: Client, person: Person) -> None:
    make(person, slug="old", status="withdrawn")
    assert "This command was withdrawn" in client.get("/agentos/commands/old/").content.decode()
    assert client.post("/agentos/commands/old/").status_code == 409
