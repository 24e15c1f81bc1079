"""The signature of a call: `X-Opie-Signature: t=<unix time>,v1=<HMAC-SHA256 of time.body, in hex>`.

Several `v1` stand beside each other while a sender changes its secret; names that are not known here are passed over.
Pure: neither rows nor the clock.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

HEADER = "X-Opie-Signature"
LONGEST_HEADER = 1_000
MOST_SIGNATURES = 5

_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_V1 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a header says: the time, as it was written, and the signatures in small letters."""

    time: str
    v1: tuple[str, ...]

    def is_within(self, seconds: int, now: float) -> bool:
        return abs(now - int(self.time)) <= seconds

    def holds(self, body: bytes, secrets: Iterable[str]) -> bool:
        """Whether one of them was made with one of the secrets. Every pair is compared, whichever fits."""
        found = False
        for secret in secrets:
            wanted = _digest(secret, self.time, body)
            for given in self.v1:
                found |= hmac.compare_digest(wanted, given)
        return found


def parse_signature(header: str) -> Signature | None:
    """None for what is not of the form."""
    if len(header) > LONGEST_HEADER:
        return None
    times, signatures = [], []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1":
            signatures.append(value)
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not 1 <= len(signatures) <= MOST_SIGNATURES:
        return None
    if not all(map(_V1.fullmatch, signatures)):
        return None
    return Signature(times[0], tuple(one.lower() for one in signatures))


def sign(secret: str, time: int, body: bytes) -> str:
    """The header of a call with that body at that time."""
    return f"t={time},v1={_digest(secret, str(time), body)}"


def _digest(secret: str, time: str, body: bytes) -> str:
    return hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
