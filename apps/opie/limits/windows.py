"""Counting in a sliding minute, or hour: in Redis where there is one, in rows otherwise, and in rows while Redis is away.

A minute is counted in slots of five seconds (an hour in slots of five minutes): the current one and the twelve before it, so that in no sixty seconds more
is taken than the limit; room comes back between 60 and 65 seconds after it was taken. Taking is one atomic step. What
was counted in one place is not known in the other: as Redis goes away or comes back, a minute may see its limit twice.
"""

import functools
import hashlib
import logging
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic, time
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from apps.opie.models import call_functions

logger = logging.getLogger(__name__)

SLOT_SECONDS = 5
SLOTS_BEFORE = 12
KEPT_SECONDS = SLOT_SECONDS * (SLOTS_BEFORE + 2)
HOUR_SLOT_SECONDS = 300
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


@dataclass(frozen=True, slots=True)
class Taking:
    """So much to be counted under a name, of which there may be so many in a minute, or in another twelve slots."""

    name: str
    amount: int
    most: int
    slot_seconds: int = SLOT_SECONDS


@dataclass(frozen=True, slots=True)
class Full:
    """The place of the first taking that was too much, and the seconds after which trying again makes sense."""

    place: int
    wait: float


@dataclass(frozen=True, slots=True)
class Slots:
    """What one moment looks at: the current slot, those before it, and the one to come, in which a process whose clock
    is a little ahead may have counted already."""

    prefix: str
    number: int
    seconds_left: float
    slot_seconds: int = SLOT_SECONDS

    @classmethod
    def at(cls, name: str, moment: float, slot_seconds: int = SLOT_SECONDS) -> "Slots":
        number, into = divmod(moment, slot_seconds)
        # In braces, so that a cluster keeps the slots of one name together.
        return cls(f"agentos_limit_{{{name}}}_", int(number), slot_seconds - into, slot_seconds)

    @property
    def kept_seconds(self) -> int:
        """After which a count is looked at no more."""
        return self.slot_seconds * (SLOTS_BEFORE + 2)

    @property
    def current(self) -> str:
        return f"{self.prefix}{self.number}"

    @property
    def keys(self) -> list[str]:
        """The current one first, then those before it, the one to come last."""
        numbers = [*range(self.number, self.number - SLOTS_BEFORE - 1, -1), self.number + 1]
        return [f"{self.prefix}{slot}" for slot in numbers]

    def wait(self, counts: list[int], amount: int, most: int) -> float:
        """Seconds until `amount` fits if nothing else comes. `counts` are those of `keys`."""
        now, *before, coming = counts
        left = now + coming + sum(before)
        for slots_gone, count in enumerate(reversed(before)):
            left -= count
            if left + amount <= most:
                return self.seconds_left + slots_gone * self.slot_seconds
        return self.seconds_left + SLOTS_BEFORE * self.slot_seconds


def take(
    name: str, amount: int, most: int, clock: Callable[[], float] = time, slot_seconds: int = SLOT_SECONDS
) -> float | None:
    """Count `amount` under a name unless that would exceed `most` in a minute, or in twelve slots of that length.

    Answers None when it was counted; otherwise the seconds after which trying again makes sense, and nothing was.
    """
    full = take_all([Taking(name, amount, most, slot_seconds)], clock())
    return None if full is None else full.wait


def take_all(takings: Sequence[Taking], moment: float) -> Full | None:
    """Count all of these, or none. Answers None when they were counted."""
    full, place = None, 0
    for place, one in enumerate(takings):
        slots = Slots.at(one.name, moment, one.slot_seconds)
        counts = _in_redis(partial(_take_in_redis, slots=slots, one=one))
        if counts is None:
            full = _take_in_rows(takings, place, moment)
            break
        if counts:
            full = Full(place, _wait(slots, counts, one))
            break
    if full is not None:
        for taken in takings[:place]:
            add(taken.name, -taken.amount, moment, lambda: moment)
    return full


def add(name: str, amount: int, taken_at: float, clock: Callable[[], float] = time) -> None:
    """Correct what was taken at a moment. More than was taken counts from now on, whatever the limit says; less is given
    back where it was taken, and nowhere else: a slot that is over would lend its room to a later one."""
    slots = _to_correct(name, amount, taken_at, clock())
    if slots is not None and _in_redis(partial(_add_in_redis, slot=slots.current, amount=amount)) is None:
        call_functions.count([_row(slots, amount)])


def are_in_rows() -> bool:
    """Whether counts are in rows now: there is no Redis, or it is away."""
    return not settings.REDIS_URL or monotonic() < _absence.until


def rows_to_take(takings: Sequence[Taking], moment: float) -> list[dict[str, Any]]:
    """What `call_functions.admit` needs to count these, where counts are in rows."""
    return [_row_to_take(Slots.at(one.name, moment, one.slot_seconds), one) for one in takings]


def rows_to_add(corrections: Iterable[tuple[str, int]], taken_at: float) -> list[dict[str, Any]]:
    """What `call_functions.settle` needs to correct names by amounts as `add` does."""
    now = time()
    found = [(_to_correct(name, amount, taken_at, now), amount) for name, amount in corrections]
    return [_row(slots, amount) for slots, amount in found if slots is not None]


def full_in_rows(counter: dict[str, Any], takings: Sequence[Taking], moment: float) -> Full:
    """What `call_functions.admit` said of a counter that was full."""
    place, held = counter["place"], counter["slots"]
    slots = Slots.at(takings[place].name, moment, takings[place].slot_seconds)
    return Full(place, _wait(slots, [int(held.get(key, 0)) for key in slots.keys], takings[place]))


def _take_in_redis(client: Any, slots: Slots, one: Taking) -> list[int]:
    keys = slots.keys
    counts = client.eval(_TAKE, len(keys), *keys, one.amount, one.most, slots.kept_seconds)
    return [int(count) for count in counts]


def _add_in_redis(client: Any, slot: str, amount: int) -> list[int]:
    client.eval(_ADD, 1, slot, amount, KEPT_SECONDS)
    return []


def _take_in_rows(takings: Sequence[Taking], first: int, moment: float) -> Full | None:
    """Those from the first on."""
    left = takings[first:]
    refused = call_functions.admit(counters=rows_to_take(left, moment))
    if refused is None or refused.counter is None:
        return None
    full = full_in_rows(refused.counter, left, moment)
    return Full(first + full.place, full.wait)


def _row_to_take(slots: Slots, one: Taking) -> dict[str, Any]:
    looked_at = {"first": slots.number - SLOTS_BEFORE, "last": slots.number + 1, "most": one.most}
    return _row(slots, one.amount) | looked_at


def _row(slots: Slots, amount: int) -> dict[str, Any]:
    expires_at = datetime.now(UTC) + timedelta(seconds=slots.kept_seconds)
    return {"prefix": slots.prefix, "slot": slots.number, "amount": amount, "expires_at": expires_at}


def _to_correct(name: str, amount: int, taken_at: float, now: float) -> Slots | None:
    if amount == 0 or (amount < 0 and now - taken_at > KEPT_SECONDS):
        return None
    return Slots.at(name, now if amount > 0 else taken_at)


def _wait(slots: Slots, counts: list[int], one: Taking) -> float:
    return float(math.ceil(slots.wait(counts, one.amount, one.most)))


def lock_number(name: str) -> int:
    """The number of an advisory lock by its name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


@dataclass(slots=True)
class _Absence:
    """Whether Redis is away: said once; and until when it is not asked."""

    is_away: bool = False
    until: float = 0.0


_absence = _Absence()
_lock = threading.Lock()


def _in_redis(ask: Callable[[Any], list[int]]) -> list[int] | None:
    """What Redis answers; None where there is none, or while it is away."""
    if are_in_rows():
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
