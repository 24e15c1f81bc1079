"""The one statement of a search: nearest vectors, best words, fused by rank, and the rows of what won.

Every part of it takes its chunks from `readable`, which the database works out from who asks: an index that is named in
a part and is not in there contributes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.opie.knowledge.search.hits import Filters, Mode
from apps.opie.knowledge.search.nearest import NO_VECTORS, nearest
from apps.opie.knowledge.search.readable import EmbeddedBy, Place
from apps.opie.knowledge.search.sql import Sql, joined
from apps.opie.knowledge.search.worded import NO_WORDS, worded
from apps.opie.models.chunks import table_of


@dataclass(frozen=True, slots=True)
class Fusion:
    """Reciprocal rank fusion: a rank r of a half is worth its weight / (k + r). A half of weight 0 is not searched."""

    vector: float
    text: float
    k: int = 20

    @property
    def best(self) -> float:
        """What a chunk gets that is first in both halves."""
        return (self.vector + self.text) / (self.k + 1)


FUSIONS: dict[Mode, Fusion] = {"hybrid": Fusion(1.25, 1), "vector": Fusion(1, 0), "text": Fusion(0, 1)}


def search_statement(
    readable: Sql,
    places: Sequence[Place],
    vectors: Mapping[EmbeddedBy, str],
    filters: Filters,
    fusion: Fusion,
    *,
    depth: int,
    limit: int,
) -> Sql:
    """The statement, for at least one place. `vectors` are the question's, as pgvector reads them and as wide as their
    tables; of each half the first `depth` chunks take part."""
    by_vector = list(nearest(places, vectors, filters, depth)) if fusion.vector else []
    by_text = list(worded(places, filters, depth)) if fusion.text else []
    tables = sorted({table_of(place.width) for place in places})
    return joined(
        "",
        [
            Sql("WITH readable AS MATERIALIZED ("),
            readable,
            Sql("),\nnearest AS MATERIALIZED ("),
            joined("\nUNION ALL ", by_vector or [NO_VECTORS]),
            Sql("),\nworded AS MATERIALIZED ("),
            joined("\nUNION ALL ", by_text or [NO_WORDS]),
            Sql(_WON, (fusion.vector, fusion.k, fusion.text, fusion.k, depth, depth, limit)),
            joined("\nUNION ALL ", [Sql(_ROWS.format(table=table)) for table in tables]),
            Sql("\nORDER BY score DESC, chunk_id"),
        ],
    )


_WON = """),
by_vector AS (
    SELECT id, index_id, distance, row_number() OVER (PARTITION BY embedder ORDER BY distance, id) AS rank FROM nearest
),
by_text AS (SELECT id, index_id, score, row_number() OVER (ORDER BY score DESC, id) AS rank FROM worded),
won AS MATERIALIZED (
    SELECT id, index_id, COALESCE(%s::float8 / (%s + v.rank), 0) + COALESCE(%s::float8 / (%s + t.rank), 0) AS score,
        v.rank AS vector_rank, t.rank AS text_rank, v.distance, t.score AS text_score
    FROM (SELECT * FROM by_vector WHERE rank <= %s) v
    FULL JOIN (SELECT * FROM by_text WHERE rank <= %s) t USING (id, index_id)
    ORDER BY score DESC, id LIMIT %s
)
"""
_ROWS = """SELECT w.id AS chunk_id, w.score, w.vector_rank, w.text_rank, w.distance, w.text_score,
    c.document_id, r.base_id, d.title, d.url, c.heading, c.text, c.location, c.tags, c.dated
FROM won w JOIN readable r ON r.index_id = w.index_id
JOIN {table} c ON c.id = w.id JOIN opie_knowledgedocument d ON d.id = c.document_id"""
