"""How PostgreSQL goes about a search: by the graph of a large index, by the words' index, and never through a whole table
of everybody's chunks."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from apps.opie import rows
from apps.opie.knowledge import graphs
from apps.opie.knowledge.search import Filters
from apps.opie.knowledge.statistics import refresh_statistics
from tests.opie.knowledge.filling import Subjects, Vectors, Written, make_base, write
from tests.opie.knowledge.search.conftest import Find
from tests.opie.people import Person

# A graph pays from some thousand chunks on.
LARGE, SMALL = 8000, 200

WORDS, KEY, DOCUMENT = "opie_chunk384_words", "opie_chunk384_position_once", "opie_chunk384_document_id_0e879f04"
# By document: one of ten has the first, half have the second.
TAGS = (("few",), *[("half",)] * 5, *[()] * 4)


@contextmanager
def plans() -> Iterator[list[dict[str, Any]]]:
    """The nodes of the plan of every search in the block."""
    found: list[dict[str, Any]] = []

    def explained(execute: Callable[..., Any], statement: str, values: Any, many: bool, context: Any) -> Any:
        if statement.startswith("WITH readable AS MATERIALIZED"):
            execute(f"EXPLAIN (FORMAT JSON) {statement}", values, many, context)
            told = context["cursor"].fetchone()[0]
            found.extend(nodes((told if isinstance(told, list) else json.loads(told))[0]["Plan"]))
        return execute(statement, values, many, context)

    with connection.execute_wrapper(explained):
        yield found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def indexes_in(found: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in found if "Index Name" in node}


def scanned_whole(found: list[dict[str, Any]]) -> set[str]:
    return {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"}


class Two:
    """A large index with its graph, and a small one in the same table."""

    def __init__(self, person: Person) -> None:
        subjects = Subjects.make(20, 384, words=3000)
        self.large, self.small = (self._write(person, subjects, count) for count in (LARGE, SMALL))
        (self.question,), self.vectors = subjects.questions(1)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE opie_chunk384")

    def _write(self, person: Person, subjects: Subjects, count: int) -> Written:
        texts, vectors = subjects.chunks(count, length=20)
        written = write(make_base(person.team, person.user), texts, vectors, tags=TAGS)
        refresh_statistics(written.index.pk)
        return written

    @property
    def vector(self) -> Vectors:
        return self.vectors[0]


@pytest.fixture
async def two(person: Person, settings: Any) -> Two:
    settings.OPIE_KNOWLEDGE_GRAPH_FROM = 1000
    made = await rows.run(Two, person)
    assert await graphs.tend() == 1
    return made


@pytest.fixture(autouse=True)
def _without_graphs(two: Two) -> Iterator[None]:
    """A test's rows go, its graphs would stay."""
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {graphs.name_of(two.large.index.pk)}")


# One after the other on the same rows: writing them is what takes its time.
def test_plans(two: Two, person: Person, find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graphs.name_of(two.large.index.pk)
    large, small = [two.large.base.pk], [two.small.base.pk]

    def plan(**options: Any) -> set[str]:
        """The database indexes that a search goes by, which finds ten chunks and reads no table of chunks whole."""
        with plans() as found:
            assert len(find(person.principal, two.question, two.vector, **options)) == 10
        assert not scanned_whole(found)
        return indexes_in(found)

    # A large index by its graph, a small one by its key, and both in one search.
    assert plan(base_ids=large) >= {graph, WORDS}
    assert plan(base_ids=small) >= {KEY, WORDS}
    assert graph not in plan(base_ids=small)
    assert plan() >= {graph, KEY, WORDS}
    # Filters that leave few chunks go by their documents.
    for filters in (Filters(tags=["few"]), Filters(document_ids=two.large.document_ids[:5])):
        by = plan(base_ids=large, filters=filters)
        assert graph not in by
        assert by & {KEY, DOCUMENT}
    # Those that leave many go by the graph.
    monkeypatch.setattr("apps.opie.knowledge.search.nearest.EXACT_UP_TO", 50)
    assert graph in plan(base_ids=large, filters=Filters(tags=["half"]), mode="vector")
