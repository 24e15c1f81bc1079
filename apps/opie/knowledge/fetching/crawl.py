"""Reading many pages of a site without being a burden: its robots.txt is kept to, and there is a pause between pages."""

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.fetch import DEFAULT_LIMITS, Fetched, Limits, fetch
from apps.opie.knowledge.fetching.robots import Robots, robots_of
from apps.opie.knowledge.fetching.urls import checked, host_of, origin_of

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

PAUSE = 0.5
# What a site asks for may change while its pages come in. Where it could not be learned it is asked again soon: whoever
# could not fetch a page because of that tries again in a quarter of a minute.
ROBOTS_LAST_SECONDS = 3600.0
FAILURES_LAST_SECONDS = 10.0


class Crawl:
    """One walk over a site's pages, within one event loop. Asks each origin's robots.txt once an hour."""

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS, pause: float = PAUSE) -> None:
        """`pause`: the seconds between the beginnings of two requests; a site's Crawl-delay makes them more."""
        self.limits = limits
        self._pause = pause
        self._next_at = 0.0
        # Until when each is known, by time.monotonic().
        self._robots: dict[str, tuple[Robots | FetchFailed, float]] = {}
        self._asking = asyncio.Lock()

    async def fetch(self, url: str, into: Path, *, etag: str = "", last_modified: str = "") -> Fetched:
        """As `fetch`, when its turn comes. Raises FetchFailed with fetch_robots too, wherever a redirect may lead."""
        return await fetch(
            url, into, etag=etag, last_modified=last_modified, limits=self.limits, before_each=self._before
        )

    async def robots_of(self, url: "httpx2.URL") -> Robots:
        """What the origin of this address asks for. Raises FetchFailed where that cannot be learned."""
        origin = origin_of(url)
        async with self._asking:
            known, until = self._robots.get(origin, (None, 0.0))
            if known is None or time.monotonic() >= until:
                known = await self._learned(url)
                lasts = FAILURES_LAST_SECONDS if isinstance(known, FetchFailed) else ROBOTS_LAST_SECONDS
                self._robots[origin] = (known, time.monotonic() + lasts)
        if isinstance(known, FetchFailed):
            raise known.with_traceback(None)
        return known

    async def _learned(self, url: "httpx2.URL") -> Robots | FetchFailed:
        try:
            return await robots_of(url, self.limits)
        except FetchFailed as failed:
            logger.info("The robots.txt of %s was not read: %s", failed.host, failed.code)
            return failed

    async def rest(self, least: float = 0.0) -> None:
        """Wait until the next request may begin."""
        now = time.monotonic()
        begins = max(now, self._next_at)
        self._next_at = begins + max(self._pause, least)
        await asyncio.sleep(begins - now)

    async def _before(self, text: str) -> None:
        url = checked(text)
        robots = await self.robots_of(url)
        if not robots.may(text):
            raise FetchFailed("fetch_robots", host_of(url))
        await self.rest(robots.pause)
