"""Search over knowledge bases: by meaning, by words, and by both (docs/search.md)."""

from apps.opie.knowledge.search.asking import search
from apps.opie.knowledge.search.hits import EVERYTHING, Filters, Hit, Mode
from apps.opie.knowledge.search.readable import EmbeddedBy, Place, places
from apps.opie.knowledge.search.reranking import Reranker, register_reranker
from apps.opie.knowledge.search.searching import search_rows

__all__ = [
    "EVERYTHING",
    "EmbeddedBy",
    "Filters",
    "Hit",
    "Mode",
    "Place",
    "Reranker",
    "places",
    "register_reranker",
    "search",
    "search_rows",
]
