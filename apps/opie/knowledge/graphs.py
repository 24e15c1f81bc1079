"""The HNSW graphs of large indexes: each index has one of its own, over its chunks alone, and is searched as fast as if
nobody else were in the table. The worker builds them beside everything that is written and searched meanwhile.

What is in the database's catalogue decides; `KnowledgeIndex.graph` repeats it for whoever reads rows.
"""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import errors, sql

from apps.opie import rows
from apps.opie.models import KnowledgeIndex
from apps.opie.models.chunks import table_of
from apps.opie.models.knowledge import GraphState, IndexState

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[Any]

# How many neighbours a chunk has in the graph, and among how many they are chosen: pgvector's own values, which find
# more than 95 of 100 (benchmarks/search.py).
NEIGHBOURS, CHOSEN_AMONG = 16, 64
# A graph is dropped again when its index has shrunk to this share of what it takes to get one.
SHRUNK = 0.25
# What a graph may take of memory while it is built; one that needs more is built all the same, only slower.
LEAST_MEMORY_MIB, MOST_MEMORY_MIB = 64, 1024
_BYTES_BESIDE_A_VECTOR = 700
# One build at a time in a database: each takes all the processors it gets.
_LOCK = 0x6F706966
_NAME = re.compile(r"opie_graph_([0-9a-f]{32})")


def name_of(index_id: UUID) -> str:
    return f"opie_graph_{index_id.hex}"


@dataclass
class _Due:
    """What there is to do, by the ids of indexes."""

    to_drop: list[UUID] = field(default_factory=list)
    to_build: list[UUID] = field(default_factory=list)


async def tend() -> int:
    """Drop graphs that nobody needs any more, and build those that are due, one after the other; answers how many were
    built. Does nothing where another process is at it."""
    due = await rows.run(_what_is_due)
    if not due.to_drop and not due.to_build:
        return 0
    async with _builder() as connection:
        if connection is None:
            return 0
        for index_id in due.to_drop:
            await _drop(connection, index_id)
        return sum([await _build(connection, index_id) for index_id in due.to_build])


async def build_graph(index_id: UUID) -> bool:
    """Build an index's graph whatever its size, as before it goes live; what a killed build left is built anew. False
    where it is there already, the index is gone, or another process builds one now."""
    async with _builder() as connection:
        return connection is not None and await _build(connection, index_id)


async def drop_graph(index_id: UUID) -> None:
    """Searches of the index go through its chunks one by one from now on."""
    connection = await _connect()
    try:
        await _drop(connection, index_id)
    finally:
        await connection.close()


async def sweep() -> None:
    """Drop the graphs of indexes that are gone, retired, or small by now."""
    for index_id in (await rows.run(_what_is_due)).to_drop:
        await drop_graph(index_id)


def _what_is_due() -> _Due:
    """Compares rows with the catalogue, and corrects rows that say something else."""
    graphs = _catalogue()
    due, known = _Due(), set()
    for index in KnowledgeIndex.objects.exclude(state=IndexState.RETIRED):
        is_there = graphs.get(index.pk)
        if _is_wanted(index, has_one=is_there is not None):
            known.add(index.pk)
            if not is_there:
                due.to_build.append(index.pk)
        _correct(index, is_there)
    due.to_drop = [index_id for index_id in graphs if index_id not in known]
    return due


def _is_wanted(index: KnowledgeIndex, *, has_one: bool) -> bool:
    least = settings.OPIE_KNOWLEDGE_GRAPH_FROM
    if not has_one:
        return index.state == IndexState.LIVE and index.counted_chunks >= least
    return index.counted_at is None or index.counted_chunks >= least * SHRUNK


def _correct(index: KnowledgeIndex, is_there: bool | None) -> None:
    said = index.graph
    if is_there and said != GraphState.READY:
        _note(index.pk, GraphState.READY)
    elif not is_there and (said == GraphState.READY or (is_there is None and said != GraphState.NONE)):
        _note(index.pk, GraphState.NONE)


def _note(index_id: UUID, state: GraphState) -> None:
    KnowledgeIndex.objects.filter(pk=index_id).update(graph=state)


def _catalogue() -> dict[UUID, bool]:
    """Which indexes have a graph, and whether it is whole: one that is being built, or was left half-built, is not."""
    with connections["default"].cursor() as cursor:
        cursor.execute(_GRAPHS)
        return {UUID(_NAME.fullmatch(name)[1]): is_valid for name, is_valid in cursor.fetchall()}  # type: ignore[index]


_GRAPHS = """
SELECT c.relname, i.indisvalid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname ~ '^opie_graph_[0-9a-f]{32}$'
"""


async def _build(connection: Connection, index_id: UUID) -> bool:
    index = await rows.run(KnowledgeIndex.objects.filter(pk=index_id).first)
    if index is None or (await rows.run(_catalogue)).get(index_id):
        return False
    await rows.run(_note, index_id, GraphState.BUILDING)
    logger.info("building the graph of index %s", index_id)
    await _make_room(connection, index)
    try:
        await _create(connection, index)
    except errors.DiskFull:
        # Builders that share the work share memory too, and a container may have next to none of that kind.
        await connection.execute("SET max_parallel_maintenance_workers = 0")
        await _create(connection, index)
    await rows.run(_note, index_id, GraphState.READY)
    logger.info("built the graph of index %s", index_id)
    return True


async def _create(connection: Connection, index: KnowledgeIndex) -> None:
    await connection.execute(_DROP.format(name=sql.Identifier(name_of(index.pk))))
    await connection.execute(
        _CREATE.format(
            name=sql.Identifier(name_of(index.pk)),
            table=sql.Identifier(table_of(index.width)),
            distance=sql.SQL("halfvec_cosine_ops" if index.width > 2000 else "vector_cosine_ops"),
            neighbours=sql.Literal(NEIGHBOURS),
            among=sql.Literal(CHOSEN_AMONG),
            index=sql.Literal(str(index.pk)),
        )
    )


async def _make_room(connection: Connection, index: KnowledgeIndex) -> None:
    per_chunk = index.width * (2 if index.width > 2000 else 4) + _BYTES_BESIDE_A_VECTOR
    needed = round(max(index.counted_chunks, 1) * per_chunk * 1.2 / 2**20)
    memory = min(max(needed, LEAST_MEMORY_MIB), MOST_MEMORY_MIB)
    await connection.execute(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(f"{memory}MB")))


async def _drop(connection: Connection, index_id: UUID) -> None:
    # Rows first: a search that goes by them does not count on what is about to go.
    await rows.run(_note, index_id, GraphState.NONE)
    await connection.execute(_DROP.format(name=sql.Identifier(name_of(index_id))))
    logger.info("dropped the graph of index %s", index_id)


_CREATE = sql.SQL(
    "CREATE INDEX CONCURRENTLY {name} ON {table} USING hnsw (embedding {distance})"
    " WITH (m = {neighbours}, ef_construction = {among}) WHERE index_id = {index}::uuid"
)
_DROP = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {name}")


@asynccontextmanager
async def _builder() -> AsyncIterator[Connection | None]:
    """A connection that may build, or None where another one does. Its lock goes with it, whatever ends it."""
    connection = await _connect()
    try:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, 0)", [_LOCK])
        (is_ours,) = await cursor.fetchone()  # type: ignore[misc]
        yield connection if is_ours else None
    finally:
        await connection.close()


async def _connect() -> Connection:
    """Outside the pool: a build takes minutes, and cannot be part of a transaction. A task that is cancelled takes its
    statement along."""
    parameters = connections["default"].get_connection_params()
    for own in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(own, None)
    connection = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
    await connection.execute("SET statement_timeout = 0")
    return connection
