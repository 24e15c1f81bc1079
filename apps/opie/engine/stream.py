"""Events of runs on their way to readers. A run does not belong to the request that started it: a reader may leave,
come back, or be somebody else's process.

In the process of the run, readers wait on its RunStream; elsewhere they follow it (engine/live): by the batches that the
beat writes every quarter second, or through Redis. The numbers are the same, so nobody sees an event twice or misses one.
"""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from apps.opie import rows
from apps.opie.engine import recording
from apps.opie.engine.live import here
from apps.opie.engine.live.event_rows import news_of
from apps.opie.engine.live.redis_streams import Publisher
from apps.opie.events import EventType, RunEvent

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.25
KEPT_AFTER_THE_END_SECONDS = 30


class RunStream:
    """The events of one run in the process that runs it: those numbered above `before`. Earlier ones, of a run that
    has waited, are in the rows."""

    def __init__(
        self, run_id: UUID, stop: asyncio.Task[Any], before: int = 0, publisher: Publisher | None = None
    ) -> None:
        self.run_id = run_id
        self.before = before
        self.stop = stop
        self.beats = True
        self.asked_to_stop = False
        self.has_ended = self.said_last = False
        self._publisher = publisher
        self._events: list[RunEvent] = []
        self._written = 0
        self._news = asyncio.Event()

    def publish(self, kind: EventType, data: dict[str, Any]) -> RunEvent:
        event = RunEvent(self.run_id, self.next_number(), kind, data)
        self._events.append(event)
        if event.is_last:
            self.said_last = self.has_ended = True
        self._tell()
        return event

    def end(self) -> None:
        """No more will be said here; a run that only waits goes on in another stream, perhaps in another process."""
        if not self.has_ended:
            self.has_ended = True
            self._tell()

    def unwritten(self) -> recording.Events:
        """Events that are not in rows yet; they count as written when `mark_written` is called."""
        return [(event.number, event.type, event.data) for event in self._events[self._written :]]

    def next_number(self) -> int:
        return self.before + len(self._events) + 1

    def mark_written(self, count: int) -> None:
        self._written += count

    def said_since(self, count: int) -> list[RunEvent]:
        """The events after the first `count`."""
        return self._events[count:]

    async def read(self, after: int = 0) -> AsyncIterator[list[RunEvent]]:
        """Events numbered above `after`, as they come; what has come together is handed over together."""
        if after < self.before and (earlier := await rows.run(_earlier, self.run_id, after, self.before)):
            yield earlier
        position = max(0, after - self.before)
        while True:
            news = self._news
            ready = self._events[position:]
            if ready:
                position += len(ready)
                yield ready
            elif self.has_ended:
                return
            else:
                await news.wait()

    def leave(self) -> None:
        """A reader goes. Nothing keeps account of them here."""

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
        if self._publisher is not None:
            self._publisher.note(self)


def _earlier(run_id: UUID, after: int, up_to: int) -> list[RunEvent]:
    return [event for event in news_of({run_id: after})[run_id].events if event.number <= up_to]


_streams: dict[UUID, RunStream] = {}
_beats: dict[asyncio.AbstractEventLoop, "_Beat"] = {}


def open_stream(run_id: UUID, stop: asyncio.Task[Any], after: int = 0) -> RunStream:
    """Start publishing a run's events, numbered from the one after `after`; `stop` is the task to cancel when somebody
    asks for the run to stop."""
    stream = _streams[run_id] = RunStream(run_id, stop, after, here.publisher())
    _beat_of_this_loop()
    here.runs_here(run_id)
    return stream


async def leave_the_beat(stream: RunStream) -> recording.Events:
    """From here on whoever settles the run writes its events: answers those that are not written yet."""
    beat = _beats.get(asyncio.get_running_loop())
    if beat is None:
        stream.beats = False
    else:
        async with beat.turn:
            stream.beats = False
    return stream.unwritten()


def close_stream(stream: RunStream) -> None:
    """The run has ended: late readers get a while to come back before they have to read the rows."""
    _tell_soon(stream)
    asyncio.get_running_loop().call_later(KEPT_AFTER_THE_END_SECONDS, _forget, stream)


def hand_over(stream: RunStream) -> None:
    """The run waits, for approval or for its next attempt, in no process: its readers go on from wherever it does."""
    _tell_soon(stream)
    _forget(stream)
    stream.end()


def _tell_soon(stream: RunStream) -> None:
    # The beat may have ended while the run was being settled: there was nothing left to write.
    if not settings.REDIS_URL:
        _beat_of_this_loop().tell_soon(stream.run_id)


def _beat_of_this_loop() -> "_Beat":
    loop = asyncio.get_running_loop()
    beat = _beats.get(loop)
    if beat is None or beat.task.done():
        beat = _beats[loop] = _Beat(loop)
    return beat


async def read_events(run_id: UUID, after: int = 0) -> AsyncIterator[list[RunEvent]]:
    """Events of a run from any process, numbered above `after`, until its last one. Who may read is checked before.

    A run that waits may be continued elsewhere: its readers go along.
    """
    while True:
        source = _source_of(run_id, after)
        try:
            async for events in source.read(after):
                after = events[-1].number
                yield events
        finally:
            source.leave()
        if source.said_last:
            return


class _Source(Protocol):
    """Where a reader reads. `said_last` says, when the reading is over, that there is nothing more to be read."""

    @property
    def said_last(self) -> bool: ...
    def read(self, after: int) -> AsyncIterator[list[RunEvent]]: ...
    def leave(self) -> None: ...


def _source_of(run_id: UUID, after: int) -> _Source:
    stream = _streams.get(run_id)
    # Another loop of this process is as far away as another process.
    if stream is not None and stream.stop.get_loop() is asyncio.get_running_loop():
        return stream
    return here.following().add(run_id, after)


def _forget(stream: RunStream) -> None:
    if _streams.get(stream.run_id) is stream:
        del _streams[stream.run_id]


class _Beat:
    """Four times a second, while runs of this loop live: one write for all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.turn = asyncio.Lock()
        self._loop = loop
        self._to_tell: set[UUID] = set()
        self.task = loop.create_task(self._go_on(), context=contextvars.Context())

    def tell_soon(self, run_id: UUID) -> None:
        """Let other processes know, with the next beat, what was written of this run by whoever settled it."""
        self._to_tell.add(run_id)

    async def _go_on(self) -> None:
        try:
            while self._live() or self._to_tell:
                # Waits first: an answer that takes less than a beat is written once, when it is settled.
                await asyncio.sleep(BEAT_SECONDS)
                async with self.turn:
                    # Looked at now: who has left while the beat waited for its turn writes its events itself.
                    if (live := self._live()) or self._to_tell:
                        await self._write(live)
        finally:
            if _beats.get(self._loop) is self:
                del _beats[self._loop]

    def _live(self) -> list[RunStream]:
        return [stream for stream in _streams.values() if stream.beats and stream.stop.get_loop() is self._loop]

    async def _write(self, live: list[RunStream]) -> None:
        batches, to_tell = {stream.run_id: stream.unwritten() for stream in live}, set(self._to_tell)
        try:
            to_stop = await rows.run(recording.beat, batches, to_tell)
        except (DatabaseError, InterfaceError):
            # Whatever it was, the beat goes on: without it live runs would be taken for dead.
            logger.exception("The database did not take the events of %s runs; they wait for the next beat.", len(live))
            return
        self._to_tell -= to_tell
        for stream in live:
            stream.mark_written(len(batches[stream.run_id]))
            if stream.run_id in to_stop and not stream.asked_to_stop:
                stream.asked_to_stop = True
                stream.stop.cancel()
