"""In how many chunks of an index each word is: counted by the worker after chunks were written. Sync.

Searches read these counts and never count themselves. Until an index is counted, all words weigh the same.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.opie.knowledge.search.words import index_lexeme
from apps.opie.models import KnowledgeIndex
from apps.opie.models.chunks import table_of

# An index of no more chunks is counted whenever it is asked for: it takes no longer than a search or two.
SMALL = 1000
# A larger one once this share of its chunks has come or gone: what a word weighs changes little before that.
CHANGED = 0.1
# Named in advisory locks, beside the index: no other use of them may have it.
_LOCK = 0x6F706965


@dataclass(frozen=True, slots=True)
class _Found:
    chunks: int
    mean_length: float


def refresh_statistics(index_id: UUID, *, force: bool = False) -> bool:
    """Count an index's words, if enough has changed since they were counted, or if it is forced. False when not: nothing
    to do, the index is gone, or somebody is counting it right now."""
    with transaction.atomic():
        index = KnowledgeIndex.objects.filter(pk=index_id).first()
        if index is None or not _is_ours_to_count(index_id):
            return False
        found = _measure(index)
        if not force and not _has_changed(index, found.chunks):
            return False
        _count_words(index)
        _note(index_id, found)
    return True


def _is_ours_to_count(index_id: UUID) -> bool:
    """Until the transaction is over."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, str(index_id)])
        return bool(cursor.fetchone()[0])


def _measure(index: KnowledgeIndex) -> _Found:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), COALESCE(avg(length), 0)::float8 FROM {table_of(index.width)} WHERE index_id = %s",  # noqa: S608
            [index.pk],
        )
        return _Found(*cursor.fetchone())


def _has_changed(index: KnowledgeIndex, chunks: int) -> bool:
    if index.counted_at is None or chunks <= SMALL:
        return True
    return abs(chunks - index.counted_chunks) > CHANGED * index.counted_chunks


def _count_words(index: KnowledgeIndex) -> None:
    """A word in one chunk is left out, as one in none: half of all words are, and both weigh as much as a word can."""
    # ts_stat takes a statement as text; a UUID has nothing in it that could end it.
    words = f"SELECT words FROM {table_of(index.width)} WHERE index_id = '{index.pk}'"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM opie_indexlexeme WHERE index_id = %s", [index.pk])
        cursor.execute(
            "INSERT INTO opie_indexlexeme (index_id, lexeme, chunks)"
            " SELECT %s, word, ndoc FROM ts_stat(%s) WHERE ndoc > 1 AND word <> %s",
            [index.pk, words, index_lexeme(index.pk)],
        )


def _note(index_id: UUID, found: _Found) -> None:
    KnowledgeIndex.objects.filter(pk=index_id).update(
        counted_chunks=found.chunks, mean_length=found.mean_length, counted_at=timezone.now()
    )
