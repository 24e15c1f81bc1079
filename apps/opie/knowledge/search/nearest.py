"""The half of a search that goes by meaning: for each embedder, the chunks whose vectors are nearest to the question's."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from apps.opie.knowledge.search.hits import Filters
from apps.opie.knowledge.search.readable import EmbeddedBy, Place, chunks_left, documents_left
from apps.opie.knowledge.search.sql import Sql
from apps.opie.models.chunks import table_of

# Of a large index whose filters leave no more chunks than this, those are compared one by one: a graph that is searched
# for rare chunks goes through many that do not count.
EXACT_UP_TO = 10_000
NO_VECTORS = Sql("SELECT NULL::uuid AS id, NULL::uuid AS index_id, 0 AS embedder, 0::float8 AS distance WHERE false")


def nearest(places: Sequence[Place], vectors: Mapping[EmbeddedBy, str], filters: Filters, depth: int) -> Iterable[Sql]:
    """Statements for (id, index_id, embedder, distance). Small indexes of one embedder are gone through together, one
    chunk after the other; a large one by its graph, which PostgreSQL uses only where the index's id is written out."""
    numbers = {embedder: number for number, embedder in enumerate(vectors)}
    small: dict[tuple[int, EmbeddedBy], list[UUID]] = defaultdict(list)
    for place in places:
        if place.embedded_by not in vectors:
            continue
        number, vector = numbers[place.embedded_by], vectors[place.embedded_by]
        if not place.has_graph:
            small[place.width, place.embedded_by].append(place.index_id)
        elif place.matching is not None and place.matching <= EXACT_UP_TO:
            yield _of_documents(place, number, vector, filters) + _first(depth)
        else:
            yield _by_graph(place, number, vector, filters) + _first(depth)
    for (width, embedder), index_ids in small.items():
        text = _EXACTLY.format(table=table_of(width), kind=vector_type(width), number=numbers[embedder])
        yield Sql(text, (vectors[embedder], index_ids)) + chunks_left(filters) + _first(depth)


def vector_type(width: int) -> str:
    """The type of a chunk table's column: a graph takes longer vectors only of half precision."""
    return "halfvec" if width > 2000 else "vector"


def _by_graph(place: Place, number: int, vector: str, filters: Filters) -> Sql:
    text = _BY_GRAPH.format(table=table_of(place.width), kind=vector_type(place.width), number=number)
    return Sql(text, (vector, place.index_id, place.index_id)) + chunks_left(filters)


def _of_documents(place: Place, number: int, vector: str, filters: Filters) -> Sql:
    text = _OF_DOCUMENTS.format(table=table_of(place.width), kind=vector_type(place.width), number=number)
    few = Sql(text, (vector, place.index_id, place.index_id, place.index_id)) + documents_left(filters) + Sql("))")
    return few + chunks_left(filters)


def _first(depth: int) -> Sql:
    return Sql(" ORDER BY distance LIMIT %s)", (depth,))


_EXACTLY = """(SELECT c.id, c.index_id, {number} AS embedder, c.embedding <=> %s::{kind} AS distance
    FROM readable r JOIN {table} c ON c.index_id = r.index_id WHERE r.index_id = ANY(%s)"""
_BY_GRAPH = """(SELECT c.id, c.index_id, {number} AS embedder, c.embedding <=> %s::{kind} AS distance
    FROM {table} c WHERE c.index_id = %s AND EXISTS (SELECT FROM readable r WHERE r.index_id = %s)"""
# Not ordered by the bare distance: the graph is not for this.
_OF_DOCUMENTS = """(SELECT c.id, c.index_id, {number} AS embedder, (c.embedding <=> %s::{kind}) + 0 AS distance
    FROM {table} c WHERE c.index_id = %s AND EXISTS (SELECT FROM readable r WHERE r.index_id = %s)
    AND c.document_id = ANY(ARRAY(
        SELECT d.id FROM opie_knowledgedocument d JOIN readable r ON r.base_id = d.base_id WHERE r.index_id = %s"""
