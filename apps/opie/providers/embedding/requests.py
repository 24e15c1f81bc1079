"""What a platform is asked for, and what it answers, when texts are to become vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.opie.providers.embedding.embedder import Kind


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """One request: texts as they are sent. `dimensions` is set only where fewer are wanted than come unasked."""

    model: str
    texts: tuple[str, ...]
    kind: Kind
    dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingReply:
    """The vectors, in the order of the texts, as numbers or as the bytes of float32; and the tokens that were counted,
    where the platform said how many."""

    vectors: Sequence[Sequence[float] | bytes]
    input_tokens: int | None = None
