"""What the two processes say to each other: one JSON value a line.

The parent sends one line, an Order. The child answers with `["opened", kind, title, total]`, then any number of
`["section", text, location]` and `["part", number, has_text]`, and at last `["ended"]` or `["refused", reason, message]`.
`["trace", text]` says for the log what a library raised.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from apps.opie.knowledge.reading.limits import Limits

# A line of the child is below this: its sections are cut to it.
LONGEST_SECTION = 20_000
LONGEST_LINE = 2**20


@dataclass(frozen=True, slots=True)
class Order:
    path: str
    name: str
    limits: Limits

    def encoded(self) -> bytes:
        return encoded(asdict(self))

    @classmethod
    def decoded(cls, line: bytes) -> Self:
        said = json.loads(line)
        return cls(said["path"], said["name"], Limits(**said["limits"]))


def encoded(message: Any) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
