"""What agents remember about a person: seen, changed, forgotten and brought back by that person alone."""

from typing import Any
from uuid import uuid4

import pytest
from django.core import signing
from django.test import Client

from apps.opie.models import Agent, AgentOSMemory
from tests.opie.people import Person
from tests.opie.web.conftest import SignIn

Agents = dict[str, Agent]
LIST = "/agentos/memory/"


def remember(who: Person, agent: Agent | None, memory: str, **fields: Any) -> AgentOSMemory:
    return AgentOSMemory.objects.create(user=who.user, team=who.team, agent=agent, memory=memory, **fields)


def test_it_is_listed_by_agent_and_nobody_elses(client: Client, person: Person, member: Person, agents: Agents) -> None:
    remember(person, agents["helper"], "Likes short answers", topics=["style"])
    remember(person, agents["helper"], "Lives in Oslo")
    remember(person, None, "Knew me once")
    remember(member, agents["helper"], "A secret")
    text = client.get(LIST).content.decode()
    for expected in ("Likes short answers", "style", "Lives in Oslo", "An agent that is gone", "Delete all 2 things"):
        assert expected in text
    assert "A secret" not in text


def test_it_is_searched(client: Client, person: Person, agents: Agents) -> None:
    remember(person, agents["helper"], "Likes short answers")
    remember(person, agents["scripted"], "Lives in Oslo")
    assert b"Oslo" not in client.get(f"{LIST}?q=SHORT").content
    assert b"Oslo" in client.get(f"{LIST}?agent=scripted").content
    assert b"short answers" not in client.get(f"{LIST}?agent=scripted").content
    assert b"Nothing that is remembered matches" in client.get(f"{LIST}?q=<b>").content
    assert client.get(f"{LIST}?page=x&agent=<b>").status_code == 200


def test_an_empty_page_says_what_it_is_for(client: Client) -> None:
    assert b"Nothing is remembered yet." in client.get(LIST).content


def test_it_is_changed_in_its_place(client: Client, person: Person, agents: Agents) -> None:
    memory = remember(person, agents["helper"], "Lives in Oslo", topics=["home", "city"])
    form = client.get(f"{LIST}{memory.pk}/?form=1").content.decode()
    assert "Lives in Oslo</textarea>" in form
    assert 'value="home, city"' in form
    changed = client.post(f"{LIST}{memory.pk}/", {"memory": " Lives in Bergen ", "topics": "home, , home,rain"})
    assert b"Lives in Bergen" in changed.content
    memory.refresh_from_db()
    assert (memory.memory, memory.topics) == ("Lives in Bergen", ["home", "rain"])


@pytest.mark.parametrize("wrong", [{"memory": " "}, {"memory": "x" * 10_001}, {"memory": "x", "topics": "y" * 101}])
def test_what_does_not_fit_changes_nothing_and_says_so(
    client: Client, person: Person, agents: Agents, wrong: dict[str, str]
) -> None:
    memory = remember(person, agents["helper"], "Lives in Oslo")
    response = client.post(f"{LIST}{memory.pk}/", wrong)
    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    memory.refresh_from_db()
    assert memory.memory == "Lives in Oslo"


def test_forgetting_is_done_at_once_and_can_be_undone(client: Client, person: Person, agents: Agents) -> None:
    memory = remember(person, agents["helper"], "Lives in Oslo", topics=["home"], input="I live in Oslo")
    response = client.post(f"{LIST}{memory.pk}/forget/")
    assert not AgentOSMemory.objects.exists()
    kept = response.context["signed"]
    for _ in range(2):  # a second click does no harm
        assert b"Lives in Oslo" in client.post(f"{LIST}restore/", {"kept": kept}).content
    back = AgentOSMemory.objects.get()
    same = ("pk", "agent_id", "memory", "topics", "input", "created_at", "updated_at")
    assert [getattr(back, name) for name in same] == [getattr(memory, name) for name in same]


def test_nobody_brings_back_what_is_not_theirs(
    client: Client, sign_in: SignIn, person: Person, member: Person, agents: Agents
) -> None:
    memory = remember(person, agents["helper"], "Lives in Oslo")
    kept = client.post(f"{LIST}{memory.pk}/forget/").context["signed"]
    forged = signing.dumps({"user": str(member.user.pk)}, salt="another")
    for text in (kept, kept[:-2], forged, ""):
        assert sign_in(member).post(f"{LIST}restore/", {"kept": text}).status_code == 404
    assert not AgentOSMemory.objects.exists()


def test_all_of_one_agent_is_forgotten_together(client: Client, person: Person, member: Person, agents: Agents) -> None:
    for number in range(3):
        remember(person, agents["helper"], f"Thing {number}")
    kept = {remember(person, agents["scripted"], "Stays"), remember(member, agents["helper"], "Not mine")}
    response = client.post(f"{LIST}forget/", {"agent": "helper"}, follow=True)
    assert b"3 memories were forgotten." in response.content
    assert set(AgentOSMemory.objects.all()) == kept


def test_other_peoples_are_as_if_they_were_not_there(
    sign_in: SignIn, person: Person, member: Person, agents: Agents
) -> None:
    memory, browser = remember(member, agents["helper"], "A secret"), sign_in(person)
    for identifier in (memory.pk, uuid4()):
        assert browser.get(f"{LIST}{identifier}/").status_code == 404
        assert browser.post(f"{LIST}{identifier}/", {"memory": "Mine"}).status_code == 404
        assert browser.post(f"{LIST}{identifier}/forget/").status_code == 404
    memory.refresh_from_db()
    assert memory.memory == "A secret"


def test_who_may_only_look_forgets_but_does_not_rewrite(sign_in: SignIn, viewer: Person, agents: Agents) -> None:
    memory, browser = remember(viewer, agents["helper"], "Lives in Oslo"), sign_in(viewer)
    assert b"Change this memory" not in browser.get(LIST).content
    assert browser.post(f"{LIST}{memory.pk}/", {"memory": "Lives on the moon"}).status_code == 403
    assert browser.post(f"{LIST}{memory.pk}/forget/").status_code == 200
    assert not AgentOSMemory.objects.exists()
