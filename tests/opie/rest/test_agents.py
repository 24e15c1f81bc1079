"""/api/v1/agents/: made, changed, seen and taken away by those who may."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.opie.models import Agent, AgentMember, AgentOSSession, AgentVersion, AIPlatform
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of

FULL: dict[str, Any] = {
    "agent_id": "reviewer",
    "name": "Reviewer",
    "description": "Reads code.",
    "kind": "task",
    "system_prompt": "Read it.",
    "capabilities": ["CODE_REVIEW"],
    "models": [{"platform": "offline", "model": "x"}, {"platform": "closed", "model": ""}],
    "temperature": 0.25,
    "max_tokens": 500,
    "history_length": 4,
    "history_tokens": 2000,
    "summarize_history": False,
    "tools": ["calculate"],
    "starters": ["Go"],
    "output_schema": {"type": "object", "properties": {"findings": {"type": "array"}}, "required": ["findings"]},
    "priority": 70,
    "memory": True,
    "local_only": True,
    "visibility": "team",
    "status": "published",
}


def test_an_agent_is_kept_as_it_was_sent(agents: Any, person: Person) -> None:
    made = call("POST", "agents/", FULL, person.headers)
    assert made.status_code == 201, made.content
    read = call("GET", "agents/reviewer/", None, person.headers)
    assert {name: read.json()[name] for name in FULL} == FULL
    assert read.json() == made.json()
    version = AgentVersion.objects.get(agent__agent_id="reviewer")
    assert (version.number, version.author) == (1, person.user)
    assert {name: version.definition[name] for name in FULL} == FULL
    assert AuditEntry.objects.filter(action="agent.created").count() == 1


def test_a_change_is_a_new_version_and_is_live_with_the_next_message(agents: Any, person: Person) -> None:
    asked = {"agent_id": "helper", "message": "What is 4 * 4?"}
    assert "16" in call("POST", "agentos/send-message/", asked, person.headers).json()["content"]
    changed = call("PATCH", "agents/helper/", {"tools": [], "name": "Bare"}, person.headers)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    answer = call("POST", "agentos/send-message/", asked, person.headers).json()
    assert (answer["tools"], "16" in answer["content"]) == ([], False)
    version = AgentVersion.objects.get(agent__agent_id="helper", number=2)
    assert (version.definition["tools"], version.definition["name"]) == ([], "Bare")
    assert call("PATCH", "agents/helper/", {"status": "withdrawn"}, person.headers).status_code == 200
    assert call("POST", "agentos/send-message/", asked, person.headers).status_code == 404


def test_models_can_be_changed_alone(agents: Any, person: Person) -> None:
    for models in ([{"platform": "closed"}], [{"platform": "offline", "model": "y"}, {"platform": "closed"}], []):
        answer = call("PATCH", "agents/helper/", {"models": models}, person.headers)
        assert answer.status_code == 200, answer.content
        assert [entry["platform"] for entry in answer.json()["models"]] == [entry["platform"] for entry in models]
    for wrong, field in (
        ([{}], "models.0.platform"), ([{"model": "m"}], "models.0.platform"), ([None], "models.0"), (None, "models"),
    ):  # fmt: skip
        answer = call("PATCH", "agents/helper/", {"models": wrong}, person.headers)
        assert answer.status_code == 400, wrong
        assert any(name.startswith(field) for name in error_of(answer)["fields"]), wrong


def test_a_refused_change_changes_nothing(agents: Any, person: Person) -> None:
    before = call("GET", "agents/helper/", None, person.headers).json()
    wrong = {"name": "Half", "models": [{"platform": "offline"}, {"platform": "nowhere"}]}
    assert call("PATCH", "agents/helper/", wrong, person.headers).status_code == 400
    assert call("PATCH", "agents/helper/", {"agent_id": "renamed"}, person.headers).status_code == 400
    assert call("GET", "agents/helper/", None, person.headers).json() == before
    assert AgentVersion.objects.count() == 0


def test_an_id_is_taken_once_in_the_installation(agents: Any, person: Person) -> None:
    for taken in ("helper", "foreign"):
        answer = call("POST", "agents/", {"agent_id": taken, "name": "Again"}, person.headers)
        assert (answer.status_code, error_of(answer)["code"]) == (409, "agent_id_taken")


def test_an_agent_goes_and_its_sessions_stay(agents: Any, person: Person) -> None:
    sent = call("POST", "agentos/send-message/", {"agent_id": "helper", "message": "Hi"}, person.headers).json()
    assert call("DELETE", "agents/helper/", None, person.headers).status_code == 204
    assert call("GET", "agents/helper/", None, person.headers).status_code == 404
    session = call("GET", f"agentos/sessions/{sent['session_id']}/", None, person.headers).json()
    assert (session["agent_id"], session["message_count"]) == (None, 2)
    read = call("GET", f"agentos/runs/{sent['run_id']}/", None, person.headers).json()
    assert read["content"] == sent["content"]


def test_a_member_of_a_team_of_agents_is_not_taken_away(agents: dict[str, Agent], person: Person) -> None:
    AgentMember.objects.create(agent=agents["scripted"], member=agents["helper"], position=0)
    answer = call("DELETE", "agents/helper/", None, person.headers)
    assert (answer.status_code, error_of(answer)["code"]) == (409, "agent_in_use")


def test_who_may_change_what(agents: Any, person: Person, member: Person, viewer: Person, stranger: Person) -> None:
    """member: own only; viewer: nothing; another team: it is not there; nobody: the installation's own."""
    assert call("POST", "agents/", FULL | {"agent_id": "bens"}, member.headers).status_code == 201
    expected = {
        ("bens", "person"): 200, ("bens", "member"): 200, ("bens", "viewer"): 403, ("bens", "stranger"): 404,
        ("helper", "person"): 200, ("helper", "member"): 403, ("helper", "viewer"): 403, ("helper", "stranger"): 404,
        ("assistant", "person"): 403, ("assistant", "member"): 403, ("assistant", "stranger"): 403,
    }  # fmt: skip
    callers = {"person": person, "member": member, "viewer": viewer, "stranger": stranger}
    for (agent_id, who), status in expected.items():
        answer = call("PATCH", f"agents/{agent_id}/", {"description": who}, callers[who].headers)
        assert answer.status_code == status, (agent_id, who)
        if status != 200:
            assert call("DELETE", f"agents/{agent_id}/", None, callers[who].headers).status_code == status


def test_only_those_who_manage_all_agents_make_one_public(agents: Any, person: Person, member: Person) -> None:
    call("POST", "agents/", FULL | {"agent_id": "bens"}, member.headers)
    refused = call("PATCH", "agents/bens/", {"visibility": "public"}, member.headers)
    assert (refused.status_code, list(error_of(refused)["fields"])) == (400, ["visibility"])
    made = call("POST", "agents/", FULL | {"agent_id": "ours", "visibility": "public"}, member.headers)
    assert made.status_code == 400
    assert call("PATCH", "agents/bens/", {"visibility": "public"}, person.headers).status_code == 200


def test_drafts_and_private_ones_are_their_owners(agents: Any, person: Person, member: Person, viewer: Person) -> None:
    for agent_id, fields in (("draft", {"status": "draft"}), ("mine", {"visibility": "private"})):
        call("POST", "agents/", FULL | {"agent_id": agent_id} | fields, person.headers)

    def seen(who: Person, address: str) -> set[str]:
        return {row["agent_id"] for row in call("GET", address, None, who.headers).json()["results"]}

    assert {"draft", "mine"} <= seen(person, "agents/")
    assert {"draft", "mine"} & seen(member, "agents/") == {"draft"}
    assert {"draft", "mine"} & seen(viewer, "agents/") == set()
    assert "draft" not in seen(person, "agentos/agents/")
    assert {"mine"} & seen(person, "agentos/agents/") == {"mine"}
    assert {"draft", "mine"} & seen(member, "agentos/agents/") == set()
    asked = {"agent_id": "mine", "message": "Hi"}
    assert call("POST", "agentos/send-message/", asked, member.headers).status_code == 404


@pytest.mark.parametrize("words", ["HELP", "helper"])
def test_agents_are_found_and_paged(agents: Any, person: Person, words: str) -> None:
    found = call("GET", f"agents/?search={words}", None, person.headers).json()
    assert [row["agent_id"] for row in found["results"]] == ["helper"]
    page = call("GET", "agents/?page_size=2&page=2", None, person.headers).json()
    assert (page["count"], len(page["results"])) == (4, 2)


def test_the_key_of_another_team_is_never_used(agents: Any, person: Person, stranger: Person) -> None:
    AIPlatform.objects.create(
        platform_name="theirs", team=stranger.team, api_type="openai", default_model="m", api_key="sk-theirs-1234567"
    )
    answer = call("PATCH", "agents/helper/", {"models": [{"platform": "theirs"}]}, person.headers)
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, ["models"])


def test_available_agents_carry_their_figures(agents: Any, person: Person) -> None:
    call("POST", "agentos/send-message/", {"agent_id": "helper", "message": "Hi"}, person.headers)
    rows = call("GET", "agentos/agents/", None, person.headers).json()["results"]
    helper = next(row for row in rows if row["agent_id"] == "helper")
    assert (helper["metrics"]["runs"], helper["metrics"]["success_rate"]) == (1, 1.0)
    assert AgentOSSession.objects.count() == 1
