"""A base that a person may not read, over every door: nothing of it is found, and nothing tells it from one that does not
exist. Each door is tried by its readers too, so that a door that is shut for everybody does not pass."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.test import Client

from apps.api.ids import uuid7
from apps.opie.knowledge.agno_knowledge import knowledge_for
from apps.opie.knowledge.tool import NOTHING, search_function
from apps.opie.models import Agent, KnowledgeBase, KnowledgeDocument, KnowledgeSource
from apps.opie.models.chunks import Chunk384
from apps.opie.scope import RunScope, current_scope
from tests.architecture.callers import every_route
from tests.opie.agentos.serving import serving
from tests.opie.knowledge.bases import make_base, make_document
from tests.opie.people import Person
from tests.opie.rest.caller import call

SECRET = "platypus"
QUESTION = f"What does the {SECRET} eat?"
TAG = "zoology"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Good ones for each address: a body that is refused would hide what a good one does.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "search/"): {"query": QUESTION, "mode": "text", "tags": [TAG]},
    ("PUT", "embedding/"): {"platform": "local"},
    ("POST", "documents/"): {"text": "Mine now."},
    ("POST", "sources/"): {"url": "https://example.com/new"},
    ("PATCH", "documents/<uuid:document_id>/"): {"title": "Mine"},
    ("PATCH", "sources/<uuid:source_id>/"): {"every": "day"},
    ("PATCH", "bases/<uuid:base_id>/"): {"name": "Mine"},
}


@dataclass(frozen=True)
class Vault:
    """A private base of the owner's, and the ids of what is in it."""

    base: KnowledgeBase
    document: KnowledgeDocument
    ids: dict[str, UUID]


@pytest.fixture
def vault(person: Person) -> Vault:
    base = make_base(person, visibility="private", name=f"The {SECRET}s")
    document, chunks = make_document(base, [f"The {SECRET} eats shrimps."], title=f"On the {SECRET}", tags=[TAG])
    source = KnowledgeSource.objects.create(base=base, url=f"https://example.com/{SECRET}")
    ids = {"base_id": base.pk, "document_id": document.pk, "chunk_id": chunks[0], "source_id": source.pk}
    return Vault(base, document, ids)


@pytest.fixture(params=["member", "viewer", "stranger"])
def outsider(request: pytest.FixtureRequest) -> Person:
    """Somebody who may not read it: of the team, only looking, of another team."""
    found: Person = request.getfixturevalue(request.param)
    return found


def routes(beginning: str) -> list[str]:
    """The addresses below there that name something."""
    found = sorted(route for route in every_route() if route.startswith(beginning) and "<uuid:" in route)
    assert len(found) >= 7
    return found


def filled(route: str, ids: dict[str, UUID]) -> str:
    return re.sub(r"<uuid:(\w+)>", lambda name: str(ids[name[1]]), route)


def plain(text: str, ids: dict[str, UUID]) -> str:
    """Without what differs between any two answers, and without the ids that were asked for."""
    for name, value in ids.items():
        text = text.replace(str(value), name)
    return re.sub(r"[\w-]{24,}", "…", text)


def unknown() -> dict[str, UUID]:
    return {name: uuid7() for name in ("base_id", "document_id", "chunk_id", "source_id")}


def count() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (KnowledgeBase, KnowledgeDocument, KnowledgeSource, Chunk384))  # type: ignore[attr-defined]


def asked(method: str, route: str, ids: dict[str, UUID], who: Person) -> Any:
    body = next((body for (of, end), body in BODIES.items() if of == method and route.endswith(end)), {})
    path = filled(route, ids).removeprefix("/api/v1/")
    return call(method, path, None if method == "GET" else body, who.headers)


def test_rest_answers_as_for_what_does_not_exist(vault: Vault, outsider: Person) -> None:
    before = count()
    for route in routes("/api/v1/knowledge/"):
        for method in METHODS:
            nobodys = unknown()
            theirs, none = asked(method, route, vault.ids, outsider), asked(method, route, nobodys, outsider)
            assert theirs.status_code == none.status_code, (method, route)
            assert theirs.status_code in (403, 404, 405), (method, route)
            assert plain(theirs.content.decode(), vault.ids) == plain(none.content.decode(), nobodys), (method, route)
            assert theirs.headers.keys() == none.headers.keys()
    assert count() == before


def test_the_same_addresses_are_open_to_its_owner(vault: Vault, person: Person) -> None:
    for route in routes("/api/v1/knowledge/"):
        reading = "POST" if route.endswith(("search/", "read/", "sync/")) else "GET"
        assert asked(reading, route, vault.ids, person).status_code in (200, 202), route
    assert SECRET in asked("POST", "/api/v1/knowledge/bases/<uuid:base_id>/search/", vault.ids, person).content.decode()


def test_what_is_in_it_is_not_reached_through_a_base_of_ones_own(vault: Vault, stranger: Person) -> None:
    own = make_base(stranger, name="Own")
    make_document(own, [f"My own {SECRET}."], tags=[TAG])
    for route in routes("/api/v1/knowledge/bases/"):
        if "document_id" not in route and "source_id" not in route:
            continue
        for method in METHODS:
            nobodys = unknown() | {"base_id": own.pk}
            theirs = asked(method, route, vault.ids | {"base_id": own.pk}, stranger)
            none = asked(method, route, nobodys, stranger)
            assert theirs.status_code == none.status_code, (method, route)
            assert theirs.status_code in (404, 405), (method, route)
    search = f"knowledge/bases/{own.pk}/search/"
    for filters in ({}, {"document_ids": [str(vault.document.pk)]}, {"tags": [TAG]}):
        answer = call("POST", search, {"query": "shrimps", "mode": "text", **filters}, stranger.headers)
        assert answer.json() == {"results": []}


def test_lists_and_counts_are_as_if_it_were_not_there(vault: Vault, outsider: Person, person: Person) -> None:
    def listed(who: Person) -> list[Any]:
        paths = ("knowledge/bases/", f"knowledge/bases/?search={SECRET}", "knowledge/bases/?ordering=-updated_at")
        return [call("GET", path, None, who.headers).json()["count"] for path in paths]

    assert listed(outsider) == [0, 0, 0]
    assert listed(person) == [1, 1, 1]


def test_an_agent_does_not_give_it_away(
    vault: Vault, outsider: Person, person: Person, agents: dict[str, Agent]
) -> None:
    """One that was given it while it was the team's."""
    agents["helper"].knowledge.create(base=vault.base, position=0)
    for path in ("agents/", "agents/helper/"):
        said = call("GET", path, None, outsider.headers).content.decode()
        assert str(vault.base.pk) not in said, path
        assert SECRET not in said, path
    assert str(vault.base.pk) in call("GET", "agents/helper/", None, person.headers).content.decode()


def test_it_cannot_be_given_to_an_agent(vault: Vault, stranger: Person, agents: dict[str, Agent]) -> None:
    def given(base_id: UUID) -> Any:
        return call("PATCH", "agents/foreign/", {"knowledge_bases": [str(base_id)]}, stranger.headers)

    nobodys = unknown()
    theirs, none = given(vault.base.pk), given(nobodys["base_id"])
    assert theirs.status_code == none.status_code == 400
    assert plain(theirs.content.decode(), vault.ids) == plain(none.content.decode(), nobodys)


def test_pages_answer_as_for_what_does_not_exist(vault: Vault, outsider: Person) -> None:
    client, before = signed_in(outsider), count()
    for route in routes("/agentos/knowledge/"):
        for method in ("GET", "POST"):
            nobodys = unknown()
            theirs, none = (client.generic(method, filled(route, ids)) for ids in (vault.ids, nobodys))
            assert theirs.status_code == none.status_code, (method, route)
            assert theirs.status_code in (404, 405), (method, route)
            assert plain(theirs.content.decode(), vault.ids) == plain(none.content.decode(), nobodys), (method, route)
    assert count() == before


def test_pages_do_not_name_it(vault: Vault, outsider: Person, person: Person) -> None:
    for path in ("/agentos/knowledge/", f"/agentos/knowledge/?q={SECRET}s", "/agentos/agents/", "/agentos/"):
        assert f"The {SECRET}s" not in signed_in(outsider).get(path).content.decode(), path
    assert f"The {SECRET}s" in signed_in(person).get("/agentos/knowledge/").content.decode()


def signed_in(who: Person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(who.user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


async def test_the_agents_tool_finds_nothing(vault: Vault, outsider: Person, person: Person) -> None:
    async def found_by(who: Person, base_id: UUID) -> str:
        scope = RunScope(who.principal)
        token = current_scope.set(scope)
        try:
            said = await search_function([base_id]).entrypoint(query=QUESTION)  # type: ignore[misc]
        finally:
            current_scope.reset(token)
        assert bool(scope.passages) is (said != NOTHING)
        return str(said)

    assert await found_by(outsider, vault.base.pk) == await found_by(outsider, uuid7()) == NOTHING
    assert SECRET in await found_by(person, vault.base.pk)


async def test_agnos_own_knowledge_finds_nothing(vault: Vault, outsider: Person, person: Person) -> None:
    async def found_by(who: Person, *base_ids: UUID, **filters: Any) -> list[Any]:
        knowledge = knowledge_for(who.principal, base_ids or None)
        return list(await knowledge.asearch(QUESTION, filters=filters))

    for base_ids in ((), (vault.base.pk,)):
        assert await found_by(outsider, *base_ids) == []
        assert await found_by(outsider, *base_ids, document_ids=[str(vault.document.pk)]) == []
        assert await found_by(outsider, *base_ids, tags=[TAG]) == []
        assert await found_by(person, *base_ids)


@pytest.fixture
def agentos(agents: dict[str, Agent]) -> Iterator[Callable[..., httpx.Response]]:
    with serving() as served, httpx.Client(base_url=served.url, timeout=30) as client:
        yield client.request


def run(ask: Callable[..., httpx.Response], who: Person) -> httpx.Response:
    return ask("POST", "/agents/helper/runs", data={"message": QUESTION, "stream": "false"}, headers=who.headers)


def test_agentos_runs_an_agent_as_whoever_asks(
    vault: Vault, agents: dict[str, Agent], agentos: Callable[..., httpx.Response], member: Person, person: Person
) -> None:
    agents["helper"].knowledge.create(base=vault.base, position=0)
    for who, knows in ((member, False), (person, True)):
        answer = run(agentos, who)
        assert answer.status_code == 200, answer.text
        assert ("shrimps" in answer.text) is knows
        assert knows or str(vault.document.pk) not in answer.text


def test_agentos_has_no_door_to_bases(
    vault: Vault, agentos: Callable[..., httpx.Response], outsider: Person, person: Person
) -> None:
    """Agno's own routes for knowledge are not let in, for anybody."""
    for base_id in (vault.base.pk, uuid7()):
        for method, path in (
            ("GET", f"/knowledge/content?db_id={base_id}"),
            ("GET", f"/knowledge/content/{base_id}"),
            ("DELETE", f"/knowledge/content/{base_id}"),
            ("GET", "/knowledge/config"),
            ("POST", "/knowledge/search"),
            ("GET", f"/knowledge/{base_id}/sources"),
        ):
            for who in (outsider, person):
                body = {"json": {"query": QUESTION}} if method == "POST" else {}
                answer = agentos(method, path, headers=who.headers, **body)
                assert answer.status_code == 404, (method, path)
                assert SECRET not in answer.text


async def test_two_at_once_do_not_find_each_others(vault: Vault, member: Person, person: Person) -> None:
    """Whose search it is comes with the run, whatever else goes on in the process."""

    async def found_by(who: Person) -> str:
        current_scope.set(RunScope(who.principal))
        return str(await search_function([vault.base.pk]).entrypoint(query=QUESTION))  # type: ignore[misc]

    people = [person, member] * 5
    found = await asyncio.gather(*(asyncio.create_task(found_by(who)) for who in people))
    assert [SECRET in one for one in found] == [True, False] * 5
