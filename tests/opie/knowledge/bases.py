"""Bases and documents as if they had been handed in and read, without the time that takes."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction

from apps.api.ids import uuid7
from apps.opie.knowledge import staging
from apps.opie.knowledge.staging import Piece, Target
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeIndex
from apps.opie.models.chunks import width_for
from apps.opie.models.knowledge import DocumentStatus, IndexState
from apps.opie.providers.embedding import default_embedder
from tests.opie.people import Person


def make_base(owner: Person, *, visibility: str = "private", name: str = "Handbook", **about: Any) -> KnowledgeBase:
    """A base with an empty live index of the local model's."""
    embedder = default_embedder()
    base = KnowledgeBase.objects.create(
        team=owner.team, owner=owner.user, name=name, visibility=visibility, **{"language": "english"} | about
    )
    base.live_index = KnowledgeIndex.objects.create(
        base=base,
        platform_name=embedder.platform_name,
        model=embedder.model,
        dimensions=embedder.dimensions,
        width=width_for(embedder.dimensions),
        state=IndexState.LIVE,
    )
    base.save()
    return base


def make_document(
    base: KnowledgeBase,
    texts: Sequence[str],
    *,
    vectors: np.ndarray[Any, Any] | None = None,
    locations: Sequence[dict[str, Any]] = (),
    **about: Any,
) -> tuple[KnowledgeDocument, list[UUID]]:
    """A document that is ready, with these chunks; and the chunks' ids. The vectors point anywhere unless given."""
    document = KnowledgeDocument.objects.create(
        base=base,
        **{"title": "Handbook", "status": DocumentStatus.READY, "chunk_count": len(texts), "version": 1} | about,
    )
    assert base.live_index is not None
    target = Target.of(base.live_index)
    if vectors is None:
        vectors = np.random.default_rng(len(texts)).normal(size=(len(texts), base.live_index.dimensions))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    chunks = [
        Piece(
            position,
            heading="",
            text=text,
            location=locations[position] if locations else {},
            digest=hashlib.sha256(f"{uuid7()}{text}".encode()).hexdigest(),
        )
        for position, text in enumerate(texts)
    ]
    with transaction.atomic():
        staging.stage(target, document.pk, chunks, [staging.as_text(vector, target.width) for vector in vectors])
        about_chunks = {"language": base.language, "tags": document.tags, "dated": document.dated}
        staging.swap(target, document.pk, len(chunks), about_chunks)
    from apps.opie.models import CHUNKS

    ids = CHUNKS[target.width].objects.filter(document=document).order_by("position").values_list("pk", flat=True)  # type: ignore[attr-defined]
    return document, list(ids)
