"""Handing in documents, changing and deleting them: the use cases behind REST and pages. Sync.

The file is stored first, then the row and the job that reads it, both in one transaction. A file whose row was rolled
back is swept up later (files.py).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.db import connection, transaction

from apps.accounts.audit import record
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotAllowed, NotFound, TooLarge
from apps.opie import jobs
from apps.opie.knowledge.bases import may_manage
from apps.opie.knowledge.files import delete_stored
from apps.opie.knowledge.names import INGEST
from apps.opie.knowledge.retitling import retitle_chunks
from apps.opie.models import KnowledgeBase, KnowledgeDocument
from apps.opie.models.chunks import table_of
from apps.opie.models.knowledge import DocumentKind, DocumentStatus

LONGEST_TITLE = 300
LONGEST_TEXT = 5_000_000
MOST_TAGS = 20
LONGEST_TAG = 64


@dataclass(frozen=True, slots=True)
class About:
    """What a person says about a document. Without a title it gets one from its name, its address or its first line."""

    title: str = ""
    tags: list[str] = field(default_factory=list)
    dated: date | None = None


def visible_document(principal: Principal, base_id: UUID, document_id: UUID) -> KnowledgeDocument:
    """The document, if this person may read its base. Raises NotFound."""
    documents = KnowledgeDocument.objects.visible_to(principal).select_related("base", "source")
    document = documents.filter(pk=document_id, base=base_id).first()
    if document is None:
        raise NotFound("There is no such document.", code="document_not_found")
    return document


def add_file(principal: Principal, base: KnowledgeBase, file: File[bytes], about: About) -> KnowledgeDocument:
    """Store an uploaded file, to be read by the worker. The same file twice is one document: the one that is there is
    answered, and read again if that had failed. Raises NotAllowed, TooLarge, InvalidInput for an empty file."""
    _require(principal, base)
    name = PurePath(file.name or "").name[:255] or "file"
    if file.size > settings.OPIE_KNOWLEDGE_LARGEST_FILE:
        raise TooLarge(f"This file is too large: at most {settings.OPIE_KNOWLEDGE_LARGEST_FILE // 1_000_000} MB.")
    if not file.size:
        raise InvalidInput(fields={"file": ["This file is empty."]})
    made = KnowledgeDocument(
        base=base,
        kind=DocumentKind.FILE,
        title=about.title or PurePath(name).stem,
        file_name=name,
        media_type=(getattr(file, "content_type", "") or "")[:120],
        size=file.size,
        digest=digest_of(file),
    )
    return _same_as(made) or _store(principal, made, file, about)


def add_text(principal: Principal, base: KnowledgeBase, text: str, about: About) -> KnowledgeDocument:
    """Keep a text that somebody wrote or pasted, as Markdown. Raises NotAllowed, InvalidInput."""
    _require(principal, base)
    if not text.strip():
        raise InvalidInput(fields={"text": ["Write a text."]})
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(fields={"text": [f"At most {LONGEST_TEXT} characters; yours has {len(text)}."]})
    content = text.encode()
    made = KnowledgeDocument(
        base=base,
        kind=DocumentKind.TEXT,
        title=about.title or _first_line(text),
        file_name="text.md",
        media_type="text/markdown",
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
    )
    return _same_as(made) or _store(principal, made, ContentFile(content, "text.md"), about)


def add_page(principal: Principal, base: KnowledgeBase, url: str, about: About) -> KnowledgeDocument:
    """Have the worker fetch a web page, or a file on the web, and read it. The same address twice is one document, which
    is fetched again. Raises NotAllowed."""
    _require(principal, base)
    known = KnowledgeDocument.objects.filter(base=base, kind=DocumentKind.PAGE, url=url, source=None).first()
    if known is not None:
        return read_again(principal, known)
    made = KnowledgeDocument(base=base, kind=DocumentKind.PAGE, title=about.title or url[:LONGEST_TITLE], url=url)
    return _store(principal, made, None, about)


def replace_file(principal: Principal, document: KnowledgeDocument, file: File[bytes]) -> KnowledgeDocument:
    """A new edition of a document: what was read of the old one is found until the new one is ready. Raises NotAllowed,
    TooLarge, InvalidInput for one that was not handed in as a file or text."""
    _require(principal, document.base)
    if document.kind == DocumentKind.PAGE:
        raise InvalidInput(fields={"file": ["This document is fetched from the web. Delete it, and add the file."]})
    if file.size > settings.OPIE_KNOWLEDGE_LARGEST_FILE:
        raise TooLarge(f"This file is too large: at most {settings.OPIE_KNOWLEDGE_LARGEST_FILE // 1_000_000} MB.")
    old = document.file.name or ""
    document.file_name = PurePath(file.name or document.file_name).name[:255]
    document.size, document.digest = file.size, digest_of(file)
    document.file.save(document.file_name, file, save=False)
    with transaction.atomic():
        document.save(update_fields=["file", "file_name", "size", "digest", "updated_at"])
        record(principal, "knowledge_document.replaced", document, after=shown(document))
        queue(document)
        transaction.on_commit(lambda: delete_stored(old))
    return document


def change_document(principal: Principal, document: KnowledgeDocument, changes: dict[str, Any]) -> KnowledgeDocument:
    """Change title, tags or date; searches and filters go by the new ones at once. Raises NotAllowed, InvalidInput."""
    _require(principal, document.base)
    with transaction.atomic():
        # A base whose index or language changes waits for us, or we for it.
        base = KnowledgeBase.objects.select_for_update(of=("self",), no_key=True).get(pk=document.base_id)
        document = KnowledgeDocument.objects.select_for_update(of=("self",)).select_related("base").get(pk=document.pk)
        before = shown(document)
        document.title = _title(changes.get("title", document.title)) or document.title
        document.tags = checked_tags(changes.get("tags", document.tags))
        document.dated = changes.get("dated", document.dated)
        document.save(update_fields=["title", "tags", "dated", "updated_at"])
        _tell_chunks(document)
        if document.title != before["title"]:
            retitle_chunks(document, base)
        record(principal, "knowledge_document.changed", document, before=before, after=shown(document))
    return document


def read_again(principal: Principal, document: KnowledgeDocument) -> KnowledgeDocument:
    """Have a document read (a page: fetched) again. What did not change is not embedded again. Raises NotAllowed."""
    _require(principal, document.base)
    with transaction.atomic():
        queue(document)
    return document


def delete_document(principal: Principal, document: KnowledgeDocument) -> None:
    """Delete a document with its file and its chunks. Raises NotAllowed."""
    _require(principal, document.base)
    with transaction.atomic():
        record(principal, "knowledge_document.deleted", document, before=shown(document))
        document.delete()


def queue(document: KnowledgeDocument) -> None:
    """Tell the worker to read it. Within the transaction that makes it so."""
    KnowledgeDocument.objects.filter(pk=document.pk).exclude(status=DocumentStatus.PROCESSING).update(
        status=DocumentStatus.PENDING, attempt=0, not_before=None, reason="", reason_code=""
    )
    document.refresh_from_db(fields=["status", "attempt", "not_before", "reason", "reason_code"])
    # The same lock: what is handed in while it is being read is read after that.
    jobs.defer(INGEST, queue=jobs.KNOWLEDGE, lock=lock_of(document.pk), document_id=str(document.pk))


def lock_of(document_id: UUID) -> str:
    """The lock of the worker's jobs about one document: they run one after another."""
    return f"opie.document.{document_id}"


def checked_tags(tags: Iterable[str]) -> list[str]:
    """Tags in the form they are compared in: trimmed, in lower case, each once. Raises InvalidInput."""
    found = list(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))
    if len(found) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in found):
        raise InvalidInput(fields={"tags": [f"At most {MOST_TAGS} tags of at most {LONGEST_TAG} characters each."]})
    return found


def digest_of(file: BinaryIO | File[bytes]) -> str:
    """The SHA-256 of a file, which is read from its beginning and left there."""
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(1 << 20):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def shown(document: KnowledgeDocument) -> dict[str, Any]:
    """What of a document is written into the audit trail."""
    dated = document.dated.isoformat() if document.dated else None
    return {"title": document.title, "base_id": str(document.base_id), "tags": document.tags, "dated": dated}


def _require(principal: Principal, base: KnowledgeBase) -> None:
    if not may_manage(principal, base):
        raise NotAllowed("You can read this knowledge base, but not change it. Ask its owner or an admin of the team.")


def _same_as(made: KnowledgeDocument) -> KnowledgeDocument | None:
    same = KnowledgeDocument.objects.filter(base=made.base, kind=made.kind, digest=made.digest, source=None)
    known = same.filter(file_name=made.file_name).first()
    if known is not None and known.status == DocumentStatus.FAILED:
        with transaction.atomic():
            queue(known)
    return known


def _store(principal: Principal, made: KnowledgeDocument, file: File[bytes] | None, about: About) -> KnowledgeDocument:
    made.title, made.tags, made.dated = _title(made.title), checked_tags(about.tags), about.dated
    made.created_by_id = principal.user_id
    if file is not None:
        made.file.save(made.file_name, file, save=False)
    with transaction.atomic():
        made.save()
        record(principal, "knowledge_document.added", made, after=shown(made))
        queue(made)
    return made


def _title(text: str) -> str:
    return " ".join(text.split())[:LONGEST_TITLE]


def _first_line(text: str) -> str:
    line = next(line for line in text.splitlines() if line.strip())
    return line.strip().lstrip("# ")[:80] or "Text"


def _tell_chunks(document: KnowledgeDocument) -> None:
    """Chunks carry their document's tags and date, so that a search filters without looking elsewhere."""
    with connection.cursor() as cursor:
        for width in set(document.base.indexes.values_list("width", flat=True)):
            cursor.execute(
                f"UPDATE {table_of(width)} SET tags = %s, dated = %s WHERE document_id = %s",  # noqa: S608 - a constant
                [document.tags, document.dated, document.pk],
            )
