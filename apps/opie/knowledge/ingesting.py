"""Reading a document: fetched if it is a page, read into sections, cut into chunks, embedded, staged, and swapped in.

What is embedded is staged at once: whoever goes on after a process that died reads the file again, which is quick, and
embeds only what is missing.
"""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID

from django.core.files import File

from apps.api.errors import LimitExceeded, OpieError, PlatformFailed, Unavailable
from apps.opie import rows
from apps.opie.knowledge import claims, files, staging
from apps.opie.knowledge.chunking import Chunk, Chunker
from apps.opie.knowledge.claims import Claim, Read, Superseded
from apps.opie.knowledge.documents import digest_of
from apps.opie.knowledge.embedders import embedder_of
from apps.opie.knowledge.fetching.crawls import crawl_of
from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.fetch import Fetched, fetch
from apps.opie.knowledge.reading.reader import read
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable
from apps.opie.knowledge.staging import Piece, Target
from apps.opie.models.knowledge import DocumentKind
from apps.opie.providers.embedding import Embedder, embed
from apps.opie.scope import RunScope, current_scope

logger = logging.getLogger(__name__)

CHUNKS_AT_ONCE = 64
SECONDS_BETWEEN_NOTES = 1.0
BROKEN = ("document_failed", "This document could not be read because something went wrong on our side. Try it again.")


async def ingest(document_id: UUID) -> None:
    """The job of one document: read it to its end, or note why not. Does nothing for one that is not due or gone."""
    claimed = await rows.run(claims.claim, document_id)
    if claimed is None:
        return
    try:
        await _ingest(claimed)
    except Superseded:
        logger.info("document %s was deleted, or claimed by another, while it was read", document_id)
    except asyncio.CancelledError:
        await asyncio.shield(_quietly(claims.hand_back, claimed))
        raise
    except Unreadable as error:
        await _quietly(claims.put_back if error.may_pass else claims.fail, claimed, error.code, error.message)
    except FetchFailed as error:
        await _quietly(claims.fail if error.permanent else claims.put_back, claimed, error.code, error.message)
    except (PlatformFailed, LimitExceeded, Unavailable) as error:
        await _quietly(claims.put_back, claimed, error.code, error.message, getattr(error, "retry_after", None) or 0)
    except OpieError as error:
        await _quietly(claims.fail, claimed, error.code, error.message)
    except Exception:
        logger.exception("document %s could not be read", document_id)
        await _quietly(claims.put_back, claimed, *BROKEN)


async def _quietly(note: object, claimed: Claim, *reason: object) -> None:
    """Write how it ended, unless the document is somebody else's by now."""
    try:
        await rows.run(note, claimed, *reason)  # type: ignore[arg-type]
    except Superseded:
        logger.info("document %s is read by another by now", claimed.document_id)


async def _ingest(claimed: Claim) -> None:
    current_scope.set(RunScope(claimed.principal, purpose="embedding"))
    with tempfile.TemporaryDirectory(prefix="opie-reading-") as folder:
        path = Path(folder, "document")
        if claimed.kind == DocumentKind.PAGE:
            name = await _fetch(claimed, path)
            if name is None:
                await rows.run(claims.mark_unchanged, claimed)
                return
        else:
            name = claimed.file_name
            await rows.run(files.copy_to, claimed.stored_as, path)
        await rows.run(claims.finish, claimed, await _read(claimed, path, name))


async def _fetch(claimed: Claim, path: Path) -> str | None:
    """The name of what was fetched into `path`; None when it is what was read before."""
    known = (claimed.etag, claimed.last_modified) if claimed.was_ready else ("", "")
    by = fetch if claimed.sitemap_id is None else crawl_of(claimed.sitemap_id).fetch
    fetched = await by(claimed.url, path, etag=known[0], last_modified=known[1])
    if fetched.not_modified:
        return None
    return await rows.run(_keep_page, claimed, fetched, path)


def _keep_page(claimed: Claim, fetched: Fetched, path: Path) -> str | None:
    with path.open("rb") as stream:
        digest = digest_of(stream)
        is_same = claimed.was_ready and digest == claimed.digest
        about = {"etag": fetched.etag[:300], "last_modified": fetched.last_modified[:100]}
        if is_same:
            claims.note_file(claimed, **about)
            return None
        stored_as = files.keep_page(claimed.document_id, fetched.name, File(stream))
    claims.note_file(
        claimed,
        **about,
        file=stored_as,
        file_name=fetched.name[:255],
        media_type=fetched.content_type[:120],
        size=fetched.size,
        digest=digest,
    )
    return fetched.name


@dataclass(slots=True)
class _Lane:
    """One index that the chunks are for, with what embeds for it."""

    target: Target
    embedder: Embedder


@dataclass(slots=True)
class _Reading:
    """What has been read of a document so far."""

    claimed: Claim
    lanes: list[_Lane]
    waiting: list[Chunk] = field(default_factory=list)
    chunks: int = 0
    characters: int = 0
    noted: float = 0.0

    async def take(self, found: Sequence[Chunk], done: int, total: int | None) -> None:
        self.waiting.extend(found)
        while len(self.waiting) >= CHUNKS_AT_ONCE:
            await self._write_some()
        if monotonic() - self.noted >= SECONDS_BETWEEN_NOTES:
            await self.note(done, total)

    async def note(self, done: int, total: int | None) -> None:
        await rows.run(claims.note_progress, self.claimed, done, total)
        self.noted = monotonic()

    async def finish(self) -> None:
        while self.waiting:
            await self._write_some()

    async def _write_some(self) -> None:
        some, self.waiting = self.waiting[:CHUNKS_AT_ONCE], self.waiting[CHUNKS_AT_ONCE:]
        for lane in self.lanes:
            await embed_and_stage(lane.target, lane.embedder, self.claimed.document_id, list(map(Piece.of, some)))
        self.chunks += len(some)
        self.characters += sum(len(chunk.text) for chunk in some)


async def embed_and_stage(target: Target, embedder: Embedder, document_id: UUID, pieces: Sequence[Piece]) -> None:
    """Stage chunks for one index; what is known already is not embedded again."""
    digests = [piece.digest for piece in pieces]
    vectors = await rows.run(staging.known_vectors, target, document_id, digests)
    missing = {piece.digest: piece.searched_text for piece in pieces if piece.digest not in vectors}
    if missing:
        made = await embed(list(missing.values()), embedder, kind="document")
        texts = await asyncio.to_thread(lambda: [staging.as_text(vector, target.width) for vector in made])
        vectors |= dict(zip(missing, texts, strict=True))
    await rows.run(staging.stage, target, document_id, pieces, [vectors[digest] for digest in digests])


async def _read(claimed: Claim, path: Path, name: str) -> Read:
    lanes = [_Lane(Target.of(index), await rows.run(embedder_of, index)) for index in claimed.indexes]
    so_far = _Reading(claimed, lanes)
    chunker = Chunker(claimed.title if claimed.has_own_title else "")
    async with read(path, name) as reading:
        async for section in reading:
            await so_far.take(chunker.add(section), reading.parts_done, reading.total_parts)
    await so_far.take(chunker.finish(), reading.parts_done, reading.total_parts)
    await so_far.finish()
    if not so_far.chunks:
        raise Unreadable(Reason.NO_TEXT)
    return Read(so_far.chunks, so_far.characters, max(reading.parts_done, 1))
