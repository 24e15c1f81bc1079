"""What the person who started Opie sees."""

import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_COLUMN = 12


def say(text: str = "") -> None:
    """Write one line. A reader who has gone, or does not keep up, loses lines; Opie does not wait for a terminal."""
    try:
        # A pipe that is ready takes 4096 bytes without blocking.
        if select.select([], [sys.stdout], [], 0.5)[1]:
            sys.stdout.write(f"{text[:4000]}\n")
            sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        return


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
