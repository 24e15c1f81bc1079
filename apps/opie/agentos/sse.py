"""Runs as server-sent events: frames of `id`, `event`, `data`, and comments while there is nothing to say."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse

from apps.accounts.principal import Principal, still_valid
from apps.api.errors import NotSignedIn
from apps.opie import rows
from apps.opie.events import RunEvent

HEARTBEAT_SECONDS = 15.0
RIGHTS_CHECKED_EVERY_SECONDS = 2.5

Batches = AsyncIterator[list[RunEvent]]
# The data of a run's last event → the same under the names of another address.
Retold = Callable[[dict[str, Any]], dict[str, Any]]


def frame(event: RunEvent, session_id: UUID | None) -> str:
    """One event as it is sent."""
    # Of what is left to a person there is no run.
    run_id = None if event.data.get("for_person") else str(event.run_id)
    data = {**event.data, "run_id": run_id, "session_id": str(session_id) if session_id else None}
    return f"id: {event.number}\nevent: {event.type}\ndata: {json.dumps(data, separators=(',', ':'), ensure_ascii=False)}\n\n"


def response(
    principal: Principal, batches: Batches, session_id: UUID | None, retold: Retold | None = None
) -> StreamingHttpResponse:
    """Stream a run to one reader, its last event `retold`. Its leaving ends the stream, never the run."""
    batches = batches if retold is None else _retold(batches, retold)
    answer = StreamingHttpResponse(
        _frames(principal, batches, session_id), content_type="text/event-stream; charset=utf-8"
    )
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _frames(principal: Principal, batches: Batches, session_id: UUID | None) -> AsyncIterator[bytes]:
    yield b": connected\n\n"
    async for batch in _while_allowed(principal, batches):
        # What came together leaves together: one write to the socket.
        yield "".join(frame(event, session_id) for event in batch).encode() or b": still here\n\n"


async def _retold(batches: Batches, retold: Retold) -> Batches:
    async for batch in batches:
        yield [replace(event, data=retold(event.data)) if event.is_last else event for event in batch]


async def _while_allowed(principal: Principal, batches: Batches) -> Batches:
    """The batches, with an empty one as a sign of life, until the reader loses the right to read."""
    iterator = aiter(batches)
    upcoming: asyncio.Future[list[RunEvent]] = asyncio.ensure_future(anext(iterator))
    checked = spoken = monotonic()
    try:
        while True:
            await asyncio.wait([upcoming], timeout=RIGHTS_CHECKED_EVERY_SECONDS)
            now = monotonic()
            if now - checked >= RIGHTS_CHECKED_EVERY_SECONDS:
                checked = now
                if not await _may_still_read(principal):
                    return
            if upcoming.done():
                try:
                    batch = upcoming.result()
                except StopAsyncIteration:
                    return
                spoken = now
                yield batch
                upcoming = asyncio.ensure_future(anext(iterator))
            elif now - spoken >= HEARTBEAT_SECONDS:
                spoken = now
                yield []
    finally:
        upcoming.cancel()


_rights: dict[Principal, tuple[float, bool]] = {}


async def _may_still_read(principal: Principal) -> bool:
    """Asked once in a while for each person, however many streams they have open here."""
    now = monotonic()
    known = _rights.get(principal)
    if known is not None and now - known[0] < RIGHTS_CHECKED_EVERY_SECONDS:
        return known[1]
    for other in [one for one, (checked, _) in _rights.items() if now - checked > 10 * RIGHTS_CHECKED_EVERY_SECONDS]:
        del _rights[other]
    # Their other streams go by what was known, while this one asks.
    _rights[principal] = (now, known[1] if known else True)
    _rights[principal] = (now, await _ask_for_rights(principal))
    return _rights[principal][1]


async def _ask_for_rights(principal: Principal) -> bool:
    try:
        return bool(await rows.run(still_valid, principal))
    except NotSignedIn:
        return False
