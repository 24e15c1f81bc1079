"""The vendors' SDK clients: one for each platform and event loop, shared by all calls, closed when nobody uses it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from apps.opie.providers.adapter import Adapter
from apps.opie.providers.snapshot import PlatformSnapshot


@dataclass(slots=True, eq=False)
class _Shared:
    """A client, what it was made for, and how many calls use it now."""

    platform: PlatformSnapshot
    adapter: Adapter
    client: Any
    users: int = 0
    is_replaced: bool = False


@dataclass(slots=True)
class _Clients:
    """The clients of one event loop."""

    by_server: dict[UUID, _Shared] = field(default_factory=dict)
    replaced: list[_Shared] = field(default_factory=list)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = WeakKeyDictionary()
_lock = threading.Lock()


@asynccontextmanager
async def client_for(platform: PlatformSnapshot, adapter: Adapter) -> AsyncIterator[Any]:
    """The client to ask this platform with, while the block runs.

    A changed key or address makes a new client; the old one is closed when its last call ends.
    """
    shared = await _current(platform, adapter)
    shared.users += 1
    try:
        yield shared.client
    finally:
        shared.users -= 1
        await _close_if_idle(shared)


async def close_clients() -> None:
    """Close every client of the running loop: at the end of a process, after the runs were drained."""
    with _lock:
        clients = _of_loop.pop(asyncio.get_running_loop(), _Clients())
    for shared in (*clients.by_server.values(), *clients.replaced):
        await shared.adapter.close_client(shared.client)


def _clients() -> _Clients:
    with _lock:
        return _of_loop.setdefault(asyncio.get_running_loop(), _Clients())


async def _current(platform: PlatformSnapshot, adapter: Adapter) -> _Shared:
    clients = _clients()
    known = clients.by_server.get(platform.server_id)
    if known is not None and known.platform == platform:
        return known
    shared = clients.by_server[platform.server_id] = _Shared(platform, adapter, adapter.open_client(platform))
    if known is not None:
        known.is_replaced = True
        clients.replaced.append(known)
        await _close_if_idle(known)
    return shared


async def _close_if_idle(shared: _Shared) -> None:
    if not shared.is_replaced or shared.users:
        return
    replaced = _clients().replaced
    if shared in replaced:
        replaced.remove(shared)
        await shared.adapter.close_client(shared.client)
