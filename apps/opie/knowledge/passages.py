"""Passages as people read them: one chunk with what stands around it, and all chunks of a document. Sync."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.accounts.principal import Principal
from apps.api.errors import NotFound
from apps.opie.knowledge.citing import place_of
from apps.opie.models import CHUNKS, Chunk, KnowledgeBase, KnowledgeDocument, KnowledgeIndex


@dataclass(frozen=True, slots=True)
class Passage:
    """One chunk, the ones before and after it, and the document they are of."""

    chunk: Chunk
    document: KnowledgeDocument
    before: str
    after: str

    @property
    def place(self) -> str:
        return place_of(self.chunk.location)

    def as_json(self) -> dict[str, Any]:
        return chunk_as_json(self.chunk) | {
            "document_id": str(self.document.pk),
            "base_id": str(self.document.base_id),
            "title": self.document.title,
            "url": self.document.url,
            "before": self.before,
            "after": self.after,
        }


def passage(principal: Principal, chunk_id: UUID) -> Passage:
    """The passage with this id, if the person may read its base. Raises NotFound, also for one that was changed or
    deleted since."""
    for model in CHUNKS.values():
        chunk = model.objects.filter(pk=chunk_id).defer("embedding", "words").first()  # type: ignore[attr-defined]
        if chunk is not None:
            return _with_surroundings(principal, chunk)
    raise _gone()


def chunks_of(document: KnowledgeDocument) -> list[Chunk]:
    """The chunks of a document in order, as they are searched. Whoever asks may read it."""
    index = document.base.live_index
    if index is None:
        return []
    rows = CHUNKS[index.width].objects.filter(index=index, document=document)  # type: ignore[attr-defined]
    return list(rows.defer("embedding", "words").order_by("position"))


def chunk_as_json(chunk: Chunk) -> dict[str, Any]:
    return {
        "chunk_id": str(chunk.pk),
        "position": chunk.position,
        "heading": chunk.heading,
        "text": chunk.text,
        "location": chunk.location,
    }


def index_as_json(index: KnowledgeIndex) -> dict[str, Any]:
    """An index and how far it is: the documents that it holds chunks of, of those there are."""
    held = CHUNKS[index.width].objects.filter(index=index)  # type: ignore[attr-defined]
    return {
        "platform": index.platform_name,
        "model": index.model,
        "dimensions": index.dimensions,
        "state": index.state,
        "graph": index.graph,
        "problem": index.problem,
        "documents_done": held.values("document_id").distinct().count(),
        "documents": KnowledgeDocument.objects.filter(base=index.base_id, chunk_count__gt=0).count(),
    }


def _with_surroundings(principal: Principal, chunk: Chunk) -> Passage:
    readable = KnowledgeBase.objects.visible_to(principal).filter(live_index=chunk.index_id)
    document = KnowledgeDocument.objects.filter(pk=chunk.document_id, base__in=readable).first()
    if document is None:
        raise _gone()
    beside = type(chunk).objects.filter(  # type: ignore[attr-defined]
        index=chunk.index_id, document=chunk.document_id, position__in=[chunk.position - 1, chunk.position + 1]
    )
    texts = dict(beside.values_list("position", "text"))
    return Passage(chunk, document, texts.get(chunk.position - 1, ""), texts.get(chunk.position + 1, ""))


def _gone() -> NotFound:
    return NotFound(
        "There is no such passage: its document may have been changed or deleted.", code="passage_not_found"
    )
