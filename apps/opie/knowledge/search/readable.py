"""Which indexes a search goes through: the live ones of the bases that the person may read, and what the question's words
are in each. Sync."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F

from apps.accounts.principal import Principal
from apps.opie.knowledge.search.hits import Filters
from apps.opie.knowledge.search.sql import Sql, as_dicts, joined
from apps.opie.models import KnowledgeBase
from apps.opie.models.knowledge import GraphState
from apps.opie.providers.embedding.embedder import LOCAL

# So much of a question is taken for its words.
MOST_CHARACTERS = 8000


class EmbeddedBy(NamedTuple):
    """Whose vectors can be compared: those of one model on one platform. `whose` is the platform's id, or the team's
    where the platform is gone, or nothing for the local model."""

    whose: UUID | None
    platform_name: str
    model: str
    dimensions: int


@dataclass(frozen=True, slots=True)
class Place:
    """An index that is searched. `matching` is how many chunks the documents have that the filters leave, where that
    decides how the index is searched. `words` are the question's, each with its number of chunks."""

    index_id: UUID
    team_id: UUID
    embedded_by: EmbeddedBy
    width: int
    language: str
    has_graph: bool
    chunks: int
    mean_length: float
    matching: int | None
    words: tuple[tuple[str, int | None], ...]


def readable_indexes(
    principal: Principal, base_ids: Sequence[UUID] | None, index_ids: Sequence[UUID] | None = None
) -> Sql | None:
    """A statement for the bases that this person may read, of those asked for, with their live indexes or with those of
    `index_ids` that are theirs; None when it can find nothing. Both statements of a search start with it: whatever ids
    were handed in, this decides."""
    bases = KnowledgeBase.objects.visible_to(principal).order_by()
    if base_ids is not None:
        bases = bases.filter(pk__in=base_ids)
    if index_ids is not None:
        bases, index = bases.filter(indexes__in=index_ids), F("indexes__id")
    else:
        bases, index = bases.filter(live_index__isnull=False), F("live_index_id")
    try:
        return Sql.of(bases.values(base_id=F("id"), index_id=index, of_team=F("team_id"), spoken=F("language")))
    except EmptyResultSet:
        return None


def places(principal: Principal, question: str, base_ids: Sequence[UUID] | None, filters: Filters) -> list[Place]:
    """What will be searched. A base that the person may not read is not there, as one that does not exist."""
    readable = readable_indexes(principal, base_ids)
    if readable is None:
        return []
    question = storable(question)[:MOST_CHARACTERS]
    statement = joined(
        "",
        (
            Sql("WITH readable AS ("),
            readable,
            Sql(_PLACES, (question, question, LOCAL, GraphState.READY)),
            _matching(filters),
            Sql(_FROM),
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.values)
        return [_place(row) for row in as_dicts(cursor)]


def storable(text: str) -> str:
    """Without what PostgreSQL takes in no text: NUL, and halves of characters."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _place(row: dict[str, Any]) -> Place:
    embedded_by = EmbeddedBy(*(row.pop(name) for name in EmbeddedBy._fields))
    words = tuple(zip(row.pop("lexemes") or (), row.pop("counts") or (), strict=True))
    return Place(embedded_by=embedded_by, words=words, **row)


def documents_left(filters: Filters) -> Sql:
    """Conditions on the document `d` that the filters make; a chunk has its document's tags and date."""
    return _conditions(filters, "d.id", "d.tags", "d.dated")


def chunks_left(filters: Filters) -> Sql:
    """The same on the chunk `c`."""
    return _conditions(filters, "c.document_id", "c.tags", "c.dated")


def _conditions(filters: Filters, document_id: str, tags: str, dated: str) -> Sql:
    found = Sql("")
    if filters.document_ids is not None:
        found += Sql(f" AND {document_id} = ANY(%s)", (list(filters.document_ids),))
    if filters.tags:
        found += Sql(f" AND {tags} @> %s::varchar[]", ([storable(tag) for tag in filters.tags],))
    if filters.since is not None:
        found += Sql(f" AND {dated} >= %s", (filters.since,))
    if filters.until is not None:
        found += Sql(f" AND {dated} <= %s", (filters.until,))
    return found


def _matching(filters: Filters) -> Sql:
    if not filters:
        return Sql("NULL")
    of_base = "SELECT COALESCE(sum(d.chunk_count), 0) FROM opie_knowledgedocument d WHERE d.base_id = r.base_id"
    return Sql(f"CASE WHEN i.graph = %s THEN ({of_base}", (GraphState.READY,)) + documents_left(filters) + Sql(") END")


# A question of nothing but words that the language leaves out is looked for with those.
_PLACES = """), asked AS MATERIALIZED (
    SELECT spoken, COALESCE(
        NULLIF(tsvector_to_array(to_tsvector(spoken::regconfig, %s)), '{}'),
        tsvector_to_array(to_tsvector('simple', %s))
    ) AS lexemes
    FROM (SELECT DISTINCT spoken FROM readable) spoken
)
SELECT i.id AS index_id, r.of_team AS team_id, i.platform_name, i.model, i.dimensions, i.width, r.spoken AS language,
    COALESCE(i.platform_id, CASE WHEN i.platform_name <> %s THEN r.of_team END) AS whose,
    i.graph = %s AS has_graph, i.counted_chunks AS chunks, i.mean_length, words.lexemes, words.counts, """
_FROM = """ AS matching
FROM readable r
JOIN opie_knowledgeindex i ON i.id = r.index_id
JOIN asked ON asked.spoken = r.spoken
CROSS JOIN LATERAL (
    SELECT array_agg(said.lexeme) AS lexemes, array_agg(known.chunks) AS counts
    FROM unnest(asked.lexemes) AS said (lexeme)
    LEFT JOIN opie_indexlexeme known ON known.index_id = i.id AND known.lexeme = said.lexeme
) words
ORDER BY i.id
"""
