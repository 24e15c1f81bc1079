"""Sync code that needs a run: commands, the shell, a host's own sync views.

Runs live on an event loop. Sync callers do not make loops of their own, which would end with the call and take a
detached run along: they hand their coroutine to one loop per process, in a thread of its own.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from apps.opie.engine import turn

R = TypeVar("R")

DRAIN_SECONDS = 3.0

_lock = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


def run_and_wait(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run the coroutine on the process's own loop and wait for what it answers. Not for async code: it would block
    the loop it is called on, so it raises RuntimeError there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _wait(coroutine, _loop())
    coroutine.close()
    raise RuntimeError("This is the sync door. In async code, open a turn and await it.")


def of_sync_callers() -> list[asyncio.AbstractEventLoop]:
    """The loop that runs what sync code asked for, once some has."""
    return list(_loops)


def _wait(coroutine: Coroutine[Any, Any, R], loop: asyncio.AbstractEventLoop) -> R:
    waiting = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return waiting.result()
    except (KeyboardInterrupt, SystemExit):
        # The command is stopped, and the process with it: what its runs had said is stored.
        asyncio.run_coroutine_threadsafe(turn.drain(DRAIN_SECONDS), loop).result()
        raise


def _loop() -> asyncio.AbstractEventLoop:
    with _lock:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="opie-runs", daemon=True).start()
            _loops.append(loop)
        return _loops[0]
