"""Fetching one page into a file.

A name is resolved when a connection is made, everything it resolves to has to be public, and the connection goes to an
address that was looked at (providers/connecting.py). Redirects are followed here, by hand, so that each of them passes
through the same. No cookies, no credentials, no proxy: nothing goes out that a stranger would not send.
"""

import asyncio
import functools
import ipaddress
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.opie.knowledge.fetching.body import Body
from apps.opie.knowledge.fetching.content_types import PAGE_TYPES, display_name, type_and_charset
from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.turns import turn_at
from apps.opie.knowledge.fetching.urls import checked, host_of, onward
from apps.opie.providers.connecting import NotPublic, PublicNetwork

if TYPE_CHECKING:
    import httpcore2
    import httpx2

logger = logging.getLogger(__name__)

AGENT = "Opie"  # what a robots.txt may call it
_HEADERS = [
    ("User-Agent", f"{AGENT}/1 (reads pages for a knowledge base)"),
    ("Accept", "text/html, text/markdown, text/plain, application/pdf, */*;q=0.5"),
    ("Accept-Encoding", "gzip"),
]
_REDIRECTS = {301, 302, 303, 307, 308}
_WITH_CONTENT = {200, 203}
_LONGEST_ETAG, _LONGEST_DATE = 300, 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a fetch may take. `types` are the content types that are read; None reads any."""

    most_bytes: int = 50 * 2**20
    most_seconds: float = 60.0
    most_redirects: int = 5
    types: frozenset[str] | None = PAGE_TYPES


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came. `url` is where the redirects ended; `name` is safe to show and has an ending that fits the content.

    With `not_modified` there is no content: the file was not made.
    """

    url: str
    content_type: str = ""
    charset: str = ""
    size: int = 0
    etag: str = ""
    last_modified: str = ""
    not_modified: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Order:
    """What one call of `fetch` asks for, at each of the addresses that it is led to."""

    into: Path
    limits: Limits
    headers: list[tuple[str, str]]
    is_conditional: bool


DEFAULT_LIMITS = Limits()


async def fetch(
    url: str,
    into: Path,
    *,
    etag: str = "",
    last_modified: str = "",
    limits: Limits = DEFAULT_LIMITS,
    before_each: Callable[[str], Awaitable[None]] | None = None,
) -> Fetched:
    """Read the page at this address into a file, or learn that it is still as `etag` and `last_modified` say.

    robots.txt is not asked: a person named this page. A crawl asks it through `before_each`, which is called with the
    address before each request, and may raise. Raises FetchFailed; then no file is left.
    """
    order = _Order(into, limits, *_headers(etag, last_modified))
    here = checked(url)
    left = limits.most_seconds
    for _ in range(limits.most_redirects + 1):
        if before_each is not None:
            await before_each(str(here))
        async with turn_at(host_of(here)):
            started = time.monotonic()  # the wait for a turn is not the host's to answer for
            answer = await _ask(here, order, left)
            left -= time.monotonic() - started
        if isinstance(answer, Fetched):
            return answer
        here = onward(here, answer)
    raise FetchFailed("fetch_redirects", host_of(here))


def _headers(etag: str, last_modified: str) -> tuple[list[tuple[str, str]], bool]:
    """What is sent with each request, and whether it asks for changes only."""
    conditions = [("If-None-Match", etag), ("If-Modified-Since", last_modified)]
    usable = [(name, value) for name, value in conditions if value and _is_plain(value)]
    return _HEADERS + usable, bool(usable)


async def _ask(url: "httpx2.URL", order: _Order, seconds: float) -> Fetched | str:
    """Ask one address: what it sends, or where it leads."""
    import httpcore2

    network: Any = PublicNetwork(httpcore2, _opened())
    tls = _tls() if url.scheme == "https" else None
    pool = httpcore2.AsyncConnectionPool(tls, max_connections=1, max_keepalive_connections=0, network_backend=network)
    # The parts that were checked, as they are: no second parser could read them differently.
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    headers = [("Host", url.netloc.decode("ascii")), *order.headers]
    async with _within(seconds, host_of(url)), pool, pool.stream("GET", target, headers=headers) as response:
        return await _read(response, url, order)


@asynccontextmanager
async def _within(seconds: float, host: str) -> AsyncIterator[None]:
    """Ends what is in the block after so many seconds, and tells what goes wrong in it as FetchFailed."""
    import httpcore2

    try:
        async with asyncio.timeout(seconds):
            yield
    except NotPublic as error:
        logger.warning("A page was not fetched: %s", error)
        raise FetchFailed("fetch_private_address", host) from error
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise FetchFailed("fetch_timeout", host) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise FetchFailed("fetch_unreachable", host) from error


async def _read(response: "httpcore2.Response", url: "httpx2.URL", order: _Order) -> Fetched | str:
    import httpx2

    headers, host = httpx2.Headers(response.headers), host_of(url)
    if response.status in _REDIRECTS and "location" in headers:
        return headers["location"]
    etag, last_modified = (_kept(headers, "etag", _LONGEST_ETAG), _kept(headers, "last-modified", _LONGEST_DATE))
    if response.status == 304 and order.is_conditional:
        return Fetched(str(url), etag=etag, last_modified=last_modified, not_modified=True)
    if response.status not in _WITH_CONTENT:
        raise FetchFailed("fetch_status", host, status=response.status)
    kind, charset = type_and_charset(headers, url)
    if order.limits.types is not None and kind not in order.limits.types:
        raise FetchFailed("fetch_type", host)
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > order.limits.most_bytes:
        raise FetchFailed("fetch_too_large", host)
    size = await _save(response, headers.get("content-encoding", ""), host, order)
    name = display_name(headers, url, kind)
    return Fetched(str(url), kind, charset, size, etag, last_modified, name=name)


async def _save(response: "httpcore2.Response", coding: str, host: str, order: _Order) -> int:
    """Write the body into the file, and answer its size. The file is taken away again when that does not end well."""
    try:
        # Not opened in a thread: ended while it waits for that, it would leave the file behind.
        with order.into.open("wb") as file:
            body = Body(file, coding, order.limits.most_bytes, host)
            async for piece in response.aiter_stream():
                await asyncio.to_thread(body.take, piece)
            await asyncio.to_thread(body.end)
    except BaseException:
        order.into.unlink(missing_ok=True)
        raise
    return body.size


def _kept(headers: "httpx2.Headers", name: str, longest: int) -> str:
    """A header to send back one day, unless it is not fit for that."""
    value = headers.get(name, "")
    return value if len(value) <= longest and _is_plain(value) else ""


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _opened() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(network) for network in settings.OPIE_FETCH_ALLOWED_NETWORKS]


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: it reads all certificates that are trusted."""
    import httpx2

    return httpx2.create_ssl_context()
