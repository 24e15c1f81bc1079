"""The life of a large index's graph: built beside whatever goes on, built anew when that was broken off, and dropped."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from apps.opie import rows
from apps.opie.knowledge import graphs
from apps.opie.knowledge.search import Filters, places, search_rows
from apps.opie.knowledge.statistics import refresh_statistics
from apps.opie.models import KnowledgeBase, KnowledgeIndex
from apps.opie.models.knowledge import GraphState, IndexState
from tests.opie.knowledge.filling import Subjects, Vectors, Written, make_base, write
from tests.opie.people import Person

SUBJECTS = Subjects.make(10, 384, words=500)


@pytest.fixture(autouse=True)
def _small_is_large(settings: Any) -> None:
    settings.OPIE_KNOWLEDGE_GRAPH_FROM = 1000


@pytest.fixture(autouse=True)
def _without_graphs(transactional_db: None) -> Iterator[None]:
    """A test's rows go, its graphs would stay."""
    yield
    with connection.cursor() as cursor:
        for name in names():
            cursor.execute(f"DROP INDEX {name}")


def names() -> dict[str, bool]:
    """The graphs that there are, and whether each is whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.indisvalid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid"
            " WHERE c.relname LIKE 'opie_graph_%%'"
        )
        return dict(cursor.fetchall())


def filled(person: Person, count: int = 1200, dimensions: int = 384) -> Written:
    texts, vectors = SUBJECTS.chunks(count, length=10)
    if dimensions != 384:
        vectors = vectors[:, :dimensions] if dimensions < 384 else vectors.repeat(dimensions // 384, axis=1)
    written = write(make_base(person.team, person.user, dimensions=dimensions), texts, vectors)
    refresh_statistics(written.index.pk)
    return written


def state(written: Written) -> str:
    return KnowledgeIndex.objects.get(pk=written.index.pk).graph


def found(person: Person, vector: Vectors) -> list[UUID]:
    where = places(person.principal, "x", None, Filters())
    hits = search_rows(
        person.principal, {place.embedded_by: vector for place in where}, where, base_ids=None, mode="vector"
    )
    return [hit.chunk_id for hit in hits]


async def until(what: Callable[[], bool]) -> None:
    for _ in range(600):
        if await rows.run(what):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come about")


@pytest.fixture
def writer() -> Iterator[psycopg.Connection[Any]]:
    """Somebody who has written chunks and not yet committed: a build has to wait for them."""
    connection.ensure_connection()
    parameters = connection.get_connection_params()
    for own in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(own, None)
    with psycopg.connect(**parameters) as held:
        yield held


def hold(writer: psycopg.Connection[Any]) -> None:
    writer.execute(
        "UPDATE opie_chunk384 SET position = position WHERE id = (SELECT min(id::text)::uuid FROM opie_chunk384)"
    )


@pytest.mark.parametrize("dimensions", [384, 3072])
async def test_a_large_index_gets_one(person: Person, dimensions: int) -> None:
    written = await rows.run(filled, person, dimensions=dimensions)
    small = await rows.run(filled, person, count=300)
    assert await graphs.tend() == 1
    assert await rows.run(names) == {graphs.name_of(written.index.pk): True}
    assert await rows.run(state, written) == GraphState.READY
    assert await rows.run(state, small) == GraphState.NONE
    assert await graphs.tend() == 0


async def test_everybody_goes_on_while_it_is_built(person: Person, writer: psycopg.Connection[Any]) -> None:
    written = await rows.run(filled, person)
    await asyncio.to_thread(hold, writer)
    build = asyncio.create_task(graphs.tend())
    await until(lambda: names() == {graphs.name_of(written.index.pk): False})
    assert await rows.run(state, written) == GraphState.BUILDING
    # Nobody waits for the build: a document more, a search for it, and a second builder that leaves.
    texts, vectors = SUBJECTS.chunks(3, length=10)
    more = await rows.run(write, written.base, texts, vectors)
    assert (await rows.run(found, person, vectors[1]))[0] == more.chunk_ids[1]
    assert await graphs.tend() == 0
    assert not build.done()
    await asyncio.to_thread(writer.commit)
    assert await build == 1
    assert await rows.run(state, written) == GraphState.READY
    for number in range(3):
        assert (await rows.run(found, person, vectors[number]))[0] == more.chunk_ids[number]


@pytest.mark.parametrize("how", ["the worker is stopped", "the connection is cut"])
async def test_a_build_that_was_broken_off_is_done_again(
    person: Person, writer: psycopg.Connection[Any], how: str
) -> None:
    written = await rows.run(filled, person)
    await asyncio.to_thread(hold, writer)
    build = asyncio.create_task(graphs.tend())
    await until(lambda: names() == {graphs.name_of(written.index.pk): False})
    if how == "the worker is stopped":
        build.cancel()
        with pytest.raises(asyncio.CancelledError):
            await build
    else:
        await rows.run(cut)
        with pytest.raises(psycopg.OperationalError):
            await build
    await asyncio.to_thread(writer.rollback)
    assert await rows.run(names) == {graphs.name_of(written.index.pk): False}
    assert await graphs.tend() == 1
    assert await rows.run(names) == {graphs.name_of(written.index.pk): True}
    assert await rows.run(state, written) == GraphState.READY


def cut() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%%'"
        )


def retire(written: Written) -> None:
    KnowledgeBase.objects.filter(pk=written.base.pk).update(live_index=None)
    KnowledgeIndex.objects.filter(pk=written.index.pk).update(state=IndexState.RETIRED)


def shrink(written: Written) -> None:
    written.base.documents.filter(pk__in=written.document_ids[200:]).delete()
    refresh_statistics(written.index.pk)


@pytest.mark.parametrize("end", [lambda w: w.base.delete(), retire, shrink], ids=["deleted", "retired", "shrunk"])
async def test_a_graph_that_nobody_needs_goes(person: Person, end: Callable[[Written], Any]) -> None:
    written = await rows.run(filled, person)
    assert await graphs.tend() == 1
    await rows.run(end, written)
    await graphs.sweep()
    assert await rows.run(names) == {}
    assert not await rows.run(KnowledgeIndex.objects.exclude(graph=GraphState.NONE).exists)


async def test_one_that_shrank_a_little_keeps_it(person: Person) -> None:
    written = await rows.run(filled, person)
    assert await graphs.tend() == 1
    await rows.run(written.base.documents.filter(pk__in=written.document_ids[800:]).delete)
    await rows.run(refresh_statistics, written.index.pk)
    assert await graphs.tend() == 0
    assert await rows.run(state, written) == GraphState.READY


async def test_one_may_be_built_before_an_index_goes_live_and_dropped_by_hand(person: Person) -> None:
    written = await rows.run(filled, person, count=50)
    assert await graphs.build_graph(written.index.pk)
    assert not await graphs.build_graph(written.index.pk)
    await graphs.drop_graph(written.index.pk)
    assert await rows.run(names) == {}
    assert await rows.run(state, written) == GraphState.NONE


async def test_rows_are_corrected_by_what_is_there(person: Person) -> None:
    written = await rows.run(filled, person, count=50)
    await rows.run(KnowledgeIndex.objects.filter(pk=written.index.pk).update, graph=GraphState.READY)
    assert await graphs.tend() == 0
    assert await rows.run(state, written) == GraphState.NONE
