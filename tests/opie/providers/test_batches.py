"""Pieces that come together leave together, and nothing of the answer changes by it."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from agno.models.response import ModelResponse

from apps.opie.providers.batches import in_batches, merged


async def test_what_is_ready_comes_as_one_list_and_the_rest_when_it_is() -> None:
    more = asyncio.Event()

    async def source() -> AsyncGenerator[int]:
        yield 1
        yield 2
        await more.wait()
        yield 3

    batches = in_batches(source())
    assert await anext(batches) == [1, 2]
    more.set()
    assert await anext(batches) == [3]
    with pytest.raises(StopAsyncIteration):
        await anext(batches)


async def test_an_error_comes_after_all_that_was_given_before_it() -> None:
    async def source() -> AsyncGenerator[int]:
        yield 1
        raise LookupError

    batches = in_batches(source())
    assert await anext(batches) == [1]
    with pytest.raises(LookupError):
        await anext(batches)


async def test_whoever_leaves_closes_the_source() -> None:
    closed = asyncio.Event()

    async def source() -> AsyncGenerator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    batches = in_batches(source())
    await anext(batches)
    await batches.aclose()
    assert closed.is_set()


async def test_being_cancelled_closes_the_source() -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def source() -> AsyncGenerator[int]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            closed.set()

    async def read() -> None:
        async for _ in in_batches(source()):
            pass

    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert closed.is_set()


def text(content: str | None, **more: object) -> ModelResponse:
    return ModelResponse(content=content, **more)  # type: ignore[arg-type]


def test_text_joins_text_and_what_says_nothing_joins_anything() -> None:
    (one,) = merged([text(""), text("a", provider_data={"id": "1"}), text("b", provider_data={"k": 2}), text(None)])
    assert (one.content, one.reasoning_content, one.provider_data) == ("ab", None, {"id": "1", "k": 2})


def test_thought_stays_before_the_text_that_follows_it() -> None:
    thoughts = [ModelResponse(reasoning_content="h"), ModelResponse(reasoning_content="m")]
    assert [(d.reasoning_content, d.content) for d in merged([*thoughts, text("a"), text("b")])] == [
        ("hm", None),
        (None, "ab"),
    ]


def test_whatever_is_more_than_text_stays_as_it_came() -> None:
    deltas = [
        text("a"),
        text("b", redacted_reasoning_content="x"),
        text("c"),
        text("d", extra={"tool_call_ids": ["1"]}),
    ]
    assert merged(deltas) == deltas


def test_lists_in_what_a_vendor_wants_back_are_left_to_agno_to_join() -> None:
    deltas = [text("a", provider_data={"blocks": [1]}), text("b", provider_data={"blocks": [2]})]
    assert merged(deltas) == deltas
