"""A base embedded by another model while it is searched, and documents handed in meanwhile."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from apps.api.errors import Conflict, NotAllowed, PlatformFailed
from apps.opie import rows
from apps.opie.knowledge import documents, ingesting, passages, reembedding
from apps.opie.knowledge.ingesting import ingest
from apps.opie.models import AIPlatform, KnowledgeBase, KnowledgeIndex
from apps.opie.models.chunks import Chunk384, Chunk768
from apps.opie.models.knowledge import IndexState
from apps.opie.models.platforms import ApiType
from apps.opie.providers.embedding import Embedder, embedder_named
from tests.opie.knowledge.conftest import HandIn
from tests.opie.people import Person

TEXT = "\n\n".join(f"# Part {n}\n\n" + f"Sentence {n} of the text. " * 30 for n in range(6))


class Model:
    """Both models: vectors of whatever length is asked for."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.meanwhile: Any = None

    async def __call__(self, texts: Sequence[str], embedder: Embedder, **_: Any) -> np.ndarray[Any, Any]:
        if self.failure is not None and not embedder.is_local:
            raise self.failure
        if self.meanwhile is not None and not embedder.is_local:
            task, self.meanwhile = self.meanwhile, None
            await task()
        await asyncio.sleep(0)
        return np.eye(len(texts), embedder.dimensions, dtype=np.float32)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    made = Model()
    monkeypatch.setattr(ingesting, "embed", made)
    return made


@pytest.fixture
def other(person: Person) -> Embedder:
    """An Ollama of the team's, whose vectors go into another table."""
    AIPlatform.objects.create(
        team=person.team, platform_name="den", api_type=ApiType.OLLAMA, base_url="http://127.0.0.1:9", default_model="m"
    )
    return embedder_named(person.team.pk, "den")


def texts_of(base: KnowledgeBase) -> list[str]:
    base = KnowledgeBase.objects.select_related("live_index").get(pk=base.pk)
    return [chunk.text for document in base.documents.order_by("pk") for chunk in passages.chunks_of(document)]


async def start(person: Person, base: KnowledgeBase, other: Embedder) -> KnowledgeIndex:
    return await rows.run(reembedding.start, person.principal, base, other)


async def test_the_other_model_takes_over_when_all_is_there(
    model: Model, hand_in: HandIn, person: Person, base: KnowledgeBase, other: Embedder
) -> None:
    await hand_in(TEXT.encode(), "a.md")
    before = await rows.run(texts_of, base)
    index = await start(person, base, other)
    assert await rows.run(texts_of, base) == before
    await reembedding.reembed(index.pk)
    live = await rows.run(KnowledgeIndex.objects.get, base=base, state=IndexState.LIVE)
    assert (live.pk, live.width) == (index.pk, 768)
    assert await rows.run(texts_of, base) == before
    assert await rows.run(Chunk768.objects.count) == len(before)
    await rows.run(reembedding.delete_retired)
    assert not await rows.run(Chunk384.objects.exists)


async def test_what_is_handed_in_meanwhile_is_in_both(
    model: Model, hand_in: HandIn, person: Person, base: KnowledgeBase, other: Embedder
) -> None:
    first = await hand_in(TEXT.encode(), "a.md")
    index = await start(person, base, other)

    async def meanwhile() -> None:
        await hand_in(b"# New\n\nHanded in while the base was embedded anew.", "b.md")
        await rows.run(documents.read_again, person.principal, first)
        await ingest(first.pk)

    model.meanwhile = meanwhile
    await reembedding.reembed(index.pk)
    found = await rows.run(texts_of, base)
    assert any("Handed in while" in text for text in found)
    assert await rows.run(Chunk768.objects.filter(index=index.pk).count) == len(found)


async def test_a_title_that_is_changed_meanwhile_is_in_both(
    model: Model, hand_in: HandIn, person: Person, base: KnowledgeBase, other: Embedder
) -> None:
    document = await hand_in(TEXT.encode(), "a.md", title="Old")
    index = await start(person, base, other)

    async def meanwhile() -> None:
        await rows.run(documents.change_document, person.principal, document, {"title": "New"})

    model.meanwhile = meanwhile
    await reembedding.reembed(index.pk)
    for table in (Chunk384, Chunk768):
        headings = await rows.run(list, table.objects.values_list("heading", flat=True))
        assert {heading.split(" › ")[0] for heading in headings} == {"New"}


async def test_a_platform_that_fails_leaves_the_base_as_it_was(
    model: Model, hand_in: HandIn, person: Person, base: KnowledgeBase, other: Embedder
) -> None:
    await hand_in(TEXT.encode(), "a.md")
    before = await rows.run(texts_of, base)
    index = await start(person, base, other)
    model.failure = PlatformFailed("Nobody answers there.")
    with pytest.raises(PlatformFailed):
        await reembedding.reembed(index.pk)
    assert (await rows.run(KnowledgeIndex.objects.get, pk=index.pk)).problem == "Nobody answers there."
    assert await rows.run(texts_of, base) == before
    model.failure = None
    await reembedding.reembed(index.pk)
    assert (await rows.run(KnowledgeIndex.objects.get, pk=index.pk)).state == IndexState.LIVE


async def test_one_at_a_time_and_given_up(
    model: Model, hand_in: HandIn, person: Person, member: Person, base: KnowledgeBase, other: Embedder
) -> None:
    await hand_in(TEXT.encode(), "a.md")
    index = await start(person, base, other)
    with pytest.raises(Conflict):
        await start(person, base, other)
    with pytest.raises(NotAllowed):
        await rows.run(reembedding.stop, member.principal, base)
    await rows.run(reembedding.stop, person.principal, base)
    await reembedding.reembed(index.pk)
    assert not await rows.run(KnowledgeIndex.objects.filter(pk=index.pk).exists)
    assert await rows.run(texts_of, base)


async def test_words_are_read_in_another_language(hand_in: HandIn, person: Person, base: KnowledgeBase) -> None:
    from apps.opie.knowledge.bases import change_base

    await hand_in("Die Rückgaben werden geprüft.".encode(), "a.md")
    await rows.run(change_base, person.principal, base, {"language": "german"})
    await rows.run(reembedding.reword, base.pk)
    (words,) = await rows.run(lambda: list(Chunk384.objects.values_list("words", flat=True)))
    assert "'ruckgab'" in words or "'rückgab'" in words
