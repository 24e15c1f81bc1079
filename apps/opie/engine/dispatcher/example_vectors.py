"""The vectors of agents' examples, in rows: a process that starts reads them instead of embedding them anew. Sync."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from apps.opie.models import ExampleVector

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    Vector = NDArray[float32]

UNUSED_FOR = timedelta(days=30)
_AT_ONCE = 1_000


def kept_vectors(texts: Sequence[str]) -> dict[str, "Vector"]:
    """The vectors of those texts that have been embedded before."""
    import numpy

    by_digest = {_digest(text): text for text in texts}
    rows = ExampleVector.objects.filter(digest__in=list(by_digest))
    found = {digest: bytes(vector) for digest, vector in rows.values_list("digest", "vector")}
    today = timezone.now().date()
    rows.filter(used_on__lt=today).update(used_on=today)
    return {by_digest[digest]: numpy.frombuffer(vector, dtype=numpy.float32) for digest, vector in found.items()}


def keep_vectors(vectors: Mapping[str, "Vector"]) -> None:
    """Keep what has been embedded; what another process was quicker to keep stays as it is."""
    today = timezone.now().date()
    rows = [
        ExampleVector(digest=_digest(text), vector=vector.tobytes(), used_on=today) for text, vector in vectors.items()
    ]
    ExampleVector.objects.bulk_create(rows, batch_size=_AT_ONCE, ignore_conflicts=True)


def clear_unused_vectors() -> int:
    """Clear those whose text no agent has had for long; answers how many."""
    unused = ExampleVector.objects.filter(used_on__lt=timezone.now().date() - UNUSED_FOR)
    return unused.delete()[0]


def _digest(text: str) -> str:
    from apps.opie.providers.embedding.local.weights import SHA256, WEIGHTS

    return hashlib.sha256(f"{SHA256[WEIGHTS]}:{text}".encode()).hexdigest()
