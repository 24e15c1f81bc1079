"""Embedding a base by another model, while it is searched as it was.

A second index is filled beside the live one, document by document, from the text that the chunks hold. What is handed in
meanwhile is embedded for both. When both hold the same, the second becomes the live one in one short transaction.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from apps.accounts.audit import record
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotAllowed, OpieError
from apps.opie import jobs, rows
from apps.opie.knowledge import staging
from apps.opie.knowledge.bases import may_manage, new_index
from apps.opie.knowledge.claims import reading_for
from apps.opie.knowledge.embedders import embedder_of
from apps.opie.knowledge.ingesting import CHUNKS_AT_ONCE, embed_and_stage
from apps.opie.knowledge.names import COUNT_WORDS, REEMBED
from apps.opie.knowledge.staging import Piece, Target
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeIndex
from apps.opie.models.chunks import table_of
from apps.opie.models.knowledge import IndexState
from apps.opie.providers.embedding import Embedder
from apps.opie.scope import RunScope, current_scope

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """An index that is being filled from the live one, on somebody's account."""

    base: KnowledgeBase
    live: KnowledgeIndex
    new: KnowledgeIndex
    principal: Principal


def start(principal: Principal, base: KnowledgeBase, embedder: Embedder) -> KnowledgeIndex:
    """Have the worker embed the base by that model. Raises NotAllowed, and Conflict while that goes on already."""
    if not may_manage(principal, base):
        raise NotAllowed
    with transaction.atomic():
        base = KnowledgeBase.objects.select_for_update(of=("self",)).get(pk=base.pk)
        if base.indexes.filter(state=IndexState.BUILDING).exists():
            raise Conflict("This base is being embedded anew already. Wait for that, or stop it.", code="base_busy")
        index = new_index(base, embedder, IndexState.BUILDING, principal)
        record(principal, "knowledge_base.embedded_anew", base, after={"embedding": str(index)})
        jobs.defer(REEMBED, queue=jobs.KNOWLEDGE, lock=f"opie.base.{base.pk}", index_id=str(index.pk))
    return index


def stop(principal: Principal, base: KnowledgeBase) -> None:
    """Give up what is being built. The base is searched as it was. Raises NotAllowed."""
    if not may_manage(principal, base):
        raise NotAllowed
    base.indexes.filter(state=IndexState.BUILDING).delete()


async def reembed(index_id: UUID) -> None:
    """The job of one index: fill it and let it take the live one's place. Does nothing for one that is gone."""
    rebuild = await rows.run(_rebuild, index_id)
    if rebuild is None:
        return
    current_scope.set(RunScope(rebuild.principal, purpose="embedding"))
    try:
        embedder = await rows.run(embedder_of, rebuild.new)
        while not await rows.run(_take_over, rebuild):
            for document_id in await rows.run(_missing, rebuild):
                await _embed_document(rebuild, embedder, document_id)
    except OpieError as error:
        # The job is tried again by its rule; until then the page says why it stands.
        await rows.run(_note_problem, index_id, error.message)
        raise


def _rebuild(index_id: UUID) -> Rebuild | None:
    indexes = KnowledgeIndex.objects.select_related("base__live_index", "platform")
    index = indexes.filter(pk=index_id, state=IndexState.BUILDING).first()
    if index is None or index.base.live_index is None:
        return None
    return Rebuild(index.base, index.base.live_index, index, reading_for(index.base, index.created_by_id))


def _note_problem(index_id: UUID, problem: str) -> None:
    KnowledgeIndex.objects.filter(pk=index_id).update(problem=problem[:500])


def _missing(rebuild: Rebuild) -> list[UUID]:
    """The documents of which the new index does not hold what the live one does."""
    asked = {"live": rebuild.live.pk, "new": rebuild.new.pk}
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENT.format(live=table_of(rebuild.live.width), new=table_of(rebuild.new.width)), asked)
        return [row[0] for row in cursor.fetchall()]


async def _embed_document(rebuild: Rebuild, embedder: Embedder, document_id: UUID) -> None:
    """Fill the new index with one document; what was handed in anew or got another title meanwhile is left to the next round."""
    edition = await rows.run(_edition_of, document_id)
    chunks = await rows.run(_chunks_of, rebuild.live, document_id)
    for some in _batches(chunks):
        await embed_and_stage(Target.of(rebuild.new), embedder, document_id, some)
    await rows.run(_swap, rebuild, document_id, edition, len(chunks))


def _edition_of(document_id: UUID) -> tuple[int, str]:
    """What its chunks were made of: its version and its title."""
    return KnowledgeDocument.objects.filter(pk=document_id).values_list("version", "title").first() or (0, "")


def _chunks_of(index: KnowledgeIndex, document_id: UUID) -> list[Piece]:
    with connection.cursor() as cursor:
        cursor.execute(_CHUNKS.format(table=table_of(index.width)), [index.pk, document_id])
        return [
            Piece(position, heading, text, json.loads(location), digest)
            for position, heading, text, location, digest in cursor.fetchall()
        ]


def _batches(chunks: list[Piece]) -> Iterator[list[Piece]]:
    for start_at in range(0, len(chunks), CHUNKS_AT_ONCE):
        yield chunks[start_at : start_at + CHUNKS_AT_ONCE]


@transaction.atomic
def _swap(rebuild: Rebuild, document_id: UUID, edition: tuple[int, str], count: int) -> None:
    base = KnowledgeBase.objects.select_for_update(of=("self",), no_key=True).filter(pk=rebuild.base.pk).first()
    document = KnowledgeDocument.objects.select_for_update(of=("self",)).filter(pk=document_id).first()
    if base is None or document is None or (document.version, document.title) != edition:
        return
    about = {"language": base.language, "tags": document.tags, "dated": document.dated}
    staging.swap(Target.of(rebuild.new), document_id, count, about)


@transaction.atomic
def _take_over(rebuild: Rebuild) -> bool:
    """Let the new index be searched, if it holds all that the live one does. Whoever swaps chunks waits meanwhile."""
    base = KnowledgeBase.objects.select_for_update(of=("self",)).filter(pk=rebuild.base.pk).first()
    building = KnowledgeIndex.objects.filter(pk=rebuild.new.pk, state=IndexState.BUILDING)
    if base is None or not building.exists():
        return True  # given up, or gone with its base
    if _missing(rebuild):
        return False
    base.live_index = rebuild.new
    base.save(update_fields=["live_index", "updated_at"])
    # Its many rows are deleted later: whoever hands in documents waits for this transaction.
    KnowledgeIndex.objects.filter(pk=rebuild.live.pk).update(state=IndexState.RETIRED)
    building.update(state=IndexState.LIVE, problem="")
    jobs.defer(COUNT_WORDS, queue=jobs.KNOWLEDGE, index_id=str(rebuild.new.pk))
    return True


def delete_retired() -> None:
    """Delete the indexes that were searched once, with their chunks."""
    KnowledgeIndex.objects.filter(state=IndexState.RETIRED).delete()


def reword(base_id: UUID) -> None:
    """Read the words of all chunks of a base anew, in the language that it has now."""
    base = KnowledgeBase.objects.filter(pk=base_id).first()
    if base is None:
        return
    for index in base.indexes.all():
        for document_id in base.documents.values_list("pk", flat=True):
            with connection.cursor() as cursor:
                cursor.execute(
                    _REWORD.format(table=table_of(index.width)), [base.language, index.pk, index.pk, document_id]
                )
        with transaction.atomic():
            jobs.defer(COUNT_WORDS, queue=jobs.KNOWLEDGE, index_id=str(index.pk))


_DIFFERENT = """
    SELECT document_id FROM
        (SELECT document_id, count(*) AS count, md5(string_agg(digest, ',' ORDER BY position)) AS said
         FROM {live} WHERE index_id = %(live)s GROUP BY document_id) AS live
    WHERE NOT EXISTS
        (SELECT 1 FROM {new} WHERE index_id = %(new)s AND document_id = live.document_id
         GROUP BY document_id
         HAVING count(*) = live.count AND md5(string_agg(digest, ',' ORDER BY position)) = live.said)
"""
_CHUNKS = """
    SELECT position, heading, text, location, digest FROM {table}
    WHERE index_id = %s AND document_id = %s ORDER BY position
"""
_REWORD = """
    UPDATE {table} SET words = made.words, length = opie_length(made.words)
    FROM (SELECT id, opie_words(%s::regconfig, %s, heading, text) AS words FROM {table}
          WHERE index_id = %s AND document_id = %s) AS made
    WHERE {table}.id = made.id
"""
