"""The only crossing from async code to rows.

`await rows.run(function, *args)` runs plain, sync ORM code in a thread of a bounded executor and gives the
thread's database connection back to the pool before it answers. The executor is no larger than the pool, so
waiting happens here, in order, and not as a pool timeout somewhere inside a transaction.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connections

P = ParamSpec("P")
R = TypeVar("R")

# Requests of Django's own (middleware, templates, DRF) take connections too, outside these executors.
CONNECTIONS_LEFT_TO_REQUESTS = 1


@functools.cache
def _executor() -> ThreadPoolExecutor:
    size = max(1, settings.DATABASE_POOL_SIZE - CONNECTIONS_LEFT_TO_REQUESTS - _connections_for_tools())
    return ThreadPoolExecutor(max_workers=size, thread_name_prefix="rows")


@functools.cache
def _executor_of_tools() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_connections_for_tools(), thread_name_prefix="tools")


def _connections_for_tools() -> int:
    return max(1, settings.DATABASE_POOL_SIZE // 3)


def _and_give_back(function: Callable[[], R]) -> R:
    try:
        return function()
    finally:
        connections.close_all()


async def run(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run sync code that touches rows, in this task's context variables; raises what the function raises."""
    return await _run_on(_executor(), functools.partial(function, *args, **kwargs))


async def run_tool(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """The same for a sync tool, which may take its time: tools wait for each other, and nothing waits for them."""
    return await _run_on(_executor_of_tools(), functools.partial(function, *args, **kwargs))


async def _run_on(executor: ThreadPoolExecutor, function: Callable[[], R]) -> R:
    call = functools.partial(contextvars.copy_context().run, function)
    return await asyncio.get_running_loop().run_in_executor(executor, _and_give_back, call)
