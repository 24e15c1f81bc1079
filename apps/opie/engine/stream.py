"""Events of runs on their way to readers. A run does not belong to the request that started it: a reader may leave,
come back, or be somebody else's process.

In the process of the run, readers wait on its RunStream; elsewhere they read the batches that the beat writes every
quarter second. The numbers are the same, so nobody sees an event twice or misses one.
"""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from apps.opie import rows
from apps.opie.engine import recording
from apps.opie.events import EventType, RunEvent
from apps.opie.models import AgentOSRun, RunEventBatch

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.25
KEPT_AFTER_THE_END_SECONDS = 30


class RunStream:
    """The events of one run in the process that runs it: those numbered above `before`. Earlier ones, of a run that
    has waited, are in the rows."""

    def __init__(self, run_id: UUID, stop: asyncio.Task[Any], before: int = 0) -> None:
        self.run_id = run_id
        self.before = before
        self.stop = stop
        self.beats = True
        self.asked_to_stop = False
        self.was_left = False
        self._events: list[RunEvent] = []
        self._written = 0
        self._news = asyncio.Event()

    def publish(self, kind: EventType, data: dict[str, Any]) -> RunEvent:
        event = RunEvent(self.run_id, self.next_number(), kind, data)
        self._events.append(event)
        self._wake_readers()
        return event

    def leave(self) -> None:
        """Nothing more is published here: what comes next is in the rows, or in the stream of whoever goes on."""
        self.was_left = True
        self._wake_readers()

    def _wake_readers(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def unwritten(self) -> recording.Events:
        """Events that are not in rows yet; they count as written when `mark_written` is called."""
        return [(event.number, event.type, event.data) for event in self._events[self._written :]]

    def next_number(self) -> int:
        return self.before + len(self._events) + 1

    def mark_written(self, count: int) -> None:
        self._written += count

    async def read(self, after: int = 0) -> AsyncIterator[list[RunEvent]]:
        """Events numbered above `after`, as they come; what has come together is handed over together."""
        position = max(0, after - self.before)
        while True:
            news = self._news
            ready = self._events[position:]
            if ready:
                position += len(ready)
                yield ready
                if ready[-1].is_last:
                    return
                continue
            if self.was_left or (self._events and self._events[-1].is_last):
                return
            await news.wait()


_streams: dict[UUID, RunStream] = {}
_beats: dict[asyncio.AbstractEventLoop, "_Beat"] = {}


def open_stream(run_id: UUID, stop: asyncio.Task[Any], after: int = 0) -> RunStream:
    """Start publishing a run's events, numbered from the one after `after`; `stop` is the task to cancel when somebody
    asks for the run to stop."""
    stream = _streams[run_id] = RunStream(run_id, stop, after)
    loop = asyncio.get_running_loop()
    beat = _beats.get(loop)
    if beat is None or beat.task.done():
        _beats[loop] = _Beat(loop)
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
    asyncio.get_running_loop().call_later(KEPT_AFTER_THE_END_SECONDS, _streams.pop, stream.run_id, None)


def hand_over(stream: RunStream) -> None:
    """The run waits for approval, in no process: its readers go on from the rows."""
    if _streams.get(stream.run_id) is stream:
        del _streams[stream.run_id]
    stream.leave()


async def read_events(run_id: UUID, after: int = 0) -> AsyncIterator[list[RunEvent]]:
    """Events of a run from any process, numbered above `after`, until its last one. Who may read is checked before."""
    while True:
        stream = _streams.get(run_id)
        if stream is not None and after >= stream.before:
            async for events in stream.read(after):
                after = events[-1].number
                yield events
            if stream.was_left:
                continue
            return
        events, ended = await rows.run(_events_in_rows, run_id, after)
        if events:
            after = events[-1].number
            yield events
        if ended or (events and events[-1].is_last):
            return
        await asyncio.sleep(BEAT_SECONDS)


def _events_in_rows(run_id: UUID, after: int) -> tuple[list[RunEvent], bool]:
    # The status is read first: a run that ends in between has then written all of its events.
    run = AgentOSRun.objects.filter(pk=run_id).first()
    ended = run is None or run.has_ended
    batches = RunEventBatch.objects.filter(run_id=run_id, last_number__gt=after).order_by("first_number")
    found = [RunEvent(run_id, number, kind, data) for batch in batches for number, kind, data in batch.events]
    return [event for event in found if event.number > after], ended


class _Beat:
    """Four times a second, while runs of this loop live: one write for all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.turn = asyncio.Lock()
        self._loop = loop
        self.task = loop.create_task(self._go_on(), context=contextvars.Context())

    async def _go_on(self) -> None:
        try:
            while self._live():
                # Waits first: an answer that takes less than a beat is written once, when it is settled.
                await asyncio.sleep(BEAT_SECONDS)
                if live := self._live():
                    async with self.turn:
                        await self._write(live)
        finally:
            if _beats.get(self._loop) is self:
                del _beats[self._loop]

    def _live(self) -> list[RunStream]:
        return [stream for stream in _streams.values() if stream.beats and stream.stop.get_loop() is self._loop]

    async def _write(self, live: list[RunStream]) -> None:
        batches = {stream.run_id: stream.unwritten() for stream in live}
        try:
            to_stop = await rows.run(recording.beat, batches)
        except (DatabaseError, InterfaceError):
            # Whatever it was, the beat goes on: without it live runs would be taken for dead.
            logger.exception("The database did not take the events of %s runs; they wait for the next beat.", len(live))
            return
        for stream in live:
            stream.mark_written(len(batches[stream.run_id]))
            if stream.run_id in to_stop and not stream.asked_to_stop:
                stream.asked_to_stop = True
                stream.stop.cancel()
