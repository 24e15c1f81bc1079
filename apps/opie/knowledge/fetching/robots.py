"""What a site asks of programs that read it: its robots.txt.

A crawl keeps to it. A single page that a person names is read regardless: then a person asked, as with a browser.
"""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.robotparser import RobotFileParser

from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.fetch import AGENT, Limits, fetch

if TYPE_CHECKING:
    import httpx2

# The rest of a longer one is not worth waiting for; crawlers read half of this.
MOST_BYTES = 2**20
MOST_SECONDS = 20.0
MOST_LINES = 5_000
LONGEST_PAUSE = 10.0


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one origin for us, and the sitemaps that it names."""

    rules: RobotFileParser
    sitemaps: tuple[str, ...]

    def may(self, url: str) -> bool:
        return self.rules.can_fetch(AGENT, url)

    @property
    def pause(self) -> float:
        """The seconds between two requests that the site asks for, as far as that can be waited for."""
        asked = self.rules.crawl_delay(AGENT)
        return min(float(asked), LONGEST_PAUSE) if asked else 0.0


async def robots_of(url: "httpx2.URL", limits: Limits) -> Robots:
    """The rules of this address's origin. Without a robots.txt everything may be read.

    Raises FetchFailed where it cannot be had: it might forbid what is asked for.
    """
    own = replace(limits, most_bytes=MOST_BYTES, most_seconds=min(limits.most_seconds, MOST_SECONDS), types=None)
    with TemporaryDirectory(prefix="opie-robots-") as folder:
        file = Path(folder) / "robots.txt"
        try:
            await fetch(str(url.copy_with(raw_path=b"/robots.txt")), file, limits=own)
        except FetchFailed as failed:
            if not _says_there_is_none(failed):
                raise
            return _read("")
        return _read(await asyncio.to_thread(file.read_text, "utf-8-sig", "replace"))


def _says_there_is_none(failed: FetchFailed) -> bool:
    """A refusal, or a chain of redirects without an end: what has no robots.txt answers like that."""
    return failed.permanent and failed.code in ("fetch_status", "fetch_redirects")


def _read(text: str) -> Robots:
    rules = RobotFileParser()
    rules.parse([line for line in text.splitlines()[:MOST_LINES] if _is_readable(line)])
    return Robots(rules, tuple(rules.site_maps() or ()))


def _is_readable(line: str) -> bool:
    """Whether Python's parser gets over a line: where it counts it takes for a number whatever looks like one."""
    name, _, value = line.partition("#")[0].partition(":")
    if name.strip().lower() not in ("crawl-delay", "request-rate"):
        return True
    value = value.strip()
    return value.isascii() and value.isdecimal() and len(value) < 10
