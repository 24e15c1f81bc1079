"""How fast knowledge is searched, and how much of what is nearest is found: one base of 100,000 chunks of 384 numbers, with
fifty smaller ones beside it. SEARCH_CHUNKS makes it smaller.

What is timed is the sync half of the public search: both of its statements and what becomes of their rows; embedding the
question is not in it. Beside it, on the same data in the same database: the very statements that Opie sends, sent by hand,
and the hybrid search of Agno's own PgVector class, with the indexes that it builds.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import django

from benchmarks.in_django import figures_of, print_figures, someone

CHUNKS = int(os.environ.get("SEARCH_CHUNKS", "100000"))
BASES = 50
DIMENSIONS = 384
QUESTIONS = 100
QUESTIONS_OF_AGNO = 5  # each takes seconds
MODES = ("hybrid", "vector", "text")
FILTERED = ("half", "tenth", "hundredth")
# Of documents, in turn: what each filter leaves is spread over the whole base.
TAGS = [
    tuple(name for name, every in zip(FILTERED, (2, 10, 100), strict=True) if number % every == 0)
    for number in range(100)
]
TARGETS = {"recall_at_10": 0.95, "times_the_same_by_hand": 1.3, "times_faster_than_agno": 10}


def run() -> dict[str, Any]:
    """Recall@10, milliseconds (p50, p95), and what they are to be."""
    found = figures_of("benchmarks.search", str(CHUNKS)) | {"targets": TARGETS}
    print(json.dumps(found, indent=1))
    return found


async def _run(chunks: int) -> dict[str, Any]:
    from apps.opie import rows
    from apps.opie.knowledge import graphs

    bench = Bench((await rows.run(someone)).principal)
    side_by_side = await rows.run(bench.side_by_side, chunks // BASES)
    large = await rows.run(bench.written, chunks)
    started = time.perf_counter()
    await graphs.build_graph(large.index_id)
    seconds = round(time.perf_counter() - started, 1)
    _say(f"the graph is built after {seconds} s")
    return {
        "chunks": chunks,
        "graph_built_seconds": seconds,
        "side_by_side": side_by_side,
        **await rows.run(bench.figures, large),
    }


class Bench:
    """A team's bases that fill up, and what searching them takes."""

    def __init__(self, principal: Any) -> None:
        from tests.opie.knowledge.filling import Subjects

        self.principal = principal
        self.subjects = Subjects.make(500, DIMENSIONS)

    def written(self, chunks: int) -> "Written":
        """A base more, counted."""
        from apps.accounts.models import Team
        from apps.opie.knowledge.statistics import refresh_statistics
        from tests.opie.knowledge import filling

        texts, vectors = self.subjects.chunks(chunks)
        base = filling.make_base(Team.objects.get(pk=self.principal.team_id))
        done = filling.write(base, texts, vectors, tags=TAGS)
        refresh_statistics(done.index.pk, force=True)
        _analyze()
        _say(f"{chunks} chunks written")
        return Written(base.pk, done.index.pk, done.chunk_ids, texts, vectors)

    def side_by_side(self, chunks: int) -> dict[str, Any]:
        """The median search of a base alone in its table, and with 49 others of its size around it."""
        first = self.written(chunks)
        questions = self.questions(QUESTIONS)
        alone = median(self.times(first, questions, "hybrid"))
        others = [self.written(chunks) for _ in range(BASES - 1)]
        among = [median(self.times(base, questions[:20], "hybrid")) for base in (first, *others)]
        return {"chunks_each": chunks, "alone_p50_ms": _ms(alone), "among_others_p50_ms": _ms(median(among)),
                "slowest_of_them_p50_ms": _ms(max(among)), "ratio": round(median(among) / alone, 2)}  # fmt: skip

    def questions(self, count: int) -> list[tuple[str, Any]]:
        return list(zip(*self.subjects.questions(count), strict=True))

    def times(self, base: "Written", questions: Sequence[tuple[str, Any]], mode: Any) -> list[float]:
        for question, vector in questions[:5]:  # pages and plans that every later search finds warm
            self.ask(base, question, vector, mode)
        return _timed([lambda q=q, v=v: self.ask(base, q, v, mode) for q, v in questions])  # type: ignore[misc]

    def ask(self, base: "Written", question: str, vector: Any, mode: Any, tags: Sequence[str] = ()) -> list[Any]:
        from apps.opie.knowledge.search import Filters, places, search_rows

        filters = Filters(tags=tags)
        where = places(self.principal, question, [base.base_id], filters)
        vectors = {place.embedded_by: vector for place in where}
        return search_rows(self.principal, vectors, where, base_ids=[base.base_id], mode=mode, filters=filters)

    def figures(self, base: "Written") -> dict[str, Any]:
        questions = self.questions(QUESTIONS)
        recall = {"everything": self.recall(base, questions, None)}
        recall |= {name: self.recall(base, questions[:40], name) for name in FILTERED}
        _say(f"recall {recall}")
        opie = {mode: _spread(self.times(base, questions, mode)) for mode in MODES}
        _say(f"opie {opie}")
        by_hand, again = self.by_hand(base, questions)
        agno = _spread(AgnoBench(base).times(questions[:QUESTIONS_OF_AGNO]))
        return {
            "recall_at_10": recall,
            "milliseconds": {"opie": opie, "hybrid_by_hand": by_hand, "agno_hybrid": agno},
            "times_the_same_by_hand": round(again["p50"] / by_hand["p50"], 2),
            "times_faster_than_agno": round(agno["p50"] / opie["hybrid"]["p50"], 1),
        }

    def recall(self, base: "Written", questions: Sequence[tuple[str, Any]], tag: str | None) -> float:
        """How many of the ten nearest chunks, worked out exactly, are among the ten that are found."""
        import numpy

        documents = numpy.arange(len(base.chunk_ids)) // 20
        is_left = numpy.array([tag is None or tag in TAGS[number % 100] for number in documents])
        found = 0
        for question, vector in questions:
            nearness = numpy.where(is_left, base.vectors @ vector, -2)
            nearest = {base.chunk_ids[place] for place in numpy.argpartition(-nearness, 10)[:10]}
            hits = self.ask(base, question, vector, "vector", [tag] if tag else [])
            found += len(nearest & {hit.chunk_id for hit in hits})
        return round(found / (10 * len(questions)), 4)

    def by_hand(
        self, base: "Written", questions: Sequence[tuple[str, Any]]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """What a hybrid search takes when its statements are sent on a bare connection and their rows left alone; and
        through Opie, question by question in turn with them."""
        import psycopg

        bare, opie = [], []
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            for question, vector in questions:
                with _statements() as sent:
                    self.ask(base, question, vector, "hybrid")
                opie += _timed([lambda q=question, v=vector: self.ask(base, q, v, "hybrid")])  # type: ignore[misc]
                bare += _timed([lambda sent=sent: _send(connection, sent)])  # type: ignore[misc]
        return _spread(bare), _spread(opie)


class Written:
    """What was written into a base, for exact answers."""

    def __init__(self, base_id: Any, index_id: Any, chunk_ids: list[Any], texts: list[str], vectors: Any) -> None:
        self.base_id, self.index_id, self.chunk_ids, self.texts, self.vectors = (
            base_id,
            index_id,
            chunk_ids,
            texts,
            vectors,
        )


class AgnoBench:
    """The same chunks in a table of Agno's PgVector."""

    def __init__(self, base: Written) -> None:
        import psycopg
        from agno.knowledge.embedder.base import Embedder
        from agno.vectordb.pgvector import PgVector
        from agno.vectordb.search import SearchType
        from django.db import connection
        from sqlalchemy import create_engine

        class Given(Embedder):
            """Answers the question's vector, which is there already."""

            vector: Any = None

            def get_embedding(self, text: str) -> list[float]:  # noqa: ARG002 - Agno's shape
                return self.vector.tolist()  # type: ignore[no-any-return]

        self.embedder = Given(dimensions=DIMENSIONS)
        # Building indexes, it sends SET with a parameter, which only a cursor that writes them into the statement can do.
        engine = create_engine(
            os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),
            connect_args={"cursor_factory": psycopg.ClientCursor},
        )
        self.table = PgVector(
            table_name="bench", db_engine=engine, embedder=self.embedder, search_type=SearchType.hybrid
        )
        self.table.create()
        self._fill(base)
        started = time.perf_counter()
        self.table._create_vector_index()
        # Its own statement for this one asks for a column named english.
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX ON ai.bench USING GIN (to_tsvector('english', content))")
        _analyze()
        _say(f"Agno's indexes are built after {time.perf_counter() - started:.0f} s")

    def _fill(self, base: Written) -> None:
        from django.db import connection

        from tests.opie.knowledge.filling import as_text

        with connection.cursor() as cursor, cursor.copy("COPY ai.bench (id, content, embedding) FROM STDIN") as copy:
            for chunk_id, text, vector in zip(base.chunk_ids, base.texts, base.vectors, strict=True):
                copy.write_row((str(chunk_id), text, as_text(vector)))

    def times(self, questions: Sequence[tuple[str, Any]]) -> list[float]:
        return _timed([lambda q=q, v=v: self._ask(q, v) for q, v in questions])  # type: ignore[misc]

    def _ask(self, question: str, vector: Any) -> None:
        self.embedder.vector = vector
        assert len(self.table.hybrid_search(question, limit=10)) == 10


def _send(connection: Any, statements: Sequence[str]) -> None:
    """The last two, which belong together, in a transaction, as Opie sends them."""
    connection.execute(statements[0]).fetchall()
    with connection.transaction():
        connection.execute(statements[1])
        connection.execute(statements[2]).fetchall()


@contextmanager
def _statements() -> Iterator[list[str]]:
    """The statements that are sent in the block, whole."""
    from django.db import connection

    sent: list[str] = []

    def noted(execute: Callable[..., Any], statement: str, values: Any, many: bool, context: Any) -> Any:
        sent.append(context["cursor"].mogrify(statement, values) if values else statement)
        return execute(statement, values, many, context)

    with connection.execute_wrapper(noted):
        yield sent


def _timed(calls: Sequence[Callable[[], Any]]) -> list[float]:
    times = []
    for call in calls:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times


def _spread(times: Sequence[float]) -> dict[str, float]:
    return {"p50": _ms(median(times)), "p95": _ms(quantiles(times, n=20, method="inclusive")[-1])}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    django.setup()
    print_figures(asyncio.run(_run(int(sys.argv[1]))))
