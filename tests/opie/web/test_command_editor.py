"""Making, changing, restoring and bringing in commands in the browser."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.opie.models import Agent, CommandTemplate, CommandVersion
from tests.opie.people import Person
from tests.opie.web.conftest import SignIn

Agents = dict[str, Agent]
NEW = "/agentos/commands/new/"


def filled(**changes: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    fields = {
        "name": "Review code",
        "slug": "",
        "description": "Looks for faults",
        "category": "Software quality",
        "tags": "Code, review,code",
        "parameters": '[{"name": "code", "type": "text", "required": true}]',
        "template": "Review this:\r\n{{code}}",
        "example_usage": "",
        "recommended_agent": "helper",
        "required_capabilities": "CODE_REVIEW\nCODE_REVIEW",
        "visibility": "private",
        "status": "published",
    }
    return fields | changes


def test_a_command_is_made_with_all_that_was_filled_in(client: Client, person: Person, agents: Agents) -> None:
    assert client.get(NEW).status_code == 200
    response = client.post(NEW, filled(), follow=True)
    assert "“Review code” was saved as version 1." in response.content.decode()
    made = CommandTemplate.objects.get()
    assert (made.address, made.category, made.tags) == ("my.review-code", "software-quality", ["code", "review"])
    assert (made.owner, made.team, made.recommended_agent) == (person.user, person.team, agents["helper"])
    assert made.required_capabilities == ["CODE_REVIEW"]
    assert made.parameters == [{"name": "code", "type": "text", "required": True}]


def test_changing_makes_a_version_that_an_earlier_one_can_follow(client: Client, agents: Agents) -> None:
    client.post(NEW, filled())
    page = client.get("/agentos/commands/my.review-code/edit/").content.decode()
    assert 'value="Review code"' in page
    assert 'name="slug"' not in page
    client.post("/agentos/commands/my.review-code/edit/", filled(template="Look at this:\n{{code}}", visibility="team"))
    versions = client.get("/agentos/commands/team.review-code/versions/").content.decode()
    assert "+Look at this:" in versions
    assert "changed: template, visibility" in " ".join(versions.split())
    answer = client.post("/agentos/commands/team.review-code/versions/", {"version": "1"}, follow=True)
    assert "Version 1 is in force again, as version 3." in answer.content.decode()
    restored = CommandTemplate.objects.get()
    assert (restored.version, restored.visibility) == (3, "team")
    assert restored.template.startswith("Review this:")
    for nonsense in ("", "0", "9", "one", "9" * 30):
        assert client.post("/agentos/commands/team.review-code/versions/", {"version": nonsense}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"slug": "has space"}, "slug", "valid"),
        ({"slug": "export"}, "slug", "another slug"),
        ({"name": "!!!"}, "slug", "another slug"),
        ({"tags": "x" * 41}, "tags", "40 characters"),
        ({"template": "{{code}}\n  {{#if code}}"}, "template", "Line 2, column 3"),
        ({"template": "{{other}}"}, "template", "no parameter named other"),
        ({"template": " "}, "template", "Write a template"),
        ({"parameters": "[{]"}, "parameters", "line 1, column 3"),
        ({"parameters": "[" * 100_000}, "parameters", "not JSON"),
        ({"parameters": '[{"name": "code", "type": "poem"}]'}, "parameters", "Blank 1, type: Choose one of"),
        ({"parameters": '{"code": "text"}'}, "parameters", "a list of parameters"),
        ({"required_capabilities": "code review"}, "required_capabilities", "capitals"),
        ({"recommended_agent": "foreign"}, "recommended_agent", "valid choice"),
        ({"visibility": "everyone"}, "visibility", "valid choice"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_at_the_top(
    client: Client, agents: Agents, changes: dict[str, Any], field: str, said: str
) -> None:
    response = client.post(NEW, filled(**changes))
    assert response.status_code == 422
    form = response.context["form"]
    assert any(said in text for text in form.errors[field]), form.errors
    page = response.content.decode()
    assert f'id="id_{field}_error"' in page
    # What was typed is still there.
    assert "Looks for faults" in page
    assert not CommandTemplate.objects.exists()


def test_an_empty_request_is_told_what_is_missing(client: Client, agents: Agents) -> None:
    response = client.post(NEW)
    assert response.status_code == 422
    assert {"name", "template"} <= set(response.context["form"].errors)


def test_a_slug_that_is_taken_is_said_beside_it(client: Client, agents: Agents) -> None:
    client.post(NEW, filled())
    response = client.post(NEW, filled())
    assert "There is a command at my.review-code already." in response.context["form"].errors["slug"]


def test_a_copy_begins_as_the_other_and_is_private(
    client: Client, sign_in: SignIn, member: Person, stranger: Person, agents: Agents
) -> None:
    client.post(NEW, filled(visibility="team"))
    page = sign_in(member).get(f"{NEW}?from=team.review-code").content.decode()
    assert 'value="Review code"' in page
    assert '<option value="private" selected' in page
    assert sign_in(stranger).get(f"{NEW}?from=team.review-code").status_code == 404


def test_who_may_change_what(
    client: Client, sign_in: SignIn, member: Person, viewer: Person, stranger: Person, agents: Agents
) -> None:
    client.post(NEW, filled(visibility="team"))
    client.post(NEW, filled(slug="mine"))
    for who, path, status in (
        (member, "team.review-code/edit/", 403),
        (viewer, "team.review-code/edit/", 403),
        (stranger, "team.review-code/edit/", 404),
        (member, "my.mine/edit/", 404),
        (viewer, "new/", 403),
        (viewer, "import/", 403),
        (member, "new/", 200),
    ):
        browser = sign_in(who)
        assert browser.get(f"/agentos/commands/{path}").status_code == status, (who.user, path)
        if status != 200:
            assert browser.post(f"/agentos/commands/{path}", filled(name="Taken over")).status_code == status
    assert sign_in(member).post("/agentos/commands/team.review-code/versions/", {"version": "1"}).status_code == 403
    assert sign_in(member).post("/agentos/commands/team.review-code/edit/", {"action": "delete"}).status_code == 403
    refused = sign_in(member).post(NEW, filled(visibility="public"))
    assert "visibility" in refused.context["form"].errors
    assert not CommandTemplate.objects.filter(name="Taken over").exists()


def test_a_command_is_deleted_by_name(client: Client, agents: Agents) -> None:
    client.post(NEW, filled())
    assert "Delete “Review code”?" in client.get("/agentos/commands/my.review-code/edit/").content.decode()
    gone = client.post("/agentos/commands/my.review-code/edit/", {"action": "delete"}, follow=True)
    assert "“Review code” was deleted." in gone.content.decode()
    assert not CommandTemplate.objects.exists()


def test_what_is_written_is_checked_before_it_is_saved(client: Client) -> None:
    def problems(template: str, parameters: str) -> dict[str, list[str]]:
        answer = client.post("/agentos/commands/check/", {"template": template, "parameters": parameters})
        found: dict[str, list[str]] = answer.json()["problems"]
        return found

    assert problems("Say {{a}}", '[{"name": "a", "type": "text"}]') == {}
    assert problems("Say\n{{b}}", '[{"name": "a", "type": "tex"}]').keys() == {"parameters.0.type"}
    assert problems("Say\n {{b}}", "[]") == {"template": ["Line 2, column 2: there is no parameter named b."]}
    assert problems("Say", "[").keys() == {"parameters"}
    assert not CommandVersion.objects.exists()


def bring(client: Client, body: Any, **fields: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/agentos/commands/import/", {"file": SimpleUploadedFile("c.json", content), **fields})


def test_an_export_is_brought_in_again(client: Client, sign_in: SignIn, stranger: Person, agents: Agents) -> None:
    client.post(NEW, filled())
    body = client.get("/api/v1/commands/export/?own=true").json()
    assert [one["slug"] for one in body["commands"]] == ["review-code"]
    page = bring(sign_in(stranger), body).content.decode()
    assert "1 made, 0 changed, 0 left as they are" in page
    assert "The agent that these recommend is not here" in page
    assert "0 made, 0 changed, 1 left as they are" in bring(client, body).content.decode()
    body["commands"][0]["name"] = "Changed"
    assert "there already, and different" in bring(client, body).content.decode()
    assert "0 made, 1 changed" in bring(client, body, overwrite="1").content.decode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        ([], "Invalid data"),
        ({"commands": [{"name": "x"}]}, "commands.0.slug"),
        ({"commands": [{"slug": "x", "name": "x", "template": "{{y}}"}]}, "commands.0.template"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(client: Client, body: Any, said: str) -> None:
    answer = bring(client, body)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not CommandTemplate.objects.exists()


def test_no_file_is_said(client: Client) -> None:
    assert "Choose a file." in client.post("/agentos/commands/import/").content.decode()


def test_names_are_text(client: Client, agents: Agents) -> None:
    name = "<img src=x onerror=alert(1)>"
    client.post(NEW, filled(name=name, slug="x", description="<script>1</script>", template="<script>1</script>", parameters=json.dumps([{"name": "a", "type": "string", "label": name, "help": name}])))  # fmt: skip
    for path in ("", "x/", "x/edit/", "x/versions/", "x/fields/", "new/?from=x"):
        page = client.get(f"/agentos/commands/{path}").content
        assert b"<img src=x" not in page, path
        assert b"<script>1" not in page, path
