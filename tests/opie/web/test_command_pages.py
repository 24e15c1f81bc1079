"""The pages of the command library."""

from typing import Any

import pytest
from django.test import Client

from apps.opie.library.commands import create_command
from apps.opie.library.kinds import KINDS
from apps.opie.models import CommandTemplate
from apps.opie.web.command_form import form_of, read_sent, sent_texts, texts_of
from tests.opie.people import Person
from tests.opie.web.conftest import SignIn

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
