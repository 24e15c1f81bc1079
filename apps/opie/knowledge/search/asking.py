"""The async half of a search: the question's vectors, between two visits to the rows."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotFound, PlatformFailed, Unavailable
from apps.opie import rows
from apps.opie.knowledge.search import reranking
from apps.opie.knowledge.search.hits import EVERYTHING, Filters, Hit, Mode
from apps.opie.knowledge.search.readable import EmbeddedBy, Place, places, storable
from apps.opie.knowledge.search.searching import search_rows
from apps.opie.providers.embedding import Embedder, embed, embedder_named
from apps.opie.scope import RunScope, current_scope

if TYPE_CHECKING:
    from apps.opie.knowledge.search.searching import Vector

logger = logging.getLogger(__name__)


async def search(
    principal: Principal,
    query: str,
    *,
    base_ids: Sequence[UUID] | None,
    limit: int = 10,
    mode: Mode = "hybrid",
    filters: Filters = EVERYTHING,
) -> list[Hit]:
    """The chunks that answer a question best, of the bases that the person may read: all of them, or those of `base_ids`.

    A base that they may not read is nowhere in it, and nothing tells it from one that does not exist. The question is
    embedded once for each embedder, on the account of the run under way, else of the person. Raises what embedding
    raises; where a platform does not answer, hybrid goes by the words alone.
    """
    query = storable(query)
    if not query.strip() or limit < 1:
        return []
    where = await rows.run(places, principal, query, base_ids, filters)
    vectors = {} if mode == "text" else await _embedded(principal, query, where, mode)
    wanted = reranking.wanted(limit)
    hits = await rows.run(
        search_rows, principal, vectors, where, base_ids=base_ids, limit=wanted, mode=mode, filters=filters
    )
    return await reranking.reranked(query, hits, limit)


async def _embedded(principal: Principal, query: str, where: Sequence[Place], mode: Mode) -> "dict[EmbeddedBy, Vector]":
    found: dict[EmbeddedBy, Vector] = {}
    teams = {place.embedded_by: place.team_id for place in where}
    with _on_account_of(principal):
        for embedded_by, team_id in teams.items():
            try:
                embedder = await rows.run(_embedder, embedded_by, team_id)
                (found[embedded_by],) = await embed([query], embedder, kind="query")
            except (PlatformFailed, Unavailable):
                if mode == "vector":
                    raise
                logger.warning("searching by words alone: %s did not embed", embedded_by.platform_name)
    return found


def _embedder(embedded_by: EmbeddedBy, team_id: UUID) -> Embedder:
    """Raises Unavailable where nothing can embed for this index any more."""
    try:
        return embedder_named(team_id, embedded_by.platform_name, embedded_by.model, dimensions=embedded_by.dimensions)
    except (NotFound, InvalidInput):
        raise Unavailable(
            f"{embedded_by.model} on {embedded_by.platform_name}, which this base was embedded with, cannot be asked any"
            " more. Search by words, or embed the base anew with another model.",
            code="embedder_gone",
        ) from None


@contextmanager
def _on_account_of(principal: Principal) -> Iterator[None]:
    """What is spent belongs to the run under way; outside of one, to whoever searches."""
    scope = current_scope.get() or RunScope(principal)
    token = current_scope.set(scope.for_purpose("embedding"))
    try:
        yield
    finally:
        current_scope.reset(token)
