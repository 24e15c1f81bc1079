"""Turns at a host: no more than two connections to it at once, whoever in this process asks."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary, WeakValueDictionary

AT_ONCE = 2

# A semaphore belongs to one event loop, and is forgotten when nobody waits for it.
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[str, asyncio.Semaphore]] = (
    WeakKeyDictionary()
)
_lock = threading.Lock()


@asynccontextmanager
async def turn_at(host: str) -> AsyncIterator[None]:
    """While the block runs, one of the host's connections is the caller's."""
    with _lock:
        hosts = _of_loop.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    semaphore = hosts.get(host)
    if semaphore is None:
        semaphore = hosts[host] = asyncio.Semaphore(AT_ONCE)
    async with semaphore:
        yield
