"""A document's new title in the words of its chunks, so that it is found by that at once. Sync.

Its vectors were made with the old one, and the chunks' digests say so: they are made anew when the document is read again.
"""

from typing import Any

from django.db import connection

from apps.opie import jobs
from apps.opie.knowledge.names import COUNT_WORDS
from apps.opie.knowledge.reading.section import STEP
from apps.opie.models import KnowledgeBase, KnowledgeDocument
from apps.opie.models.chunks import table_of
from apps.opie.models.knowledge import DocumentKind


def has_own_title(document: KnowledgeDocument) -> bool:
    """Whether its title says more than where it is from: only then is it read as a part of its chunks."""
    return document.kind != DocumentKind.PAGE or document.title != document.url


def retitle_chunks(document: KnowledgeDocument, base: KnowledgeBase) -> None:
    """Put the document's title, as it is now, into the headings and words of its chunks in all indexes. In the caller's
    transaction, which holds the locks of the base and of the document."""
    title = document.title if has_own_title(document) else ""
    for index in base.indexes.all():
        asked: dict[str, Any] = {
            "index": index.pk,
            "document": document.pk,
            "title": title,
            "step": STEP,
            "language": base.language,
        }
        with connection.cursor() as cursor:
            cursor.execute(_RETITLE.format(table=table_of(index.width)), asked)
        jobs.defer(COUNT_WORDS, queue=jobs.KNOWLEDGE, index_id=str(index.pk))


# The heading is what Chunk.context (chunking.py) makes it: a title that is also the outermost heading stands there once.
_RETITLE = """
    WITH placed AS (
        SELECT id, text, COALESCE(location->>'heading', '') AS headings FROM {table}
        WHERE index_id = %(index)s AND document_id = %(document)s
    ), headed AS (
        SELECT id, text, CASE
            WHEN %(title)s = '' OR %(title)s = split_part(headings, %(step)s, 1) THEN headings
            ELSE concat_ws(%(step)s, %(title)s, NULLIF(headings, ''))
        END AS heading FROM placed
    ), made AS (
        SELECT headed.id, headed.heading, opie_words(%(language)s::regconfig, %(index)s, headed.heading, headed.text) AS words
        FROM headed JOIN {table} ON {table}.id = headed.id WHERE {table}.heading <> headed.heading
    )
    UPDATE {table} SET heading = made.heading, words = made.words, length = opie_length(made.words)
    FROM made WHERE {table}.id = made.id
"""
