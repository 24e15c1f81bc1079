"""The end of a process that runs agents: answers that are being written may end, on every loop of it."""

import asyncio

from apps.opie.engine import loop, turn


async def drain(seconds: float) -> None:
    """Let what runs end, and interrupt and store what has not after so many seconds."""
    others = [asyncio.run_coroutine_threadsafe(turn.drain(seconds), other) for other in loop.of_sync_callers()]
    await asyncio.gather(turn.drain(seconds), *(asyncio.wrap_future(other) for other in others))
