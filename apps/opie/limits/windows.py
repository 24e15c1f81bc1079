"""Counting in a sliding minute: in Redis where there is one, in a row otherwise, and in a row while Redis is away.

A minute's count is what came in the current minute, and of the minute before it the share that is still less than
sixty seconds old (evenly spread): no burst of twice the limit at the turn of a minute. Taking is one atomic step.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60

# KEYS: this minute, the one before. ARGV: amount, most, share of the one before, seconds to keep.
_TAKE = """
local before = tonumber(redis.call('GET', KEYS[2]) or '0')
local now = tonumber(redis.call('GET', KEYS[1]) or '0')
if now + before * tonumber(ARGV[3]) + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


@dataclass(frozen=True, slots=True)
class Window:
    """One counter at one moment."""

    current: str
    previous: str
    share_of_previous: float
    seconds_left: float

    @classmethod
    def at(cls, name: str, moment: float) -> "Window":
        number, into = divmod(moment, WINDOW_SECONDS)
        prefix = f"agentos_limit_{name}"
        share = 1 - into / WINDOW_SECONDS
        return cls(f"{prefix}_{int(number)}", f"{prefix}_{int(number) - 1}", share, WINDOW_SECONDS - into)


def take(name: str, amount: int, most: int, clock: Callable[[], float] = time) -> float | None:
    """Count `amount` under a name unless that would exceed `most` in a minute.

    Answers None when it was counted; otherwise the seconds after which trying again makes sense, and nothing was.
    """
    window = Window.at(name, clock())
    taken = _in_redis(window, amount, most) if settings.REDIS_URL else None
    if taken is None:
        taken = _upsert(window, amount, most)
    return None if taken else max(1.0, window.seconds_left)


def add(name: str, amount: int, clock: Callable[[], float] = time) -> None:
    """Count what turned out to be more (or, below zero, less) than was taken, whatever the limit says."""
    if amount == 0:
        return
    window = Window.at(name, clock())
    if settings.REDIS_URL:
        try:
            _redis().incrby(window.current, amount)
            _redis().expire(window.current, 2 * WINDOW_SECONDS)
        except RedisError:
            logger.warning("Redis did not answer; limits are counted in rows.")
        else:
            return
    _upsert(window, amount, None)


def _in_redis(window: Window, amount: int, most: int) -> bool | None:
    try:
        keys = [window.current, window.previous]
        arguments = [amount, most, window.share_of_previous, 2 * WINDOW_SECONDS]
        return bool(_redis().eval(_TAKE, len(keys), *keys, *arguments))
    except RedisError:
        logger.warning("Redis did not answer; limits are counted in rows.")
        return None


def _upsert(window: Window, amount: int, most: int | None) -> bool:
    """One statement. The insert has to be conditional as well as the update: the first of a minute may be too much."""
    expires = datetime.now(UTC) + timedelta(seconds=2 * WINDOW_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH before AS (
                SELECT COALESCE((SELECT amount FROM opie_limitcount WHERE key = %(previous)s), 0) * %(share)s AS amount
            )
            INSERT INTO opie_limitcount AS count (key, amount, expires_at)
            SELECT %(current)s, %(amount)s, %(expires)s FROM before
            WHERE %(most)s::bigint IS NULL OR before.amount + %(amount)s <= %(most)s
               OR EXISTS (SELECT 1 FROM opie_limitcount WHERE key = %(current)s)
            ON CONFLICT (key) DO UPDATE SET amount = count.amount + excluded.amount
            WHERE %(most)s::bigint IS NULL
               OR count.amount + excluded.amount + (SELECT amount FROM before) <= %(most)s
            RETURNING 1
            """,
            {
                "current": window.current,
                "previous": window.previous,
                "share": window.share_of_previous,
                "amount": amount,
                "most": most,
                "expires": expires,
            },
        )
        return cursor.fetchone() is not None


def _redis() -> Any:
    from django_redis import get_redis_connection

    return get_redis_connection("default")
