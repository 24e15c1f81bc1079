"""The process in which files are read: `python -m apps.opie.knowledge.reading`, with an Order on its standard input.

Files come from anybody and parsers have faults, so this process may be killed by the system at any time, and holds
nothing that is worth stealing.
"""

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from apps.opie.knowledge.reading.kinds import Kind, kind_of
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.messages import LONGEST_SECTION, Order, encoded
from apps.opie.knowledge.reading.outline import Found, Opened, PartDone
from apps.opie.knowledge.reading.section import Location, Section, clean
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

# How long a section may wait here for others to be sent with.
_SENT_EVERY = 0.1
_LONGEST_TITLE = 300
_LONGEST_HEADING = 1000
_LONGEST_TRACE = 8000


def main() -> None:
    order = Order.decoded(sys.stdin.buffer.readline())
    _confine(order.limits)
    try:
        _send_all(order)
        _say(["ended"])
    except Unreadable as unreadable:
        _say(["refused", unreadable.reason, unreadable.message])
    except (MemoryError, RecursionError):
        _say(
            ["refused", Reason.TOO_LARGE, "This file takes more memory than one file may. Split it into smaller ones."]
        )
    except Exception:  # noqa: BLE001 - parsers raise anything on files that are not what they should be
        _say(["trace", clean(traceback.format_exc())[-_LONGEST_TRACE:]])
        _say(["refused", Reason.DAMAGED, Unreadable(Reason.DAMAGED).message])
    sys.stdout.buffer.flush()
    # Without what libraries do at exit: there is nothing to be saved.
    os._exit(0)


def _confine(limits: Limits) -> None:
    """What the system holds this process to, whatever a parser does."""
    most = limits.recognition_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, max(most, limits.memory_bytes)))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # When nobody reads any more, this ends too.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _send_all(order: Order) -> None:
    path, limits = Path(order.path), order.limits
    kind = kind_of(path, order.name, limits)
    parser: Any = import_module(f"apps.opie.knowledge.reading.{kind.value}")
    characters, sent_at = 0, time.monotonic()
    for found in parser.read(path, limits):
        for message in _messages(kind, found):
            _say(message)
        if isinstance(found, Section):
            characters += len(found.text)
            if characters > limits.characters:
                raise Unreadable(Reason.TOO_LARGE)
        if time.monotonic() - sent_at > _SENT_EVERY:
            sys.stdout.buffer.flush()
            sent_at = time.monotonic()
    if characters == 0:
        raise Unreadable(Reason.NO_TEXT)


def _messages(kind: Kind, found: Found) -> Iterator[list[Any]]:
    match found:
        case Opened(title, total):
            yield ["opened", kind, " ".join(clean(title).split())[:_LONGEST_TITLE], total]
        case PartDone(number, has_text):
            yield ["part", number, has_text]
        case Section(text, location):
            where = _storable(location)
            for piece in _pieces(clean(text)):
                yield ["section", piece, where]


def _storable(location: Location) -> dict[str, int | str]:
    stored = location.as_json()
    return {
        name: clean(value)[:_LONGEST_HEADING] if isinstance(value, str) else value for name, value in stored.items()
    }


def _pieces(text: str) -> Iterator[str]:
    """A text in lengths that fit into one message, cut between words where there are any."""
    begin = 0
    while len(text) - begin > LONGEST_SECTION:
        end = begin + LONGEST_SECTION
        space = max(text.rfind(mark, begin + LONGEST_SECTION // 2, end) for mark in ("\n", " "))
        end = space + 1 if space > 0 else end
        yield text[begin:end]
        begin = end
    yield text[begin:]


def _say(message: list[Any]) -> None:
    sys.stdout.buffer.write(encoded(message))


if __name__ == "__main__":
    main()
