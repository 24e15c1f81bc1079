"""What the person who started Opie sees."""

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_COLUMN = 12


class _Reader:
    """Whoever reads what we write: a terminal, or a program that may have stopped reading."""

    def __init__(self) -> None:
        self._patience = 0.5

    def write(self, text: str) -> None:
        # A pipe that is ready takes 4096 bytes without blocking.
        ready = bool(select.select([], [sys.stdout], [], self._patience)[1])
        if ready:
            # Not through sys.stdout's buffer, which would complain at exit about a reader who has gone.
            os.write(sys.stdout.fileno(), text.encode()[:4095] + b"\n")
        self._patience = 0.5 if ready else 0.0  # who has missed a line is not waited for again


_reader = _Reader()


def say(text: str = "") -> None:
    """Write one line. A reader who has gone, or does not keep up, loses lines: Opie does not wait for a terminal."""
    with suppress(BrokenPipeError):
        _reader.write(text)


def line(name: str, text: str) -> str:
    return f"  {name:<{_COLUMN}} {text}"


class Step:
    """One step of the start. Its result is what is shown when it is done."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.result = "done"


@contextmanager
def step(name: str, doing: str) -> Iterator[Step]:
    """Show a step while it runs (on a terminal) and when it is done, with its time."""
    current = Step(name)
    began = time.monotonic()
    live = sys.stdout.isatty()
    if live:
        sys.stdout.write(line(name, f"{doing} …"))
        sys.stdout.flush()
    try:
        yield current
    except BaseException:
        if live:
            sys.stdout.write("\n")
        raise
    if live:
        sys.stdout.write("\r\033[K")
    say(line(name, f"{current.result} ({time.monotonic() - began:.1f} s)"))
