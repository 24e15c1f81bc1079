"""Making and changing an agent in the browser."""

from typing import Any

import pytest
from django.test import Client

from apps.opie.models import Agent, AgentVersion
from tests.opie.people import Person
from tests.opie.web.conftest import SignIn

Agents = dict[str, Agent]


def filled(**changes: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    fields = {
        "name": "Clerk",
        "agent_id": "clerk",
        "description": "Files things",
        "kind": "task",
        "capabilities": "FILING\n\nSORTING\nFILING",
        "starters": "Where is it?",
        "system_prompt": "You file.",
        "platform_1": "scripted",
        "model_1": "",
        "platform_2": "offline",
        "model_2": "x",
        "platform_3": "",
        "model_3": "",
        "tools": ["calculate"],
        "history_length": "5",
        "temperature": "0.4",
        "max_tokens": "",
        "visibility": "team",
        "status": "published",
        "output_schema": '{"type": "object"}',
        "priority": "60",
    }
    return fields | changes


def test_an_agent_is_made_with_all_that_was_filled_in(client: Client, person: Person, agents: Agents) -> None:
    response = client.post("/agentos/agents/new/", filled(), follow=True)
    assert "“Clerk” was saved as version 1." in response.content.decode()
    made = Agent.objects.get(agent_id="clerk")
    definition = made.definition()
    assert definition["capabilities"] == ["FILING", "SORTING"]
    assert definition["models"] == [{"platform": "scripted", "model": ""}, {"platform": "offline", "model": "x"}]
    assert (definition["temperature"], definition["max_tokens"], definition["history_length"]) == (0.4, None, 5)
    assert (definition["tools"], definition["starters"], definition["memory"]) == (
        ["calculate"],
        ["Where is it?"],
        False,
    )
    assert (definition["output_schema"], definition["priority"]) == ({"type": "object"}, 60)
    assert (made.owner, made.team) == (person.user, person.team)


def test_saving_makes_a_new_version(client: Client, agents: Agents) -> None:
    page = client.get("/agentos/agents/helper/edit/").content.decode()
    assert 'value="Helper"' in page
    assert 'name="agent_id"' not in page
    client.post("/agentos/agents/helper/edit/", filled(name="Better helper"))
    changed = Agent.objects.get(agent_id="helper")
    assert (changed.name, changed.version) == ("Better helper", 2)
    assert AgentVersion.objects.get(agent=changed, number=2).definition["name"] == "Better helper"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"agent_id": "has space"}, "agent_id", "valid"),
        ({"agent_id": "helper"}, "agent_id", "exists already"),
        ({"capabilities": "lower case"}, "capabilities", "capitals"),
        ({"starters": "x" * 201}, "starters", "200 characters"),
        ({"platform_1": "nowhere"}, "platform_1", "valid choice"),
        ({"platform_2": "scripted", "model_2": ""}, "platform_1", "twice"),
        ({"tools": ["rm"]}, "tools", "valid choice"),
        ({"temperature": "3"}, "temperature", "less than or equal to 2"),
        ({"history_length": "many"}, "history_length", "whole number"),
        ({"priority": "101"}, "priority", "less than or equal to 100"),
        ({"output_schema": "{"}, "output_schema", "valid JSON"),
        ({"output_schema": '{"type": "objekt"}'}, "output_schema", "type"),
        ({"output_schema": "[" * 100_000}, "output_schema", "nested"),
        ({"output_schema": '{"title": "\\u0000"}'}, "output_schema", "NUL"),
        ({"visibility": "everyone"}, "visibility", "valid choice"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_at_the_top(
    client: Client, agents: Agents, changes: dict[str, Any], field: str, said: str
) -> None:
    response = client.post("/agentos/agents/new/", filled(**changes))
    assert response.status_code == 422
    form = response.context["form"]
    assert any(said in text for text in form.errors[field])
    page = response.content.decode()
    assert f'id="id_{field}_error"' in page
    assert page.count(form.errors[field][0].replace("'", "&#x27;")) >= 2
    # What was typed is still there.
    assert "You file." in page
    assert not Agent.objects.filter(name="Clerk").exists()


def test_a_member_changes_their_own_agents_only_and_makes_none_public(
    sign_in: SignIn, member: Person, agents: Agents
) -> None:
    browser = sign_in(member)
    assert browser.get("/agentos/agents/helper/edit/").status_code == 403
    refused = browser.post("/agentos/agents/new/", filled(visibility="public"))
    assert "Only an owner or admin" in refused.content.decode()
    browser.post("/agentos/agents/new/", filled())
    assert browser.get("/agentos/agents/clerk/edit/").status_code == 200


def test_a_tool_that_is_gone_can_be_taken_away(client: Client, agents: Agents) -> None:
    Agent.objects.filter(agent_id="helper").update(tools=["vanished", "calculate"])
    assert 'value="vanished"' in client.get("/agentos/agents/helper/edit/").content.decode()
    client.post("/agentos/agents/helper/edit/", filled(tools=["calculate"]))
    assert Agent.objects.get(agent_id="helper").tools == ["calculate"]


def test_names_are_text(client: Client, agents: Agents) -> None:
    client.post("/agentos/agents/new/", filled(name="<img src=x onerror=alert(1)>", description="<script>1</script>"))
    for path in ("/agentos/", "/agentos/agents/", "/agentos/chat/clerk/", "/agentos/agents/clerk/edit/"):
        page = client.get(path).content
        assert b"<img src=x" not in page
        assert b"<script>1" not in page
