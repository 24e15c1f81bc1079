"""Events from process to process through Redis: a stream for each run, which ends a while after the run.

An entry holds what was said together; its id is the number of its last event, so that a reader goes on from a number.
Nothing here may hold up a run: what Redis does not take now is sent later or not at all. The rows have everything.
"""

import asyncio
import contextlib
import contextvars
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from apps.opie.events import RunEvent

if TYPE_CHECKING:
    from apps.opie.engine.live.following import Following

logger = logging.getLogger(__name__)

KEY = "opie:run:{}:events"
# What is said within a tick goes together.
TICK_SECONDS = 0.01
MOST_ENTRIES = 1000
KEPT_SECONDS = 3600
KEPT_AFTER_THE_END_SECONDS = 120
TIMEOUT_SECONDS = 2.0
RETRY_SECONDS = 1.0
LINGER_SECONDS = 30.0
# A reader that has just come is heard of when the wait for the others is over.
BLOCK_MILLISECONDS = 100
ENTRIES_AT_ONCE = 200


class Published(Protocol):
    """The stream of a run in the process that runs it."""

    run_id: UUID
    before: int

    @property
    def has_ended(self) -> bool: ...
    def said_since(self, count: int) -> Sequence[RunEvent]: ...


@dataclass(slots=True)
class _Sent:
    """How much of a stream Redis has, and until when it surely keeps it."""

    stream: Published
    count: int = 0
    kept_until: float = 0.0


class Publisher:
    """Sends what the runs of one event loop say: one pipeline a tick."""

    def __init__(self) -> None:
        self.is_over = False
        self._sent: dict[UUID, _Sent] = {}
        self._dirty: set[UUID] = set()
        self._news = asyncio.Event()
        # Redis has all there is, or takes nothing now.
        self._at_rest = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self._go_on(), context=contextvars.Context())

    def note(self, stream: Published) -> None:
        """This stream has something to say."""
        sent = self._sent.get(stream.run_id)
        if sent is None or sent.stream is not stream:
            self._sent[stream.run_id] = _Sent(stream)
        self._dirty.add(stream.run_id)
        self._at_rest.clear()
        self._news.set()

    async def _go_on(self) -> None:
        client = _client(TIMEOUT_SECONDS)
        try:
            while self._sent or await self._comes_something():
                await self._news.wait()
                await asyncio.sleep(TICK_SECONDS)
                self._news.clear()
                dirty, self._dirty = self._dirty, set()
                await self._send_or_rest(client, [self._sent[run_id] for run_id in dirty if run_id in self._sent])
        finally:
            # Before anything is awaited: a run that begins now needs another publisher.
            self.is_over = True
            await client.aclose()

    async def close(self) -> None:
        """End it. What was said last still goes, if Redis is there."""
        if self._sent:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await self._at_rest.wait()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _comes_something(self) -> bool:
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _send_or_rest(self, client: "Redis", dirty: list[_Sent]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._send(client, dirty)
            if not self._dirty:
                self._at_rest.set()
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("Redis took no events (%s); readers elsewhere read the rows.", type(error).__name__)
            for sent in dirty:
                if sent.stream.has_ended:
                    self._forget(sent)
                else:
                    self.note(sent.stream)
            self._at_rest.set()
            await asyncio.sleep(RETRY_SECONDS)

    async def _send(self, client: "Redis", dirty: list[_Sent]) -> None:
        now, counts = monotonic(), []
        pipeline = client.pipeline(transaction=False)
        for sent in dirty:
            said = sent.stream.said_since(sent.count)
            counts.append(sent.count + len(said))
            if said:
                self._add(pipeline, sent, said, now)
        if len(pipeline):
            # What was sent already, by a try whose answer was lost, is refused for its id: that is as it should be.
            await pipeline.execute(raise_on_error=False)
        for sent, count in zip(dirty, counts, strict=True):
            sent.count = count
            if sent.stream.has_ended and not sent.stream.said_since(count):
                self._forget(sent)

    def _add(self, pipeline: Any, sent: _Sent, said: Sequence[RunEvent], now: float) -> None:
        key = KEY.format(sent.stream.run_id.hex)
        events = json.dumps([(event.number, event.type, event.data) for event in said], separators=(",", ":"))
        entry = {"before": said[0].number - 1, "events": events}
        pipeline.xadd(key, entry, id=f"{said[-1].number}-0", maxlen=MOST_ENTRIES, approximate=True)
        if sent.stream.has_ended:
            pipeline.expire(key, KEPT_AFTER_THE_END_SECONDS)
        elif now > sent.kept_until - KEPT_SECONDS / 2:
            pipeline.expire(key, KEPT_SECONDS)
            sent.kept_until = now + KEPT_SECONDS

    def _forget(self, sent: _Sent) -> None:
        if self._sent.get(sent.stream.run_id) is sent:
            del self._sent[sent.stream.run_id]


async def listen(following: "Following") -> None:
    """Pass on what runs say to their readers here, as long as the task lives; comes back by itself. One connection,
    however many readers there are."""
    while True:
        client = _client(TIMEOUT_SECONDS + BLOCK_MILLISECONDS / 1000)
        try:
            await client.ping()
            following.is_told = True
            while True:
                await _hear(client, following)
        except (RedisError, OSError, TimeoutError, ValueError, KeyError) as error:
            logger.warning("Redis brings no events (%s); they are read from the rows.", type(error).__name__)
        finally:
            following.is_told = False
            await client.aclose()
        following.wake_all()
        await asyncio.sleep(RETRY_SECONDS)


async def _hear(client: "Redis", following: "Following") -> None:
    positions = following.positions()
    if not positions:
        await asyncio.sleep(BLOCK_MILLISECONDS / 1000)
        return
    keys = {KEY.format(run_id.hex): f"{position}-0" for run_id, position in positions.items()}
    found: Any = await client.xread(cast(Any, keys), count=ENTRIES_AT_ONCE, block=BLOCK_MILLISECONDS)
    of_key = {key.encode(): run_id for key, run_id in zip(keys, positions, strict=True)}
    for key, entries in found or []:
        for _, entry in entries:
            run_id = of_key[key]
            events = [RunEvent(run_id, number, kind, data) for number, kind, data in json.loads(entry[b"events"])]
            following.pass_on(run_id, int(entry[b"before"]), events)
    if found:
        await asyncio.sleep(TICK_SECONDS)


def _client(timeout: float) -> "Redis":
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=2,
    )
