"""What a search is asked for beside the question, and what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

Mode = Literal["hybrid", "vector", "text"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Of which documents, with all of which tags, and dated within which days (both included). What is None or empty
    leaves everything in; a chunk without a date is in no span of days."""

    document_ids: Sequence[UUID] | None = None
    tags: Sequence[str] = ()
    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return self.document_ids is not None or bool(self.tags) or self.since is not None or self.until is not None


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found. `score` is 0 to 1 for hybrid (1: first by meaning and by words), the cosine for vector,
    BM25 for text; a reranker puts its own in its place. Ranks count from 1, each within its own half of the search;
    what one half did not find has none there."""

    chunk_id: UUID
    document_id: UUID
    base_id: UUID
    title: str
    heading: str
    text: str
    location: dict[str, Any]
    score: float
    vector_rank: int | None
    text_rank: int | None
    distance: float | None
    text_score: float | None
    url: str
    tags: list[str]
    dated: date | None

    def as_json(self) -> dict[str, Any]:
        return {
            "document_id": str(self.document_id),
            "title": self.title,
            "chunk_id": str(self.chunk_id),
            "text": self.text,
            "score": self.score,
            "location": self.location,
            "base_id": str(self.base_id),
            "heading": self.heading,
            "url": self.url,
            "tags": self.tags,
            "dated": self.dated.isoformat() if self.dated else None,
            "vector_rank": self.vector_rank,
            "text_rank": self.text_rank,
            "distance": self.distance,
            "text_score": self.text_score,
        }
