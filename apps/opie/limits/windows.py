"""Counting in a sliding minute: in Redis where there is one, in rows otherwise, and in rows while Redis is away.

A minute is counted in slots of five seconds: the current one and the twelve before it, so that in no sixty seconds more
is taken than the limit; room comes back between 60 and 65 seconds after it was taken. Taking is one atomic step. What
was counted in one place is not known in the other: as Redis goes away or comes back, a minute may see its limit twice.
"""

import functools
import hashlib
import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Any

import redis
from django.conf import settings
from django.db import connection, transaction
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

SLOT_SECONDS = 5
SLOTS_BEFORE = 12
KEPT_SECONDS = SLOT_SECONDS * (SLOTS_BEFORE + 2)
# A Redis that does not answer must not slow down every call that it is meant to count.
REDIS_TIMEOUT_SECONDS = 0.5
REDIS_REST_SECONDS = 5.0

# KEYS: the slots, the current one first. ARGV: amount, most, seconds to keep. Answers what each slot holds when it would
# be too much, and nothing otherwise.
_TAKE = """
local counts, sum = redis.call('MGET', unpack(KEYS)), tonumber(ARGV[1])
for i, count in ipairs(counts) do
    counts[i] = tonumber(count or '0')
    sum = sum + counts[i]
end
if sum > tonumber(ARGV[2]) then return counts end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {}
"""
_ADD = """
local count = tonumber(redis.call('GET', KEYS[1]) or '0') + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', math.max(0, count)), 'EX', ARGV[2])
"""
_TAKE_ROW = """
    INSERT INTO opie_limitcount AS count (key, amount, expires_at)
    SELECT %(now)s, %(amount)s, %(expires)s
    WHERE (SELECT COALESCE(SUM(amount), 0) FROM opie_limitcount WHERE key = ANY(%(keys)s)) + %(amount)s <= %(most)s
    ON CONFLICT (key) DO UPDATE SET amount = count.amount + excluded.amount
    RETURNING 1
"""
_ADD_ROW = """
    INSERT INTO opie_limitcount AS count (key, amount, expires_at)
    VALUES (%(now)s, GREATEST(0, %(amount)s), %(expires)s)
    ON CONFLICT (key) DO UPDATE SET amount = GREATEST(0, count.amount + %(amount)s)
"""


@dataclass(frozen=True, slots=True)
class Slots:
    """What one moment looks at: the current slot, those before it, and the one to come, in which a process whose clock
    is a little ahead may have counted already."""

    keys: tuple[str, ...]
    seconds_left: float

    @classmethod
    def at(cls, name: str, moment: float) -> "Slots":
        number, into = divmod(moment, SLOT_SECONDS)
        numbers = [*range(int(number), int(number) - SLOTS_BEFORE - 1, -1), int(number) + 1]
        # In braces, so that a cluster keeps the slots of one name together.
        return cls(tuple(f"agentos_limit_{{{name}}}_{slot}" for slot in numbers), SLOT_SECONDS - into)

    @property
    def current(self) -> str:
        return self.keys[0]

    def wait(self, counts: list[int], amount: int, most: int) -> float:
        """Seconds until `amount` fits if nothing else comes. `counts` are those of `keys`."""
        now, *before, coming = counts
        left = now + coming + sum(before)
        for slots_gone, count in enumerate(reversed(before)):
            left -= count
            if left + amount <= most:
                return self.seconds_left + slots_gone * SLOT_SECONDS
        return self.seconds_left + SLOTS_BEFORE * SLOT_SECONDS


def take(name: str, amount: int, most: int, clock: Callable[[], float] = time) -> float | None:
    """Count `amount` under a name unless that would exceed `most` in a minute.

    Answers None when it was counted; otherwise the seconds after which trying again makes sense, and nothing was.
    """
    slots = Slots.at(name, clock())
    full = _in_redis(lambda client: _take_in_redis(client, slots, amount, most))
    if full is None:
        full = _take_in_rows(name, slots, amount, most)
    return float(math.ceil(slots.wait(full, amount, most))) if full else None


def add(name: str, amount: int, taken_at: float, clock: Callable[[], float] = time) -> None:
    """Correct what was taken at a moment. More than was taken counts from now on, whatever the limit says; less is given
    back where it was taken, and nowhere else: a slot that is over would lend its room to a later one."""
    now = clock()
    if amount == 0 or (amount < 0 and now - taken_at > KEPT_SECONDS):
        return
    slot = Slots.at(name, now if amount > 0 else taken_at).current
    if _in_redis(lambda client: _add_in_redis(client, slot, amount)) is None:
        with connection.cursor() as cursor:
            cursor.execute(_ADD_ROW, {"now": slot, "amount": amount, "expires": _expires()})


def _take_in_redis(client: Any, slots: Slots, amount: int, most: int) -> list[int]:
    counts = client.eval(_TAKE, len(slots.keys), *slots.keys, amount, most, KEPT_SECONDS)
    return [int(count) for count in counts]


def _add_in_redis(client: Any, slot: str, amount: int) -> list[int]:
    client.eval(_ADD, 1, slot, amount, KEPT_SECONDS)
    return []


def _take_in_rows(name: str, slots: Slots, amount: int, most: int) -> list[int]:
    keys = list(slots.keys)
    asked: dict[str, Any] = {
        "now": slots.current,
        "keys": keys,
        "amount": amount,
        "most": most,
        "expires": _expires(),
    }
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        # Before the statement that counts: it would not see what another one takes meanwhile.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(f"limit {name}")])
        cursor.execute(_TAKE_ROW, asked)
        if cursor.fetchone() is not None:
            return []
        cursor.execute("SELECT key, amount FROM opie_limitcount WHERE key = ANY(%s)", [keys])
        counts = dict(cursor.fetchall())
    return [int(counts.get(key, 0)) for key in keys]


def lock_number(name: str) -> int:
    """The number of an advisory lock by its name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def _expires() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=KEPT_SECONDS)


@dataclass(slots=True)
class _Absence:
    """Whether Redis is away: said once; and until when it is not asked."""

    is_away: bool = False
    until: float = 0.0


_absence = _Absence()
_lock = threading.Lock()


def _in_redis(ask: Callable[[Any], list[int]]) -> list[int] | None:
    """What Redis answers; None where there is none, or while it is away."""
    if not settings.REDIS_URL or monotonic() < _absence.until:
        return None
    try:
        answer = ask(_client(settings.REDIS_URL))
    except RedisError as error:
        _note(is_away=True)
        logger.debug("Redis: %s", type(error).__name__)
        return None
    if _absence.is_away:
        _note(is_away=False)
    return answer


def _note(*, is_away: bool) -> None:
    with _lock:
        changed, _absence.is_away = _absence.is_away != is_away, is_away
        _absence.until = monotonic() + REDIS_REST_SECONDS if is_away else 0.0
    if changed and is_away:
        logger.warning("Redis does not answer; limits are counted in rows until it does.")
    elif changed:
        logger.warning("Redis answers again; limits are counted there.")


@functools.cache
def _client(url: str) -> Any:
    # One more try, at once: after a restart of Redis the pool's connections are broken.
    return redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
