"""Web pages and sitemaps that a base follows: added, synced when their time comes, and taken away."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.audit import record
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotAllowed, NotFound
from apps.opie import jobs, rows
from apps.opie.knowledge.bases import may_manage
from apps.opie.knowledge.documents import queue
from apps.opie.knowledge.fetching.crawls import crawl_of
from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.sitemap import pages_of
from apps.opie.knowledge.names import SYNC_SOURCE
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeSource
from apps.opie.models.knowledge import DocumentKind, DocumentStatus, SourceKind, SyncEvery

logger = logging.getLogger(__name__)

PERIODS = {SyncEvery.HOUR: timedelta(hours=1), SyncEvery.DAY: timedelta(days=1), SyncEvery.WEEK: timedelta(weeks=1)}
MOST_PAGES = 2000


def visible_source(base: KnowledgeBase, source_id: UUID) -> KnowledgeSource:
    """Raises NotFound. Whoever may read the base sees what it follows."""
    source = base.sources.filter(pk=source_id).first()
    if source is None:
        raise NotFound("There is no such source.", code="source_not_found")
    return source


def add_source(principal: Principal, base: KnowledgeBase, body: dict[str, Any]) -> KnowledgeSource:
    """Follow a page or a sitemap from now on. Raises NotAllowed, Conflict for one that is followed already."""
    _require(principal, base)
    source = KnowledgeSource(base=base, created_by_id=principal.user_id, **body)
    try:
        with transaction.atomic():
            source.save()
            record(principal, "knowledge_source.added", source, after={"url": source.url, "every": source.every})
            _defer(source.pk)
    except IntegrityError:
        raise Conflict("This base follows that address already.", code="source_exists") from None
    return source


def change_source(principal: Principal, source: KnowledgeSource, changes: dict[str, Any]) -> KnowledgeSource:
    """Change how often it is synced, or how many pages are taken. Raises NotAllowed."""
    _require(principal, source.base)
    for name in ("every", "most_pages"):
        if name in changes:
            setattr(source, name, changes[name])
    source.next_at = _next(source, source.last_at or timezone.now())
    with transaction.atomic():
        source.save(update_fields=["every", "most_pages", "next_at"])
        record(principal, "knowledge_source.changed", source, after={"every": source.every})
    return source


def sync_now(principal: Principal, source: KnowledgeSource) -> None:
    """Have the worker look at it at once. Raises NotAllowed."""
    _require(principal, source.base)
    with transaction.atomic():
        _defer(source.pk)


def delete_source(principal: Principal, source: KnowledgeSource) -> None:
    """Follow it no longer, and delete the documents that came from it. Raises NotAllowed."""
    _require(principal, source.base)
    with transaction.atomic():
        record(principal, "knowledge_source.deleted", source, before={"url": source.url})
        source.delete()


def take_due(now: datetime | None = None) -> list[UUID]:
    """Defer a job for each source whose time has come, and say when it comes again. Answers the sources."""
    now = now or timezone.now()
    with transaction.atomic():
        due = list(KnowledgeSource.objects.select_for_update(skip_locked=True).filter(next_at__lte=now)[:100])
        for source in due:
            source.next_at = _next(source, now)
            source.save(update_fields=["next_at"])
            _defer(source.pk)
    return [source.pk for source in due]


async def sync(source_id: UUID) -> None:
    """The job of one source: see which pages there are, and have each fetched that is new or may have changed. Pages
    that are there no longer are taken away."""
    source = await rows.run(KnowledgeSource.objects.filter(pk=source_id).first)
    if source is None:
        return
    try:
        urls = await _urls_of(source)
    except FetchFailed as error:
        await rows.run(_note, source, error.message)
        return
    await rows.run(_write_pages, source, urls)


async def _urls_of(source: KnowledgeSource) -> list[str]:
    if source.kind == SourceKind.PAGE:
        return [source.url]
    return [page.url for page in await pages_of(source.url, most=source.most_pages, crawl=crawl_of(source.pk))]


@transaction.atomic
def _write_pages(source: KnowledgeSource, urls: Sequence[str]) -> None:
    if not KnowledgeSource.objects.select_for_update().filter(pk=source.pk).exists():
        return
    known = {document.url: document for document in source.documents.all()}
    for url in dict.fromkeys(url for url in urls if url not in known):
        document = KnowledgeDocument.objects.create(
            base_id=source.base_id,
            source=source,
            kind=DocumentKind.PAGE,
            title=url[:300],
            url=url,
            created_by_id=source.created_by_id,
        )
        queue(document)
    for url, document in known.items():
        if url not in urls:
            document.delete()
        elif document.status in (DocumentStatus.READY, DocumentStatus.FAILED):
            queue(document)
    _note(source, "")


def _note(source: KnowledgeSource, problem: str) -> None:
    now = timezone.now()
    KnowledgeSource.objects.filter(pk=source.pk).update(problem=problem[:500], last_at=now, next_at=_next(source, now))


def _next(source: KnowledgeSource, after: datetime) -> datetime | None:
    period = PERIODS.get(SyncEvery(source.every))
    return after + period if period else None


def _defer(source_id: UUID) -> None:
    jobs.defer(SYNC_SOURCE, queue=jobs.KNOWLEDGE, lock=f"opie.source.{source_id}", source_id=str(source_id))


def _require(principal: Principal, base: KnowledgeBase) -> None:
    if not may_manage(principal, base):
        raise NotAllowed("You can read this knowledge base, but not change it. Ask its owner or an admin of the team.")
