"""A title that is changed is found by at once, and what stood in its place no more."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from apps.opie import rows
from apps.opie.knowledge import documents, ingesting
from apps.opie.knowledge.documents import About
from apps.opie.knowledge.ingesting import ingest
from apps.opie.models import KnowledgeBase, KnowledgeDocument
from apps.opie.models.chunks import Chunk384
from apps.opie.providers.embedding import Embedder
from tests.opie.knowledge.conftest import HandIn, read
from tests.opie.people import Person
from tests.opie.rest.caller import call

RULES = "Parcels leave on Mondays.\n\n# Returns\n\nA record may be returned.\n\n# Shipping\n\nWe ship by train.\n"
HEADINGS = ["", "Returns", "Shipping"]


@pytest.fixture(autouse=True)
def _without_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async def embed(texts: Sequence[str], embedder: Embedder, **_: Any) -> np.ndarray[Any, Any]:
        return np.eye(len(texts), embedder.dimensions, dtype=np.float32)

    monkeypatch.setattr(ingesting, "embed", embed)


def found(base: KnowledgeBase, words: str, who: Person) -> int:
    """How many passages the words are found in."""
    body = {"query": words, "mode": "text", "limit": 20}
    answer = call("POST", f"knowledge/bases/{base.pk}/search/", body, who.headers)
    assert answer.status_code == 200, answer.content
    return len(answer.json()["results"])


def retitle(document: KnowledgeDocument, title: str, who: Person) -> None:
    path = f"knowledge/bases/{document.base_id}/documents/{document.pk}/"
    answer = call("PATCH", path, {"title": title}, who.headers)
    assert (answer.status_code, answer.json()["title"]) == (200, title)


def headings(document: KnowledgeDocument) -> list[str]:
    return list(Chunk384.objects.filter(document=document).order_by("position").values_list("heading", flat=True))


async def test_a_new_title_is_found_and_the_old_one_is_not(
    hand_in: HandIn, base: KnowledgeBase, person: Person
) -> None:
    document = await hand_in(RULES.encode(), "rules.md", title="Gramophone guide")
    other = await hand_in(b"Nothing to do with it.", "other.txt", title="Gramophone list")

    def change() -> None:
        assert found(base, "gramophone", person) == 4
        retitle(document, "Telescope guide", person)
        assert (found(base, "gramophone", person), found(base, "telescopes", person)) == (1, 3)
        assert found(base, "mondays", person) == 1
        assert headings(other) == ["Gramophone list"]

    await rows.run(change)


@pytest.mark.parametrize("title", ["Telescopes", "Returns", "A › B", "50 %s of {it}"])
async def test_it_is_as_if_it_had_been_read_with_that_title(
    hand_in: HandIn, base: KnowledgeBase, person: Person, title: str
) -> None:
    document = await hand_in(RULES.encode(), "rules.md", title="Rules")
    await rows.run(retitle, document, title, person)
    changed = await rows.run(_as_searched, document)
    await rows.run(documents.read_again, person.principal, document)
    await ingest(document.pk)
    assert await rows.run(_as_searched, document) == changed
    assert changed[0][0] == title


async def test_a_page_without_a_title_of_its_own_gets_one(base: KnowledgeBase, hand_in: HandIn, person: Person) -> None:
    document = await hand_in(RULES.encode(), "rules.md", title="https://example.com/rules")
    await rows.run(
        lambda: KnowledgeDocument.objects.filter(pk=document.pk).update(kind="page", url="https://example.com/rules")
    )
    document = await read(document.pk)
    await rows.run(retitle, document, "Gramophones", person)
    assert await rows.run(headings, document) == ["Gramophones", "Gramophones › Returns", "Gramophones › Shipping"]
    await rows.run(retitle, document, "https://example.com/rules", person)
    assert await rows.run(headings, document) == HEADINGS


async def test_a_title_that_is_changed_while_its_document_is_read(
    base: KnowledgeBase, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def embed(texts: Sequence[str], embedder: Embedder, **_: Any) -> np.ndarray[Any, Any]:
        reached.set()
        await go_on.wait()
        return np.eye(len(texts), embedder.dimensions, dtype=np.float32)

    monkeypatch.setattr(ingesting, "embed", embed)
    document = await rows.run(documents.add_text, person.principal, base, RULES, About(title="Rules"))
    reading = asyncio.create_task(ingest(document.pk))
    await reached.wait()
    await rows.run(retitle, document, "Gramophones", person)
    go_on.set()
    await reading
    assert await rows.run(headings, document) == ["Gramophones", "Gramophones › Returns", "Gramophones › Shipping"]
    assert await rows.run(found, base, "gramophone", person) == 3


def _as_searched(document: KnowledgeDocument) -> list[tuple[Any, ...]]:
    chunks = Chunk384.objects.filter(document=document).order_by("position")
    return list(chunks.values_list("heading", "text", "words", "length"))
