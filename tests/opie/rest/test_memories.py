"""/api/v1/agentos/memories/: a person sees, changes and forgets what agents remember about them, and nobody else's."""

from typing import Any
from uuid import uuid4

import pytest

from apps.opie.models import Agent, AgentOSMemory
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of

MEMORIES = "agentos/memories/"


def kept(who: Person, memory: str, agent_id: str = "helper", **more: Any) -> dict[str, Any]:
    answer = call("POST", MEMORIES, {"memory": memory, "agent_id": agent_id} | more, who.headers)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def listed(who: Person, query: str = "") -> list[str]:
    return [one["memory"] for one in call("GET", MEMORIES + query, None, who.headers).json()["results"]]


def test_a_memory_is_kept_found_changed_and_deleted(person: Person, agents: dict[str, Agent]) -> None:
    tea = kept(person, "Likes green tea", topics=["drinks"])
    kept(person, "Has a dog", agent_id="scripted")
    assert set(tea) == {"memory_id", "agent_id", "memory", "topics", "created_at", "updated_at"}
    assert (tea["agent_id"], tea["memory"], tea["topics"]) == ("helper", "Likes green tea", ["drinks"])
    assert listed(person) == ["Has a dog", "Likes green tea"]
    assert listed(person, "?agent_id=helper") == ["Likes green tea"]
    assert listed(person, "?search=GREEN") == ["Likes green tea"]

    one = f"{MEMORIES}{tea['memory_id']}/"
    changed = call("PATCH", one, {"memory": "Likes black tea"}, person.headers)
    assert (changed.status_code, changed.json()["memory"], changed.json()["topics"]) == (
        200, "Likes black tea", ["drinks"],
    )  # fmt: skip
    assert call("GET", one, None, person.headers).json() == changed.json()
    assert call("DELETE", one, None, person.headers).status_code == 204
    assert call("GET", one, None, person.headers).status_code == 404
    assert call("PATCH", one, {"memory": "Back again"}, person.headers).status_code == 404
    assert listed(person) == ["Has a dog"]


def test_everything_is_forgotten_at_once_of_one_agent_or_of_all(
    person: Person, member: Person, agents: dict[str, Agent]
) -> None:
    for agent_id in ("helper", "helper", "scripted"):
        kept(person, "Something", agent_id)
    kept(member, "Of somebody else")
    assert call("DELETE", f"{MEMORIES}?agent_id=helper", None, person.headers).json() == {"forgotten": 2}
    assert listed(person) == ["Something"]
    assert call("DELETE", MEMORIES, None, person.headers).json() == {"forgotten": 1}
    assert listed(person) == []
    assert listed(member) == ["Of somebody else"]
    assert AgentOSMemory.objects.count() == 1


def test_somebody_elses_is_not_there(person: Person, member: Person, stranger: Person, agents: Any) -> None:
    mine = f"{MEMORIES}{kept(person, 'A secret')['memory_id']}/"
    for other in (member, stranger):
        for method, body in (("GET", None), ("PATCH", {"memory": "Theirs"}), ("DELETE", None)):
            answer = call(method, mine, body, other.headers)
            unknown = call(method, f"{MEMORIES}{uuid4()}/", body, other.headers)
            assert answer.status_code == unknown.status_code == 404
            assert error_of(answer)["code"] == error_of(unknown)["code"] == "memory_not_found"
        assert listed(other) == []
    assert listed(person) == ["A secret"]
    assert call("GET", MEMORIES).status_code == 401


def test_who_may_run_agents_no_more_may_still_see_and_forget(
    person: Person, viewer: Person, agents: dict[str, Agent]
) -> None:
    old = AgentOSMemory.objects.create(user=viewer.user, team=viewer.team, agent=agents["helper"], memory="Old")
    assert listed(viewer) == ["Old"]
    assert call("PATCH", f"{MEMORIES}{old.pk}/", {"memory": "New"}, viewer.headers).status_code == 403
    assert call("DELETE", f"{MEMORIES}{old.pk}/", None, viewer.headers).status_code == 204


def test_a_key_forgets_only_with_the_scope_to_change(person: Person, agents: dict[str, Agent]) -> None:
    one = kept(person, "Likes tea")
    _, headers = make_key(person, "view_agents")
    assert call("GET", MEMORIES, None, headers).json()["count"] == 1
    for address in (MEMORIES, f"{MEMORIES}{one['memory_id']}/"):
        assert call("DELETE", address, None, headers).status_code == 403
    assert listed(person) == ["Likes tea"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "memory"),
        ({"memory": "x"}, "agent_id"),
        ({"memory": " ", "agent_id": "helper"}, "memory"),
        ({"memory": "x" * 10_001, "agent_id": "helper"}, "memory"),
        ({"memory": "a\x00", "agent_id": "helper"}, "memory"),
        ({"memory": "x", "agent_id": "foreign"}, "agent_id"),
        ({"memory": "x", "agent_id": "helper", "topics": ["t"] * 51}, "topics"),
        ({"memory": "x", "agent_id": "helper", "topics": "t"}, "topics"),
        ({"memory": "x", "agent_id": "helper", "user_id": str(uuid4())}, "user_id"),
    ],
)
def test_what_is_no_memory(person: Person, agents: Any, body: dict[str, Any], field: str) -> None:
    answer = call("POST", MEMORIES, body, person.headers)
    assert answer.status_code == 400, answer.content
    assert field in error_of(answer)["fields"]
    assert not AgentOSMemory.objects.exists()
