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

# Requests of Django's own (middleware, templates, DRF) take connections too, outside this executor.
CONNECTIONS_LEFT_TO_REQUESTS = 1


@functools.cache
def _executor() -> ThreadPoolExecutor:
    size = max(1, settings.DATABASE_POOL_SIZE - CONNECTIONS_LEFT_TO_REQUESTS)
    return ThreadPoolExecutor(max_workers=size, thread_name_prefix="rows")


def _and_give_back(function: Callable[[], R]) -> R:
    try:
        return function()
    finally:
        connections.close_all()


async def run(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run sync code that touches rows, in this task's context variables; raises what the function raises."""
    context = contextvars.copy_context()
    call = functools.partial(context.run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_executor(), _and_give_back, call)
