"""Chunks: pieces of documents with their vectors, in one table per length of vector.

The tables are read and written by the statements of apps/opie/knowledge. An index's rows are told apart by `index`; a
large index has an HNSW graph of its own over them (knowledge/graphs.py).
"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from pgvector.django import HalfVectorField, VectorField

from apps.api.ids import uuid7
from apps.opie.models.knowledge import KnowledgeDocument, KnowledgeIndex

WIDTHS = (384, 768, 1024, 1536, 3072)


def width_for(dimensions: int) -> int:
    """The narrowest table that takes vectors of that length. Raises ValueError for longer ones than any takes."""
    for width in WIDTHS:
        if dimensions <= width:
            return width
    raise ValueError(f"Vectors of {dimensions} numbers are too long: at most {WIDTHS[-1]}.")


def table_of(width: int) -> str:
    """The name of a chunk table, fit for SQL."""
    assert width in WIDTHS  # noqa: S101 - it comes from a row that the database has checked
    return f"opie_chunk{width}"


class Chunk(models.Model):
    """What all chunk tables have. `words` holds, beside the text's, one lexeme that names the index, so that one GIN
    index finds the words of one index alone. Rows go with their document and index in the database itself."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    index = models.ForeignKey(
        KnowledgeIndex, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    document = models.ForeignKey(KnowledgeDocument, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    position = models.PositiveIntegerField()
    heading = models.TextField(blank=True)
    text = models.TextField()
    location = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    tags = ArrayField(models.CharField(max_length=64), default=list)
    dated = models.DateField(null=True)
    words = SearchVectorField()
    length = models.PositiveIntegerField(help_text="How many words it has for ranking.")
    embedding: Any

    width: ClassVar[int]

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.text[:60]


def _meta(width: int) -> Any:
    class Meta:
        db_table = table_of(width)
        indexes = [GinIndex(fields=["words"], name=f"opie_chunk{width}_words")]
        constraints = [
            models.UniqueConstraint(
                fields=["index", "document", "position"],
                name=f"opie_chunk{width}_position_once",
                deferrable=models.Deferrable.DEFERRED,
            )
        ]

    return Meta


class Chunk384(Chunk):
    width = 384
    embedding = VectorField(dimensions=384)
    Meta = _meta(384)


class Chunk768(Chunk):
    width = 768
    embedding = VectorField(dimensions=768)
    Meta = _meta(768)


class Chunk1024(Chunk):
    width = 1024
    embedding = VectorField(dimensions=1024)
    Meta = _meta(1024)


class Chunk1536(Chunk):
    width = 1536
    embedding = VectorField(dimensions=1536)
    Meta = _meta(1536)


class Chunk3072(Chunk):
    """An HNSW graph takes vectors of at most 2,000 numbers, and half-precision ones of 4,000."""

    width = 3072
    embedding = HalfVectorField(dimensions=3072)
    Meta = _meta(3072)


CHUNKS: dict[int, type[Chunk]] = {one.width: one for one in (Chunk384, Chunk768, Chunk1024, Chunk1536, Chunk3072)}


class StagedChunk(models.Model):
    """A chunk of a document that is being read: not found by any search until all of them are there. What was
    embedded is here for whoever goes on after a process that died."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    index = models.ForeignKey(
        KnowledgeIndex, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    document = models.ForeignKey(KnowledgeDocument, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    position = models.PositiveIntegerField()
    heading = models.TextField(blank=True)
    text = models.TextField()
    location = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    embedding = VectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["index", "document", "position"], name="opie_staged_position_once")
        ]

    def __str__(self) -> str:
        return self.text[:60]


class IndexLexeme(models.Model):
    """In how many chunks of an index a word is: what makes rare words weigh more than common ones."""

    id = models.BigAutoField(primary_key=True)
    index = models.ForeignKey(
        KnowledgeIndex, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    lexeme = models.TextField()
    chunks = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["index", "lexeme"], name="opie_index_lexeme_once")]

    def __str__(self) -> str:
        return f"{self.lexeme}: {self.chunks}"
