"""One crawl for all pages of a sitemap that a base follows: this process asks the site's robots.txt once for them, and
the pages wait for each other's turn, whichever jobs they are fetched by."""

import asyncio
from collections import OrderedDict
from uuid import UUID
from weakref import WeakKeyDictionary

from apps.opie.knowledge.fetching.crawl import Crawl

MOST_KEPT = 200

# A crawl belongs to one event loop. Those that were not used for longest go first.
_kept: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderedDict[UUID, Crawl]] = WeakKeyDictionary()


def crawl_of(source_id: UUID) -> Crawl:
    """The crawl of this source, within the running event loop."""
    crawls = _kept.setdefault(asyncio.get_running_loop(), OrderedDict())
    crawl = crawls.setdefault(source_id, Crawl())
    crawls.move_to_end(source_id)
    if len(crawls) > MOST_KEPT:
        crawls.popitem(last=False)
    return crawl
