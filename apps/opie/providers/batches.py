"""Pieces of an answer that come together leave together: each piece that Agno sees costs it a dozen objects."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import TypeVar

from agno.models.response import ModelResponse

T = TypeVar("T")

# What a piece of text may bring along and still be one. `created_at` is when Agno made the object.
_OF_TEXT = frozenset({"content", "reasoning_content", "provider_data", "created_at"})
_NOTHING = {name: value for name, value in vars(ModelResponse()).items() if name not in _OF_TEXT}


async def in_batches(source: AsyncGenerator[T]) -> AsyncGenerator[list[T]]:
    """What the source gives without waiting, as one list. It is read, and closed, in a task of its own, so it may be
    read ahead of whoever takes the lists. Raises what the source raises, after all that it gave."""
    ready: list[T] = []
    news = asyncio.Event()

    async def read() -> None:
        try:
            async with aclosing(source) as items:
                async for item in items:
                    ready.append(item)
                    news.set()
        finally:
            news.set()

    reading = asyncio.ensure_future(read())
    try:
        while True:
            await news.wait()
            news.clear()
            batch = ready.copy()
            ready.clear()
            if batch:
                yield batch
            elif reading.done():
                break
            if reading.done():
                news.set()
        await reading
    finally:
        if not reading.done():
            reading.cancel()
            await asyncio.wait([reading])


def merged(deltas: Iterable[ModelResponse]) -> list[ModelResponse]:
    """The same answer in fewer pieces: neighbours that are nothing but text, or nothing but thought, become one."""
    found: list[ModelResponse] = []
    for delta in deltas:
        if not (found and _joined(found[-1], delta)):
            found.append(delta)
    return found


def _joined(first: ModelResponse, second: ModelResponse) -> bool:
    """Put the second into the first, where the two say the same kind of thing; whether that was done."""
    texts = (first.content, second.content), (first.reasoning_content, second.reasoning_content)
    is_text, is_thought = (any(pair) for pair in texts)
    if (is_text and is_thought) or not (_is_text(first) and _is_text(second)):
        return False
    first.content, first.reasoning_content = (_sum(*pair) for pair in texts)
    if second.provider_data:
        first.provider_data = (first.provider_data or {}) | second.provider_data
    return True


def _is_text(delta: ModelResponse) -> bool:
    if not isinstance(delta.content, str | None) or any(
        isinstance(v, list) for v in (delta.provider_data or {}).values()
    ):
        return False
    has = vars(delta)
    return all(has[name] == value for name, value in _NOTHING.items())


def _sum(first: str | None, second: str | None) -> str | None:
    return second if first is None else first if second is None else first + second
