"""A second look at what was found, by something that reads question and passage together. Opie brings none: it is the
host's, with its price and its limits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from apps.opie.knowledge.search.hits import Hit

# So many hits are looked at, of which the best are kept.
LOOKED_AT = 30


class Reranker(Protocol):
    """Answers a score for each hit, in their order; the higher the better. It may ask a model: it is not in a
    transaction. What it raises ends the search."""

    async def __call__(self, query: str, hits: Sequence[Hit]) -> Sequence[float]: ...


_registered: list[Reranker] = []


def register_reranker(reranker: Reranker | None) -> None:
    """Have every search of this process reranked by it; None has none again."""
    _registered[:] = [reranker] if reranker else []


def wanted(limit: int) -> int:
    """How many hits a search has to find for `limit` of them to be answered."""
    return max(limit, LOOKED_AT) if _registered else limit


async def reranked(query: str, hits: list[Hit], limit: int) -> list[Hit]:
    """The best `limit` hits. Raises ValueError when the reranker did not score them all."""
    if not _registered or not hits:
        return hits[:limit]
    scores = await _registered[0](query, hits)
    rescored = [replace(hit, score=float(score)) for hit, score in zip(hits, scores, strict=True)]
    return sorted(rescored, key=lambda hit: -hit.score)[:limit]
