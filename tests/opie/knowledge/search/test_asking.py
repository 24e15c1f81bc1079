"""The public search from end to end: what is embedded, on whose account, what happens without it, and reranking."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from apps.api.errors import PlatformFailed, Unavailable
from apps.opie import rows
from apps.opie.knowledge.search import Hit, asking, register_reranker, search
from apps.opie.models import AIPlatform, KnowledgeIndex
from apps.opie.models.platforms import ApiType
from apps.opie.providers.embedding import default_embedder, embed
from apps.opie.scope import RunScope, current_scope, require_scope
from tests.opie.knowledge.filling import Vectors, make_base, unit, write
from tests.opie.people import Person

TEXTS = ["Cats sleep most of the day.", "Invoices are paid within thirty days.", "The wing carries the aircraft."]
ONES: Vectors = unit(np.ones((1, 384), dtype=np.float32))


class Asked:
    """Stands in for embedding: notes what is asked, and answers a vector of the right length."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.scopes: list[RunScope] = []
        self.failure: Exception | None = None

    async def __call__(self, texts: Sequence[str], embedder: Any, *, kind: str) -> Vectors:
        self.asked += [(text, f"{embedder.key} {kind}") for text in texts]
        self.scopes.append(require_scope())
        if self.failure:
            raise self.failure
        return unit(np.ones((len(texts), embedder.dimensions), dtype=np.float32))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    stand_in = Asked()
    monkeypatch.setattr(asking, "embed", stand_in)
    return stand_in


def written(person: Person, texts: Sequence[str] = TEXTS, vectors: Vectors | None = None, **about: Any) -> Any:
    about = {"model": default_embedder().model} | about
    base = make_base(person.team, person.user, **about)
    return write(base, texts, np.repeat(ONES, len(texts), axis=0) if vectors is None else vectors)


async def test_a_question_finds_what_means_the_same(person: Person) -> None:
    current_scope.set(RunScope(person.principal))
    vectors = await embed(TEXTS, default_embedder(), kind="document")
    await rows.run(written, person, TEXTS, vectors)
    for question, answer in (("When must a bill be settled?", TEXTS[1]), ("kittens napping", TEXTS[0])):
        hits = await search(person.principal, question, base_ids=None, mode="vector")
        assert hits[0].text == answer


async def test_it_is_embedded_once_for_each_embedder(person: Person, stranger: Person, asked: Asked) -> None:
    for _ in range(3):
        await rows.run(written, person)
    await rows.run(written, stranger, visibility="public")
    hits = await search(person.principal, "wing", base_ids=None)
    assert asked.asked == [("wing", f"{default_embedder().key} query")]
    assert len({hit.base_id for hit in hits}) == 4


async def test_nothing_is_embedded_where_nothing_will_be_found(person: Person, stranger: Person, asked: Asked) -> None:
    vault = await rows.run(written, stranger, visibility="private")
    await rows.run(written, person)
    assert await search(person.principal, "wing", base_ids=[vault.base.pk]) == []
    assert await search(person.principal, "wing", base_ids=[]) == []
    assert await search(person.principal, "wing", base_ids=None, mode="text")
    assert asked.asked == []


async def test_it_is_on_the_account_of_the_run_or_of_whoever_asks(person: Person, member: Person, asked: Asked) -> None:
    await rows.run(written, person)
    current_scope.set(None)
    await search(member.principal, "wing", base_ids=None)
    run = RunScope(person.principal, purpose="answer")
    current_scope.set(run)
    await search(member.principal, "wing", base_ids=None)
    assert [scope.principal for scope in asked.scopes] == [member.principal, person.principal]
    assert {scope.purpose for scope in asked.scopes} == {"embedding"}
    assert current_scope.get() is run


@pytest.mark.parametrize("failure", [PlatformFailed("It is down."), Unavailable("It is not there.")])
async def test_without_a_vector_hybrid_goes_by_words(person: Person, asked: Asked, failure: Exception) -> None:
    await rows.run(written, person)
    asked.failure = failure
    hits = await search(person.principal, "wing", base_ids=None)
    assert [hit.text for hit in hits] == [TEXTS[2]]
    assert hits[0].vector_rank is None
    with pytest.raises(type(failure)):
        await search(person.principal, "wing", base_ids=None, mode="vector")


def of_a_platform(person: Person) -> AIPlatform:
    platform = AIPlatform.objects.create(
        platform_name="ours",
        api_type=ApiType.OPENAI_COMPATIBLE,
        base_url="https://embeds.example/v1",
        team=person.team,
        default_model="m",
    )
    done = written(person, model="ours-embed")
    KnowledgeIndex.objects.filter(pk=done.index.pk).update(platform=platform, platform_name="ours")
    return platform


async def test_an_embedder_that_is_gone_is_said_to_be(person: Person, asked: Asked) -> None:
    platform = await rows.run(of_a_platform, person)
    await search(person.principal, "wing", base_ids=None)
    assert [whose for _, whose in asked.asked] == [f"{platform.pk}/ours-embed/384 query"]
    await rows.run(platform.delete)
    assert [hit.text for hit in await search(person.principal, "wing", base_ids=None)] == [TEXTS[2]]
    with pytest.raises(Unavailable, match="embed the base anew"):
        await search(person.principal, "wing", base_ids=None, mode="vector")


@pytest.fixture
def _no_reranker_stays() -> Iterator[None]:
    yield
    register_reranker(None)


@pytest.mark.usefixtures("_no_reranker_stays")
async def test_a_reranker_has_the_last_word(person: Person, asked: Asked) -> None:
    await rows.run(written, person, [f"wing {number}" for number in range(40)])
    seen: list[int] = []

    async def by_number(query: str, hits: Sequence[Hit]) -> list[float]:
        assert query == "wing"
        seen.append(len(hits))
        return [float(hit.text.split()[1]) for hit in hits]

    register_reranker(by_number)
    hits = await search(person.principal, "wing", base_ids=None, limit=3)
    assert seen == [30]
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [hit.score for hit in hits] == [float(hit.text.split()[1]) for hit in hits]


@pytest.mark.usefixtures("_no_reranker_stays")
async def test_a_reranker_that_forgets_a_hit_is_a_fault(person: Person, asked: Asked) -> None:
    await rows.run(written, person)

    async def forgetful(query: str, hits: Sequence[Hit]) -> list[float]:
        return [1.0]

    register_reranker(forgetful)
    with pytest.raises(ValueError, match="zip"):
        await search(person.principal, "wing", base_ids=None)
