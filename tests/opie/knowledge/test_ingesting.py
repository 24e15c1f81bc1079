"""Documents on their way into a base: read once, embedded once, found as a whole or not at all, and taken up again."""

# ruff: noqa: ASYNC110, ASYNC240 - a test looks until it sees, and its files are small

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.api.errors import InvalidInput, NotAllowed, PlatformFailed, TooLarge
from apps.opie import rows
from apps.opie.knowledge import claims, documents, ingesting, passages
from apps.opie.knowledge.documents import About
from apps.opie.knowledge.ingesting import ingest
from apps.opie.models import AgentOSUsage, KnowledgeBase, KnowledgeDocument, StagedChunk
from apps.opie.models.chunks import Chunk384
from apps.opie.models.knowledge import DocumentStatus
from apps.opie.providers.embedding import Embedder
from tests.opie.knowledge.conftest import HandIn, read
from tests.opie.people import Person

RULES = "# Returns\n\nA record may be returned within thirty days.\n\n# Shipping\n\nParcels leave on Mondays.\n"


class CountingEmbedder:
    """Stands where the model does, and counts what it is asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failure: Exception | None = None
        self.pause = 0.0

    async def __call__(self, texts: Sequence[str], embedder: Embedder, **_: Any) -> np.ndarray[Any, Any]:
        if self.failure is not None:
            raise self.failure
        await asyncio.sleep(self.pause)
        self.texts += texts
        return np.eye(len(texts), embedder.dimensions, dtype=np.float32)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> CountingEmbedder:
    model = CountingEmbedder()
    monkeypatch.setattr(ingesting, "embed", model)
    return model


def chunks(document: KnowledgeDocument) -> list[str]:
    return [chunk.text for chunk in passages.chunks_of(document)]


def numbered(count: int, change: str = "") -> bytes:
    """A text of so many chunks, one of them changed."""
    parts = [f"# Part {n}\n\n" + f"Sentence {n} of the text. " * 30 for n in range(count)]
    return ("\n\n".join(parts) + ("\n\n# Change\n\n" + change if change else "")).encode()


async def test_a_document_is_read_and_found(hand_in: HandIn) -> None:
    document = await hand_in(RULES.encode(), "rules.md", tags=["Shop "], title="House rules")
    assert (document.status, document.title, document.tags) == ("ready", "House rules", ["shop"])
    found = await rows.run(passages.chunks_of, document)
    assert document.chunk_count == len(found) == 2
    assert [chunk.location.get("heading") for chunk in found] == ["Returns", "Shipping"]
    assert "thirty days" in found[0].text
    assert not await rows.run(StagedChunk.objects.exists)


async def test_embedding_is_in_the_books(hand_in: HandIn, person: Person) -> None:
    await hand_in(RULES.encode(), "rules.md")
    (call,) = await rows.run(lambda: list(AgentOSUsage.objects.all()))
    assert (call.purpose, call.outcome, call.cost, call.user_id) == ("embedding", "succeeded", 0, person.user.pk)
    assert call.input_tokens > 0


async def test_the_same_file_is_one_document(hand_in: HandIn, counting: CountingEmbedder) -> None:
    first = await hand_in(RULES.encode(), "rules.md")
    again = await hand_in(RULES.encode(), "rules.md")
    assert (again.pk, again.version) == (first.pk, 1)
    assert len(counting.texts) == 2


async def test_what_did_not_change_keeps_its_row_and_is_not_embedded_again(
    hand_in: HandIn, counting: CountingEmbedder, person: Person
) -> None:
    document = await hand_in(numbered(6), "long.md")
    before = {chunk.digest: chunk.pk for chunk in await rows.run(passages.chunks_of, document)}
    embedded = len(counting.texts)
    edition = ContentFile(numbered(6, change="Something new."), "long.md")
    await rows.run(documents.replace_file, person.principal, document, edition)
    await ingest(document.pk)
    after = {chunk.digest: chunk.pk for chunk in await rows.run(passages.chunks_of, await read(document.pk))}
    assert counting.texts[embedded:]
    assert all("Something new" in text for text in counting.texts[embedded:])
    assert {digest: after[digest] for digest in before if digest in after} == {
        digest: pk for digest, pk in before.items() if digest in after
    }
    assert len(set(before) & set(after)) >= len(before) - 1


async def test_a_new_edition_takes_the_place_of_the_old_in_one_step(
    hand_in: HandIn, counting: CountingEmbedder, person: Person
) -> None:
    document = await hand_in(numbered(8), "long.md")
    old = await rows.run(chunks, document)
    new_text = numbered(8).replace(b"Sentence", b"Phrase")
    await rows.run(documents.replace_file, person.principal, document, ContentFile(new_text, "long.md"))
    counting.pause = 0.02
    reading = asyncio.create_task(ingest(document.pk))
    seen = set()
    while not reading.done():
        texts = await rows.run(chunks, document)
        seen.add("old" if texts == old else "new" if all("Phrase" in text for text in texts) else "mixed")
    await reading
    assert "mixed" not in seen
    assert "old" in seen
    assert all("Phrase" in text for text in await rows.run(chunks, document))


async def test_reading_that_broke_off_goes_on_without_embedding_again(
    hand_in: HandIn, counting: CountingEmbedder, person: Person, base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is gone in the middle: what it had staged is there, its job is missed, and another one finishes."""
    monkeypatch.setattr(ingesting, "CHUNKS_AT_ONCE", 2)
    file = ContentFile(numbered(8), "long.md")
    added = await rows.run(documents.add_file, person.principal, base, file, About())
    counting.pause = 0.05
    reading = asyncio.create_task(ingest(added.pk))
    while len(counting.texts) < 4:
        await asyncio.sleep(0.01)
    monkeypatch.setattr(claims, "hand_back", lambda claimed: None)  # a killed process hands nothing back
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await read(added.pk)).status == DocumentStatus.PROCESSING
    assert not await rows.run(chunks, added)
    half = len(counting.texts)
    await rows.run(ProcrastinateJob.objects.all().delete)
    late = timezone.now() + timedelta(minutes=10)
    assert await rows.run(claims.defer_forgotten, late) == [added.pk]
    assert await rows.run(claims.defer_forgotten, late) == []
    counting.pause = 0.0
    await ingest(added.pk)
    done = await read(added.pk)
    assert done.status == DocumentStatus.READY
    # What was being embedded when it died was not staged yet: that much is embedded again, and no more.
    assert half < len(counting.texts) <= done.chunk_count + ingesting.CHUNKS_AT_ONCE


async def test_a_process_that_stops_hands_its_document_back(
    counting: CountingEmbedder, person: Person, base: KnowledgeBase
) -> None:
    added = await rows.run(documents.add_file, person.principal, base, ContentFile(numbered(4), "a.md"), About())
    counting.pause = 30
    reading = asyncio.create_task(ingest(added.pk))
    while (await read(added.pk)).status != DocumentStatus.PROCESSING:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    document = await read(added.pk)
    assert (document.status, document.attempt) == (DocumentStatus.PENDING, 0)


async def test_a_slow_process_writes_nothing_over_a_later_one(person: Person, base: KnowledgeBase) -> None:
    added = await rows.run(documents.add_text, person.principal, base, "Hello there", About())
    slow = await rows.run(claims.claim, added.pk)
    assert slow is not None
    await ingest(added.pk)
    for write in (claims.mark_unchanged, claims.hand_back):
        with pytest.raises(claims.Superseded):
            await rows.run(write, slow)
    with pytest.raises(claims.Superseded):
        await rows.run(claims.finish, slow, claims.Read(0, 0, 0))
    assert (await read(added.pk)).chunk_count == 1


async def test_a_platform_that_is_down_is_waited_for(
    hand_in: HandIn, counting: CountingEmbedder, base: KnowledgeBase
) -> None:
    counting.failure = PlatformFailed("Nobody answers there.", code="platform_unreachable")
    document = await hand_in(RULES.encode(), "rules.md")
    assert (document.status, document.reason_code) == (DocumentStatus.PENDING, "platform_unreachable")
    assert document.not_before is not None
    assert document.not_before > timezone.now()
    await ingest(document.pk)  # not due yet
    assert (await read(document.pk)).attempt == 1
    counting.failure = None
    await rows.run(KnowledgeDocument.objects.filter(pk=document.pk).update, not_before=timezone.now())
    await ingest(document.pk)
    assert (await read(document.pk)).status == DocumentStatus.READY


async def test_after_the_last_attempt_it_fails_for_its_reason(hand_in: HandIn, counting: CountingEmbedder) -> None:
    counting.failure = PlatformFailed("Nobody answers there.")
    document = await hand_in(RULES.encode(), "rules.md")
    for _ in range(claims.MOST_ATTEMPTS - 1):
        await rows.run(KnowledgeDocument.objects.filter(pk=document.pk).update, not_before=None)
        await ingest(document.pk)
    document = await read(document.pk)
    assert (document.status, document.reason) == (DocumentStatus.FAILED, "Nobody answers there.")


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"%PDF-1.7\nnothing that a PDF has", "a.pdf", "unreadable_damaged"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "a.bin", "unreadable_type"),
        (b"   \n\n  ", "a.txt", "unreadable_no_text"),
    ],
)
async def test_what_cannot_be_read_says_why(hand_in: HandIn, content: bytes, name: str, code: str) -> None:
    document = await hand_in(content, name)
    assert (document.status, document.reason_code) == (DocumentStatus.FAILED, code)
    assert document.reason
    assert "Traceback" not in document.reason


async def test_a_fault_of_ours_is_tried_again_and_not_shown(
    hand_in: HandIn, counting: CountingEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    counting.failure = ValueError("secret detail")
    document = await hand_in(RULES.encode(), "rules.md")
    assert (document.status, document.reason_code) == (DocumentStatus.PENDING, "document_failed")
    assert "secret detail" not in document.reason
    assert "secret detail" in caplog.text


async def test_deleting_deletes_file_and_chunks(hand_in: HandIn, person: Person, settings: Any) -> None:
    document = await hand_in(RULES.encode(), "rules.md")
    stored = Path(settings.MEDIA_ROOT, document.file.name)
    assert stored.read_bytes() == RULES.encode()
    assert stored.name != "rules.md"
    await rows.run(documents.delete_document, person.principal, document)
    assert not stored.exists()
    assert not await rows.run(Chunk384.objects.exists)


async def test_a_base_goes_with_all_that_is_in_it(
    hand_in: HandIn, person: Person, base: KnowledgeBase, settings: Any
) -> None:
    from apps.opie.knowledge.bases import delete_base

    document = await hand_in(RULES.encode(), "rules.md")
    await rows.run(delete_base, person.principal, base)
    assert not Path(settings.MEDIA_ROOT, document.file.name).exists()
    assert not await rows.run(Chunk384.objects.exists)


async def test_a_document_deleted_while_it_is_read_leaves_nothing(
    counting: CountingEmbedder, person: Person, base: KnowledgeBase
) -> None:
    added = await rows.run(documents.add_file, person.principal, base, ContentFile(numbered(4), "a.md"), About())
    counting.pause = 0.2
    reading = asyncio.create_task(ingest(added.pk))
    while (await read(added.pk)).status != DocumentStatus.PROCESSING:
        await asyncio.sleep(0.01)
    await rows.run(documents.delete_document, person.principal, added)
    await reading
    assert not await rows.run(StagedChunk.objects.exists)
    assert not await rows.run(Chunk384.objects.exists)


async def test_what_is_rolled_back_is_not_read(person: Person, base: KnowledgeBase) -> None:
    added: list[str] = []

    def add_and_break() -> None:
        with transaction.atomic():
            added.append(str(documents.add_text(person.principal, base, "Hello", About()).pk))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await rows.run(add_and_break)
    assert not await rows.run(ProcrastinateJob.objects.filter(args__document_id=added[0]).exists)


async def test_who_may_hand_in(person: Person, member: Person, viewer: Person, base: KnowledgeBase) -> None:
    for outsider in (member, viewer):
        with pytest.raises(NotAllowed):
            await rows.run(documents.add_text, outsider.principal, base, "Hello", About())
    assert await rows.run(documents.add_text, person.principal, base, "Hello", About())


async def test_limits(person: Person, base: KnowledgeBase, settings: Any) -> None:
    settings.OPIE_KNOWLEDGE_LARGEST_FILE = 10
    with pytest.raises(TooLarge):
        await rows.run(documents.add_file, person.principal, base, ContentFile(b"x" * 11, "a.txt"), About())
    with pytest.raises(InvalidInput):
        await rows.run(documents.add_file, person.principal, base, ContentFile(b"", "a.txt"), About())
    with pytest.raises(InvalidInput):
        await rows.run(documents.add_text, person.principal, base, "a", About(tags=["x" * 65]))


async def test_tags_and_date_reach_the_chunks(hand_in: HandIn, person: Person) -> None:
    document = await hand_in(RULES.encode(), "rules.md")
    changes = {"tags": ["b", "A"], "dated": timezone.now().date()}
    await rows.run(documents.change_document, person.principal, document, changes)
    found = await rows.run(lambda: list(Chunk384.objects.values_list("tags", "dated")))
    assert found == [(["b", "a"], changes["dated"])] * 2
