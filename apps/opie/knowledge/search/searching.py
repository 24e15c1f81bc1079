"""The sync half of a search: from the places it goes through and the question's vectors to what is found."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction

from apps.accounts.principal import Principal
from apps.opie.knowledge.search.hits import EVERYTHING, Filters, Hit, Mode
from apps.opie.knowledge.search.readable import EmbeddedBy, Place, readable_indexes
from apps.opie.knowledge.search.sql import as_dicts
from apps.opie.knowledge.search.statement import FUSIONS, search_statement
from apps.opie.models.chunks import width_for

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    Vector = NDArray[float32]

MOST_HITS = 100
# So many chunks of each half take part in the fusion, at least.
DEPTH = 100
# How far a graph is searched: with 100,000 chunks a hundred neighbours on the way find more than 95 of the true hundred.
# Under filters it goes on until there are enough, or it has seen so many. A scan of a whole chunk table is never right:
# other people's chunks are in there too. Compiling a statement takes longer than running it.
_SETTINGS = """SET LOCAL hnsw.ef_search = {ef_search}; SET LOCAL hnsw.iterative_scan = relaxed_order;
SET LOCAL hnsw.max_scan_tuples = 20000; SET LOCAL hnsw.scan_mem_multiplier = 2; SET LOCAL enable_seqscan = off;
SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0"""


def search_rows(
    principal: Principal,
    vectors: Mapping[EmbeddedBy, "Vector"],
    where: Sequence[Place],
    *,
    base_ids: Sequence[UUID] | None,
    limit: int = 10,
    mode: Mode = "hybrid",
    filters: Filters = EVERYTHING,
) -> list[Hit]:
    """The sync half of a search, from the places that `places` found and the question's vectors: at most `limit` hits,
    the best first."""
    # The index that was found is searched, even if its base has another live one since.
    readable = readable_indexes(principal, base_ids, [place.index_id for place in where])
    if readable is None or limit < 1:
        return []
    limit = min(limit, MOST_HITS)
    depth = max(DEPTH, 2 * limit)
    numbers = {embedder: vector.tolist() for embedder, vector in vectors.items()}
    told = {embedder: _as_text(vector) for embedder, vector in numbers.items() if any(vector)}
    statement = search_statement(readable, where, told, filters, FUSIONS[mode], depth=depth, limit=limit)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SETTINGS.format(ef_search=depth))
        cursor.execute(statement.text, statement.values)
        return [_hit(mode, row) for row in as_dicts(cursor)]


def _as_text(vector: Sequence[float]) -> str:
    """As pgvector reads it, with zeros behind up to its table's width: they change no angle."""
    zeros = [0.0] * (width_for(len(vector)) - len(vector))
    return "[" + ",".join(map(repr, [*vector, *zeros])) + "]"


def _hit(mode: Mode, row: dict[str, Any]) -> Hit:
    score = {
        "hybrid": row["score"] / FUSIONS[mode].best,
        "vector": 1 - (row["distance"] or 0),
        "text": row["text_score"],
    }[mode]
    return Hit(**row | {"score": score, "location": json.loads(row["location"])})
