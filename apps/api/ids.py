"""UUIDv7 (RFC 9562): ids that sort by the moment they were made, so that rows and partitions do too."""

import secrets
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RANDOM_BITS = 74
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Within one millisecond ids grow by a random step: they stay in order, and a neighbour cannot be guessed.
_LARGEST_STEP = 1 << 32

_lock = threading.Lock()
_last_millisecond = -1
_last_random = 0


def uuid7() -> UUID:
    """A new UUIDv7, greater than every one this process made before it. Safe to call from any thread."""
    global _last_millisecond, _last_random
    with _lock:
        millisecond = time.time_ns() // 1_000_000
        if millisecond > _last_millisecond:
            _last_millisecond, _last_random = millisecond, secrets.randbits(_RANDOM_BITS)
        else:  # the same millisecond, or the clock was set back
            _last_random += 1 + secrets.randbelow(_LARGEST_STEP)
            if _last_random >> _RANDOM_BITS:
                _last_millisecond, _last_random = _last_millisecond + 1, secrets.randbits(_RANDOM_BITS - 1)
        return _compose(_last_millisecond, _last_random)


def uuid7_floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 of an aware moment: the bound of a partition. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("uuid7_floor needs a moment with a time zone.")
    return _compose((moment - _EPOCH) // timedelta(milliseconds=1), 0)


def _compose(milliseconds: int, random: int) -> UUID:
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | _VERSION_AND_VARIANT | (high << 64) | low)
