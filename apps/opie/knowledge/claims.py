"""Who reads a document, and how far it is. Sync.

Whoever claims a document signs it, and whoever writes names the signature, so that a process that was only slow writes
nothing over what a later one does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Membership, Role
from apps.accounts.principal import Principal, principal_now
from apps.api.errors import NotAllowed
from apps.api.ids import uuid7
from apps.opie import jobs
from apps.opie.knowledge import staging
from apps.opie.knowledge.documents import lock_of
from apps.opie.knowledge.names import COUNT_WORDS, INGEST
from apps.opie.knowledge.retitling import has_own_title, retitle_chunks
from apps.opie.knowledge.staging import Target
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeIndex
from apps.opie.models.knowledge import DocumentStatus, IndexState, SourceKind

MOST_ATTEMPTS = 6
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=30)
# Nobody who reads a document is silent for longer.
SILENCE = timedelta(minutes=3)
# A job that is being picked up is not missed yet.
PATIENCE = timedelta(seconds=30)
MOST_AT_ONCE = 500
_CLAIMED = ("status", "attempt", "heartbeat_at", "parts_done", "parts_total", "claimed_as")


@dataclass(frozen=True, slots=True)
class Claim:
    """A document as it was claimed, and the indexes that its chunks are for. `sitemap_id`: the source whose sitemap lists
    the page; None for what a person named."""

    document_id: UUID
    base_id: UUID
    signature: UUID
    attempt: int
    kind: str
    title: str
    file_name: str
    stored_as: str
    url: str
    sitemap_id: UUID | None
    etag: str
    last_modified: str
    digest: str
    was_ready: bool
    has_own_title: bool
    principal: Principal
    indexes: list[KnowledgeIndex]


@dataclass(frozen=True, slots=True)
class Read:
    """What reading a document came to."""

    chunks: int
    characters: int
    parts: int


class Superseded(Exception):  # noqa: N818 - it reads as what happened
    """The document was deleted, or is read by somebody else by now."""


def claim(document_id: UUID, now: datetime | None = None) -> Claim | None:
    """Take a document to read it; None when it is gone, is ready, or is not due yet."""
    now = now or timezone.now()
    with transaction.atomic():
        rows = KnowledgeDocument.objects.select_for_update(of=("self",)).select_related("base", "source")
        document = rows.filter(pk=document_id).first()
        waits = document is not None and document.not_before is not None and document.not_before > now
        if document is None or waits or document.status not in (DocumentStatus.PENDING, DocumentStatus.PROCESSING):
            return None
        document.status, document.attempt, document.heartbeat_at = DocumentStatus.PROCESSING, document.attempt + 1, now
        document.parts_done, document.parts_total, document.claimed_as = 0, None, uuid7()
        document.save(update_fields=[*_CLAIMED, "updated_at"])
        return Claim(
            document_id=document.pk,
            base_id=document.base_id,
            signature=document.claimed_as,
            attempt=document.attempt,
            kind=document.kind,
            title=document.title,
            file_name=document.file_name,
            stored_as=document.file.name or "",
            url=document.url,
            sitemap_id=source.pk if (source := document.source) and source.kind == SourceKind.SITEMAP else None,
            etag=document.etag,
            last_modified=document.last_modified,
            digest=document.digest,
            was_ready=document.ready_at is not None,
            has_own_title=has_own_title(document),
            principal=reading_for(document.base, document.created_by_id),
            indexes=list(document.base.indexes.exclude(state=IndexState.RETIRED).select_related("platform")),
        )


def reading_for(base: KnowledgeBase, person_id: UUID | None) -> Principal:
    """On whose account the worker embeds: who asked for it, else the base's owner, else an owner of the team."""
    owners = Membership.objects.filter(team=base.team_id, role=Role.OWNER).order_by("created_at")
    people = [person_id, base.owner_id, *owners.values_list("user_id", flat=True)]
    for candidate in filter(None, people):
        try:
            return principal_now(candidate, base.team_id)
        except NotAllowed:
            continue
    raise NotAllowed("Nobody of the team is left on whose account this could be read.")


def note_progress(claimed: Claim, done: int, total: int | None) -> None:
    """Say how far it is, and that its reader lives. Raises Superseded."""
    _write(claimed, parts_done=done, parts_total=total, heartbeat_at=timezone.now())


def note_file(claimed: Claim, **fetched: object) -> None:
    """Keep what a page was fetched as. Raises Superseded."""
    _write(claimed, **fetched)


def finish(claimed: Claim, read: Read) -> None:
    """Let the staged chunks be found in the place of the earlier ones, and the document be ready: one transaction.
    Raises Superseded."""
    with transaction.atomic():
        # A base whose index changes waits for us, or we for it.
        base = KnowledgeBase.objects.select_for_update(of=("self",), no_key=True).filter(pk=claimed.base_id).first()
        document = KnowledgeDocument.objects.select_for_update(of=("self",)).filter(pk=claimed.document_id).first()
        if base is None or document is None or document.claimed_as != claimed.signature:
            raise Superseded
        about = {"language": base.language, "tags": document.tags, "dated": document.dated}
        still = set(KnowledgeIndex.objects.filter(base=base).values_list("pk", flat=True))
        for index in claimed.indexes:
            if index.pk in still:
                staging.swap(Target.of(index), document.pk, read.chunks, about)
                jobs.defer(COUNT_WORDS, queue=jobs.KNOWLEDGE, index_id=str(index.pk))
        if document.title != claimed.title:
            retitle_chunks(document, base)  # it was changed while this was read
        _note_ready(document, read)


def mark_unchanged(claimed: Claim) -> None:
    """The page is as it was: what is found of it stays. Raises Superseded."""
    _write(claimed, status=DocumentStatus.READY, heartbeat_at=None, reason="", reason_code="")


def fail(claimed: Claim, code: str, reason: str) -> None:
    """There is no other attempt. What was found of an earlier edition still is. Raises Superseded."""
    _write(claimed, status=DocumentStatus.FAILED, reason_code=code[:64], reason=reason[:500], heartbeat_at=None)
    staging.clear(claimed.document_id)


def put_back(claimed: Claim, code: str, reason: str, wish: float = 0) -> None:
    """Try again, later each time, and not before `wish` seconds; fail for this reason after the last attempt. What was
    embedded stays staged. Raises Superseded."""
    if claimed.attempt >= MOST_ATTEMPTS:
        fail(claimed, code, reason)
        return
    pause = min(FIRST_PAUSE * 2 ** (claimed.attempt - 1), LONGEST_PAUSE)
    at = timezone.now() + max(pause, timedelta(seconds=wish))
    with transaction.atomic():
        _write(
            claimed,
            status=DocumentStatus.PENDING,
            not_before=at,
            reason_code=code[:64],
            reason=reason[:500],
            heartbeat_at=None,
        )
        _defer(claimed.document_id, at)


def hand_back(claimed: Claim) -> None:
    """The process is about to stop: somebody else goes on from what is staged."""
    with transaction.atomic():
        _write(claimed, status=DocumentStatus.PENDING, attempt=claimed.attempt - 1, heartbeat_at=None)
        _defer(claimed.document_id)


def defer_forgotten(now: datetime | None = None) -> list[UUID]:
    """Defer a job for each document that waits without one, or whose reader was not heard of for long: the job was lost
    with its process. Answers the documents."""
    from procrastinate.contrib.django.models import ProcrastinateJob

    now = now or timezone.now()
    silent = KnowledgeDocument.objects.filter(status=DocumentStatus.PROCESSING, heartbeat_at__lt=now - SILENCE)
    waiting = KnowledgeDocument.objects.filter(status=DocumentStatus.PENDING, updated_at__lt=now - PATIENCE)
    due = waiting.filter(not_before=None) | waiting.filter(not_before__lt=now - PATIENCE)
    told = {
        arguments.get("document_id")
        for arguments in ProcrastinateJob.objects.filter(task_name=INGEST, status__in=["todo", "doing"]).values_list(
            "args", flat=True
        )
    }
    asked = [*silent.values_list("pk", flat=True)[:MOST_AT_ONCE], *due.values_list("pk", flat=True)[:MOST_AT_ONCE]]
    forgotten = [pk for pk in asked if str(pk) not in told]
    with transaction.atomic():
        for document_id in forgotten:
            _defer(document_id)
    return forgotten


def _defer(document_id: UUID, at: datetime | None = None) -> None:
    jobs.defer(INGEST, queue=jobs.KNOWLEDGE, lock=lock_of(document_id), at=at, document_id=str(document_id))


def _note_ready(document: KnowledgeDocument, read: Read) -> None:
    now = timezone.now()
    KnowledgeDocument.objects.filter(pk=document.pk).update(
        status=DocumentStatus.READY,
        reason="",
        reason_code="",
        version=document.version + 1,
        chunk_count=read.chunks,
        character_count=read.characters,
        parts_done=read.parts,
        parts_total=read.parts,
        heartbeat_at=None,
        not_before=None,
        ready_at=now,
        updated_at=now,
    )


def _write(claimed: Claim, **fields: object) -> None:
    ours = KnowledgeDocument.objects.filter(pk=claimed.document_id, claimed_as=claimed.signature)
    if not ours.update(updated_at=timezone.now(), **fields):
        raise Superseded
