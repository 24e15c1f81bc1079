"""The pages that a site lists in its sitemaps."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from apps.opie.knowledge.fetching.content_types import SITEMAP_TYPES
from apps.opie.knowledge.fetching.crawl import Crawl
from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.fetch import DEFAULT_LIMITS, Limits, fetch
from apps.opie.knowledge.fetching.sitemap_files import Listing, NotASitemap, read_sitemap
from apps.opie.knowledge.fetching.urls import checked, host_of, is_of_site, origin_of, site_of

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

# An index may list others. Two floors of them are more than the protocol knows.
DEEPEST = 3
MOST_SITEMAPS = 50
# Subdomains whose robots.txt is asked; a file that lists more of them is no site's.
MOST_ORIGINS = 20
# What one file may list before it is cut off, where much of it is of other sites or forbidden.
MOST_ENTRIES = 50_000
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class SitemapPage:
    """A page that a sitemap lists, and when it changed last, if the sitemap says so."""

    url: str
    last_modified: datetime | None = None


async def pages_of(
    url: str, *, most: int, limits: Limits = DEFAULT_LIMITS, crawl: Crawl | None = None
) -> list[SitemapPage]:
    """The first `most` pages of a sitemap that are of its own site and that the site lets programs read.

    `url` is a sitemap's, or a site's first page, whose sitemaps are then looked for. Give the crawl that the pages will
    be fetched with: robots.txt is then asked once. Raises FetchFailed: fetch_sitemap where none can be read, fetch_robots
    where every page is forbidden, and what passes by itself (a host that is down), so that a page that is still there is
    never taken for gone.
    """
    start = checked(url)
    walk = _Walk(site_of(start), most, crawl or Crawl(limits=limits))
    if start.raw_path == b"/":
        await walk.from_first_page(start)
    else:
        await walk.from_sitemaps([start], are_named=True)
    if not walk.pages:
        raise FetchFailed("fetch_robots" if walk.forbidden else "fetch_sitemap", host_of(start))
    return list(walk.pages.values())


class _Walk:
    """Goes from sitemap to sitemap and gathers pages."""

    def __init__(self, site: str, most: int, crawl: Crawl) -> None:
        self.pages: dict[str, SitemapPage] = {}
        self.forbidden = 0
        self._site, self._most, self._crawl = site, most, crawl
        self._limits = replace(crawl.limits, types=SITEMAP_TYPES)
        self._seen: set[str] = set()
        self._origins: set[str] = set()

    async def from_first_page(self, page: "httpx2.URL") -> None:
        """From the sitemaps that robots.txt names, or else from where they are by custom."""
        robots = await self._crawl.robots_of(page)
        named = [found for text in robots.sitemaps if (found := self._on_site(text)) is not None]
        await self.from_sitemaps(named or [page.copy_with(raw_path=b"/sitemap.xml")], are_named=False)

    async def from_sitemaps(self, sitemaps: list["httpx2.URL"], *, are_named: bool) -> None:
        """Read these and those that they list. `are_named`: a person gave them, and is told why one cannot be read."""
        waiting = deque((one, 1) for one in sitemaps)
        while waiting and len(self.pages) < self._most and len(self._seen) < MOST_SITEMAPS:
            sitemap, depth = waiting.popleft()
            if str(sitemap) in self._seen:
                continue
            self._seen.add(str(sitemap))
            try:
                listing = await self._read(sitemap)
            except FetchFailed as failed:
                if not failed.permanent or (are_named and depth == 1):
                    raise
                logger.info("A sitemap of %s was passed over: %s", failed.host, failed.code)
                continue
            await self._gather(listing)
            if depth < DEEPEST:
                found = (self._on_site(text) for text in listing.sitemaps)
                waiting.extend((one, depth + 1) for one in found if one is not None)

    async def _read(self, sitemap: "httpx2.URL") -> Listing:
        await self._crawl.rest()
        with TemporaryDirectory(prefix="opie-sitemap-") as folder:
            file = Path(folder) / "sitemap"
            await fetch(str(sitemap), file, limits=self._limits)
            try:
                return await asyncio.to_thread(
                    read_sitemap, file, most=MOST_ENTRIES, most_bytes=self._limits.most_bytes
                )
            except NotASitemap as error:
                raise FetchFailed("fetch_sitemap", host_of(sitemap)) from error

    async def _gather(self, listing: Listing) -> None:
        for number, (text, last_modified) in enumerate(listing.pages):
            if len(self.pages) >= self._most:
                return
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)  # others have their turn, however long the list and the rules are
            url = self._on_site(text)
            if url is None or str(url) in self.pages:
                continue
            if await self._may(url):
                self.pages[str(url)] = SitemapPage(str(url), last_modified)
            else:
                self.forbidden += 1

    async def _may(self, url: "httpx2.URL") -> bool:
        """Whether programs may read it. Where that cannot be learned now the page stays in the list: whoever fetches it
        asks again."""
        self._origins.add(origin_of(url))
        if len(self._origins) > MOST_ORIGINS:
            self._origins.discard(origin_of(url))
            return False
        try:
            return (await self._crawl.robots_of(url)).may(str(url))
        except FetchFailed:
            return True

    def _on_site(self, text: str) -> "httpx2.URL | None":
        """The address, if it may be fetched and is of the site."""
        try:
            url = checked(text)
        except FetchFailed:
            return None
        return url if is_of_site(url, self._site) else None
