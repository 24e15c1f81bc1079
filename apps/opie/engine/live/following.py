"""Readers of runs that another process runs.

Each is a Follower with the number it has come to; one Following for each event loop serves them all. It reads rows for
all of them in one query: when somebody tells that there is news, and in any case once in a while. A Redis stream may
bring events ahead of the rows; what does not join on to what a reader has seen is left to the rows.
"""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from apps.opie import rows
from apps.opie.engine.live.event_rows import News, news_of
from apps.opie.events import RunEvent

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
# When somebody tells of news: for what is written without anybody telling, and for notices that were lost.
POLL_WHEN_TOLD_SECONDS = 1.0
LINGER_SECONDS = 10.0


class Follower:
    """One reader. `follows_rows` says that only rows can tell what is next: at first, and behind a gap; `said_last`
    that there is nothing more to read."""

    def __init__(self, following: "Following", run_id: UUID, position: int) -> None:
        self.run_id = run_id
        self.position = position
        self.follows_rows = True
        self.said_last = False
        self._following = following
        self._ready: list[RunEvent] = []
        self._is_over = False
        self._news = asyncio.Event()

    def take(self, events: Iterable[RunEvent]) -> None:
        """Hand over what is behind the position; the rest has been seen."""
        for event in events:
            if event.number > self.position:
                self.position = event.number
                self._ready.append(event)
        if self._ready:
            self._news.set()

    def let_go(self, *, for_good: bool = False) -> None:
        """Nothing more will come from here, or, `for_good`, from anywhere."""
        self._is_over = True
        self.said_last = self.said_last or for_good
        self._news.set()

    async def read(self, after: int) -> AsyncIterator[list[RunEvent]]:  # noqa: ARG002 - it knows where it is
        """What comes, until the run's last event or until this is let go."""
        while True:
            ready, self._ready = self._ready, []
            if ready:
                self.said_last = self.said_last or ready[-1].is_last
                yield ready
                if ready[-1].is_last:
                    return
            elif self._is_over:
                return
            else:
                await self._news.wait()
                self._news.clear()

    def leave(self) -> None:
        """The reader goes."""
        self._following.remove(self)


class Following:
    """The followers of one event loop. `listen` runs beside them and says by `wake`, `pass_on` and `is_told` what it
    hears; it never returns."""

    def __init__(self, listen: Callable[["Following"], Coroutine[Any, Any, None]]) -> None:
        self.is_told = False
        self.is_over = False
        self._listen = listen
        self._followers: dict[UUID, list[Follower]] = {}
        self._woken: set[UUID] = set()
        self._news = asyncio.Event()
        self._polled_at = monotonic()
        self.task = asyncio.get_running_loop().create_task(self._go_on(), context=contextvars.Context())

    def add(self, run_id: UUID, position: int) -> Follower:
        follower = Follower(self, run_id, position)
        self._followers.setdefault(run_id, []).append(follower)
        self.wake([run_id])
        return follower

    def remove(self, follower: Follower) -> None:
        others = self._followers.get(follower.run_id, [])
        if follower in others:
            others.remove(follower)
        if not others:
            self._followers.pop(follower.run_id, None)

    def let_go(self, run_id: UUID) -> None:
        """Send the readers of a run away: it runs in this process from now on."""
        for follower in self._followers.get(run_id, ()):
            follower.let_go()

    def wake(self, run_ids: Iterable[UUID]) -> None:
        """These runs have news in rows."""
        self._woken |= self._followers.keys() & set(run_ids)
        if self._woken:
            self._news.set()

    def wake_all(self) -> None:
        """Whoever told of news was away: all may have some."""
        self.wake(self._followers)

    def pass_on(self, run_id: UUID, before: int, events: list[RunEvent]) -> None:
        """Events that came without rows. `before` is the number of the event that precedes them."""
        for follower in self._followers.get(run_id, ()):
            if before <= follower.position:
                follower.take(events)
            elif not follower.follows_rows:
                follower.follows_rows = True
                # What is missing is written with the next beat.
                asyncio.get_running_loop().call_later(POLL_SECONDS, self.wake, [run_id])

    def positions(self) -> dict[UUID, int]:
        """Where to go on reading for those that need no rows now."""
        return {
            run_id: min(positions)
            for run_id, followers in self._followers.items()
            if (positions := [one.position for one in followers if not one.follows_rows])
        }

    async def _go_on(self) -> None:
        listening = asyncio.get_running_loop().create_task(self._listen(self))
        idle_since = monotonic()
        try:
            while self._followers or monotonic() - idle_since < LINGER_SECONDS:
                woken = await self._next()
                if self._followers:
                    idle_since = monotonic()
                    await self._read(woken)
        finally:
            # Before anything is awaited: whoever comes now needs another one.
            self.is_over = True
            for followers in self._followers.values():
                for follower in followers:
                    follower.let_go()
            if not listening.cancelling():  # a second time would break off its cleaning up
                listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def close(self) -> None:
        """End it, and send the readers away."""
        for followers in self._followers.values():
            for follower in followers:
                follower.let_go(for_good=True)
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _next(self) -> set[UUID]:
        """The runs to look after now."""
        every = POLL_WHEN_TOLD_SECONDS if self.is_told else POLL_SECONDS
        left = self._polled_at + (every if self._followers else LINGER_SECONDS) - monotonic()
        try:
            async with asyncio.timeout(max(0.0, left)):
                await self._news.wait()
        except TimeoutError:
            self._polled_at = monotonic()
            return set(self._followers)
        self._news.clear()
        woken, self._woken = self._woken, set()
        return woken

    async def _read(self, woken: set[UUID]) -> None:
        seen = {
            run_id: min(one.position for one in self._followers[run_id])
            for run_id in woken
            if run_id in self._followers
        }
        if not seen:
            return
        try:
            news = await rows.run(news_of, seen)
        except (DatabaseError, InterfaceError):
            logger.exception("The events of %s runs could not be read; their readers wait.", len(seen))
            await asyncio.sleep(POLL_WHEN_TOLD_SECONDS)
            self.wake(seen)
            return
        for run_id, found in news.items():
            self._hand_over(run_id, seen[run_id], found)

    def _hand_over(self, run_id: UUID, read_from: int, found: News) -> None:
        for follower in self._followers.get(run_id, ()):
            if follower.position < read_from:
                continue  # it came while the rows were read, and is woken for already
            follower.take(found.events)
            follower.follows_rows = False
            if found.has_ended:
                follower.let_go(for_good=True)
