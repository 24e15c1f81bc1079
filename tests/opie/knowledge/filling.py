"""Knowledge bases full of made-up documents, written by COPY: for tests of search, and for benchmarks of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from apps.accounts.models import Team, User
from apps.api.ids import uuid7
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeIndex
from apps.opie.models.chunks import table_of, width_for
from apps.opie.models.knowledge import DocumentStatus, IndexState, KnowledgeVisibility

Vectors = NDArray[np.float32]
FIRST_DAY = date(2020, 1, 1)


@dataclass(frozen=True)
class Written:
    """What was written into a base, in order: its chunks' ids, and whose they are."""

    base: KnowledgeBase
    index: KnowledgeIndex
    chunk_ids: list[UUID]
    document_ids: list[UUID]


def make_base(
    team: Team,
    owner: User | None = None,
    *,
    dimensions: int = 384,
    language: str = "english",
    visibility: str = KnowledgeVisibility.TEAM,
    name: str = "Notes",
    model: str = "made-up",
) -> KnowledgeBase:
    """A base with an empty live index."""
    base = KnowledgeBase.objects.create(team=team, owner=owner, name=name, visibility=visibility, language=language)
    base.live_index = KnowledgeIndex.objects.create(
        base=base, platform_name="local", model=model, dimensions=dimensions, width=width_for(dimensions),
        state=IndexState.LIVE,
    )  # fmt: skip
    base.save()
    return base


@transaction.atomic
def write(
    base: KnowledgeBase,
    texts: Sequence[str],
    vectors: Vectors,
    *,
    per_document: int = 20,
    headings: Sequence[str] | None = None,
    tags: Sequence[Sequence[str]] = ((),),
) -> Written:
    """One chunk for each text, `per_document` to a document. Documents take `tags` in turn, and a day each from 2020-01-01
    on."""
    index = base.live_index
    assert index is not None
    documents = _documents(base, len(texts), per_document, tags)
    KnowledgeDocument.objects.bulk_create(documents, batch_size=1000)
    ids = [uuid7() for _ in texts]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE filling (id uuid, document uuid, position int, heading text, body text, numbers text)"
            " ON COMMIT DROP"
        )
        with cursor.copy("COPY filling FROM STDIN") as copy:
            for number, (one, row) in enumerate(zip(ids, padded(vectors, index.width), strict=True)):
                document = documents[number // per_document].pk
                heading = headings[number] if headings else ""
                copy.write_row((one, document, number % per_document, heading, texts[number], as_text(row)))
        cursor.execute(_MOVE.format(table=table_of(index.width), kind="halfvec" if index.width > 2000 else "vector"),
                       [index.pk, base.language, index.pk])  # fmt: skip
        cursor.execute("DROP TABLE filling")
    return Written(base, index, ids, [documents[number // per_document].pk for number in range(len(texts))])


_MOVE = """
INSERT INTO {table} (id, index_id, document_id, position, heading, text, location, digest, tags, dated, words, length, embedding)
SELECT f.id, %s, f.document, f.position, f.heading, f.body, jsonb_build_object('page', f.position + 1), md5(f.body), d.tags,
    d.dated, made.words, opie_length(made.words), f.numbers::{kind}
FROM filling f JOIN opie_knowledgedocument d ON d.id = f.document
CROSS JOIN LATERAL (SELECT opie_words(%s::regconfig, %s, f.heading, f.body) AS words OFFSET 0) made
ORDER BY f.document, f.position
"""


def _documents(
    base: KnowledgeBase, chunks: int, per_document: int, tags: Sequence[Sequence[str]]
) -> list[KnowledgeDocument]:
    return [
        KnowledgeDocument(
            base=base, kind="text", title=f"Document {number}", status=DocumentStatus.READY,
            tags=list(tags[number % len(tags)]), dated=FIRST_DAY + timedelta(days=number),
            chunk_count=min(per_document, chunks - number * per_document),
        )
        for number in range(-(-chunks // per_document))
    ]  # fmt: skip


def padded(vectors: Vectors, width: int) -> Vectors:
    whole = np.zeros((len(vectors), width), dtype=np.float32)
    whole[:, : vectors.shape[1]] = vectors
    return whole


def as_text(row: Vectors) -> str:
    return "[" + ",".join([f"{number:.6g}" for number in row.tolist()]) + "]"


def unit(vectors: Vectors) -> Vectors:
    """Of length 1, as embedders make them."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Subjects:
    """What made-up documents are about: each subject has a middle that its vectors are around, and words of its own
    beside those of the language, of which few are common and most are rare (Zipf)."""

    middles: Vectors
    words: list[str]
    cumulative: NDArray[np.float64]
    own: NDArray[np.int64]
    rng: np.random.Generator

    @classmethod
    def make(cls, subjects: int, dimensions: int, *, words: int = 30_000, seed: int = 1) -> "Subjects":
        rng = np.random.default_rng(seed)
        shares = 1 / (np.arange(words) + 2.7)
        vocabulary = _vocabulary(words, rng)
        own = rng.integers(words // 100, words, size=(subjects, 40))
        middles = unit(rng.standard_normal((subjects, dimensions)))
        return cls(middles, vocabulary, np.cumsum(shares / shares.sum()), own, rng)

    def chunks(self, count: int, *, length: int = 150, spread: float = 0.9) -> tuple[list[str], Vectors]:
        """Texts with vectors near the middle of what they are about."""
        about = self.rng.integers(0, len(self.middles), size=count)
        return list(self._texts(about, length)), self.near(about, spread)

    def questions(self, count: int, *, length: int = 8, spread: float = 0.9) -> tuple[list[str], Vectors]:
        """The same, short: half of a question's words are its subject's own."""
        about = self.rng.integers(0, len(self.middles), size=count)
        return list(self._texts(about, length, own=0.5)), self.near(about, spread)

    def near(self, about: NDArray[Any], spread: float) -> Vectors:
        noise = self.rng.standard_normal((len(about), self.middles.shape[1])) / np.sqrt(self.middles.shape[1])
        return unit(self.middles[about] + spread * noise)

    def _texts(self, about: NDArray[Any], length: int, own: float = 0.15) -> Iterator[str]:
        for subject in about:
            count = max(1, int(self.rng.normal(length, length / 5)))
            general = np.searchsorted(self.cumulative, self.rng.random(count)).clip(0, len(self.words) - 1)
            special = self.own[subject][self.rng.integers(0, self.own.shape[1], size=count)]
            picked = np.where(self.rng.random(count) < own, special, general)
            yield " ".join([self.words[number] for number in picked])


_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u", "ai", "ou")]


def _vocabulary(count: int, rng: np.random.Generator) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        syllables = rng.integers(0, len(_SYLLABLES), size=(count, 4))
        for row in syllables:
            found["".join(_SYLLABLES[number] for number in row[: 2 + row[0] % 3])] = None
    return list(found)[:count]
