"""Chunks on their way: staged as they are read and embedded, and put in the place of the earlier ones in one step. Sync.

Whoever searches sees all of a document's old chunks, or all of its new ones. A chunk whose text did not change keeps its
row, so that citations of it hold and no graph has to be mended.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from apps.api.ids import uuid7
from apps.opie.knowledge.chunking import Chunk
from apps.opie.models import KnowledgeIndex
from apps.opie.models.chunks import table_of


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk as its row holds it: `heading` is the document's title and the headings above it, `digest` says of both
    that they need not be embedded again."""

    position: int
    heading: str
    text: str
    location: dict[str, Any]
    digest: str

    @classmethod
    def of(cls, chunk: Chunk) -> "Piece":
        return cls(chunk.position, chunk.context, chunk.text, dict(chunk.location.as_json()), chunk.digest)

    @property
    def searched_text(self) -> str:
        """What is embedded."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Target:
    """An index that chunks are written for."""

    id: UUID
    width: int

    @classmethod
    def of(cls, index: KnowledgeIndex) -> "Target":
        return cls(index.pk, index.width)

    @property
    def table(self) -> str:
        return table_of(self.width)


def known_vectors(target: Target, document_id: UUID, digests: Sequence[str]) -> dict[str, str]:
    """The vectors, as text, of chunks with these digests that the document has, or had when reading it broke off."""
    asked: dict[str, Any] = {"index": target.id, "document": document_id, "digests": list(digests)}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN.format(table=target.table), asked)
        return dict(cursor.fetchall())


def stage(target: Target, document_id: UUID, pieces: Sequence[Piece], vectors: Sequence[str]) -> None:
    """Write chunks with their vectors (as text) beside the live ones, over what is staged at their positions."""
    rows = [
        (
            *(uuid7(), target.id, document_id, piece.position, piece.heading, piece.text),
            *(json.dumps(piece.location), piece.digest, vector),
        )
        for piece, vector in zip(pieces, vectors, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_STAGE, rows)


def swap(target: Target, document_id: UUID, count: int, about: dict[str, Any]) -> None:
    """Let the first `count` staged chunks be the document's in this index: in the caller's transaction. `about` holds
    the document's `language`, `tags` and `dated`."""
    asked = {"index": target.id, "document": document_id, "count": count, **about}
    with connection.cursor() as cursor:
        for statement in (_DELETE_GONE, _MOVE_KEPT, _INSERT_NEW):
            cursor.execute(statement.format(table=target.table), asked)
        cursor.execute(_CLEAR, asked)


def clear(document_id: UUID) -> None:
    """Forget what is staged of a document."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM opie_stagedchunk WHERE document_id = %s", [document_id])


def as_text(vector: Iterable[float], width: int) -> str:
    """A vector as pgvector reads it, with zeros behind up to the table's width: they change no angle."""
    numbers = np.zeros(width, dtype=np.float32)
    given = np.asarray(vector, dtype=np.float32)
    numbers[: len(given)] = given
    return "[" + ",".join(np.char.mod("%.7g", numbers)) + "]"


_KNOWN = """
    SELECT digest, embedding::text FROM opie_stagedchunk
    WHERE index_id = %(index)s AND document_id = %(document)s AND digest = ANY(%(digests)s)
    UNION
    SELECT digest, embedding::text FROM {table}
    WHERE index_id = %(index)s AND document_id = %(document)s AND digest = ANY(%(digests)s)
"""
_STAGE = """
    INSERT INTO opie_stagedchunk
        (id, index_id, document_id, position, heading, text, location, digest, embedding)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::vector)
    ON CONFLICT (index_id, document_id, position) DO UPDATE SET heading = EXCLUDED.heading, text = EXCLUDED.text,
        location = EXCLUDED.location, digest = EXCLUDED.digest, embedding = EXCLUDED.embedding
"""
# The same text twice in a document: the first of the new ones is the first of the old ones, and so on.
_BOTH = """
    WITH new AS (
        SELECT *, row_number() OVER (PARTITION BY digest ORDER BY position) AS occurrence FROM opie_stagedchunk
        WHERE index_id = %(index)s AND document_id = %(document)s AND position < %(count)s
    ), old AS (
        SELECT id, position, heading, location, digest,
            row_number() OVER (PARTITION BY digest ORDER BY position) AS occurrence
        FROM {table} WHERE index_id = %(index)s AND document_id = %(document)s
    )
"""
_DELETE_GONE = (
    _BOTH  # noqa: S608 - constants
    + """
    DELETE FROM {table} USING old WHERE {table}.id = old.id AND NOT EXISTS
        (SELECT 1 FROM new WHERE new.digest = old.digest AND new.occurrence = old.occurrence)
"""
)
_MOVE_KEPT = (
    _BOTH  # noqa: S608 - constants
    + """
    UPDATE {table} SET position = new.position, location = new.location
    FROM old JOIN new USING (digest, occurrence)
    WHERE {table}.id = old.id AND (old.position, old.location) IS DISTINCT FROM (new.position, new.location)
"""
)
_INSERT_NEW = (
    _BOTH  # noqa: S608 - constants
    + """
    INSERT INTO {table} (id, index_id, document_id, position, heading, text, location, digest, tags, dated, words,
        length, embedding)
    SELECT new.id, new.index_id, new.document_id, new.position, new.heading, new.text, new.location, new.digest,
        %(tags)s, %(dated)s, made.words, opie_length(made.words), new.embedding
    FROM new LEFT JOIN old USING (digest, occurrence)
    CROSS JOIN LATERAL (
        SELECT opie_words(%(language)s::regconfig, new.index_id, new.heading, new.text) AS words
    ) AS made
    WHERE old.id IS NULL ORDER BY new.position
"""
)
_CLEAR = "DELETE FROM opie_stagedchunk WHERE index_id = %(index)s AND document_id = %(document)s"
