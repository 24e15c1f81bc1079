"""Reads a file in a process of its own, and hands on its sections as fast as they are wanted.

    async with read(path, name) as reading:
        async for section in reading: ...

A parser that crashes, never ends, or takes all memory harms that process alone. How much of a file is in memory here
does not depend on the file: the child waits until somebody takes what it has said.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from apps.opie.knowledge.reading.kinds import Kind
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.messages import LONGEST_LINE, Order
from apps.opie.knowledge.reading.section import Location, Section
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[4]
_SECONDS_TO_END = 5
_OUT_OF_TIME = {signal.SIGXCPU}
_ENDED_BY_OTHERS = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}


def read(path: Path, name: str, limits: Limits | None = None) -> "Reading":
    """The file's sections, in its order; `name` is what it was called where it comes from.

    Iterating raises Unreadable where the file cannot be read, or not to its end.
    """
    return Reading(path, name, limits or Limits())


class Reading:
    """One file being read. Used with `async with`, what it knows of the file as a whole is there from the start."""

    def __init__(self, path: Path, name: str, limits: Limits) -> None:
        self.kind: Kind | None = None
        self.title = ""
        self.total_parts: int | None = None
        self.parts_done = 0
        self.parts_without_text = 0
        self._order = Order(str(path.resolve()), name, limits)
        self._limits = limits
        self._seconds_left: float = limits.seconds
        self._child: _Child | None = None
        self._over = False
        self._said_last = False

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Section:
        try:
            section = await self._next()
        except BaseException:
            await self.aclose()
            raise
        if section is None:
            await self.aclose()
            raise StopAsyncIteration
        return section

    async def aclose(self) -> None:
        """Ends the process. What was not read is lost."""
        self._over = True
        if self._child is None:
            return
        self._child.pipe.close()
        if self._said_last:
            # It ends by itself. To kill what just ended confuses asyncio, which then warns of an unknown process.
            with suppress(TimeoutError):
                async with asyncio.timeout(_SECONDS_TO_END):
                    await self._child.process.wait()
        self._child.end()
        await self._child.process.wait()

    def __del__(self) -> None:
        if self._child is not None and not self._over:
            self._child.end()

    async def _open(self) -> None:
        """Until the child has said what the file is."""
        if self._child is None and not self._over:
            self._child = await _started(self._order)
            self._heard(await self._line())

    async def _next(self) -> Section | None:
        await self._open()
        while not self._over:
            message = await self._line()
            if message[0] == "section":
                return Section(message[1], Location.from_json(message[2]))
            self._heard(message)
        return None

    def _heard(self, message: list[Any]) -> None:
        match message:
            case ["opened", kind, title, total]:
                self.kind, self.title, self.total_parts = Kind(kind), title, total
            case ["part", number, has_text]:
                self.parts_done = number
                self.parts_without_text += not has_text
            case ["trace", text]:
                logger.warning("a parser failed on a file:\n%s", text)
            case ["refused", reason, told]:
                self._said_last = True
                raise Unreadable(Reason(reason), told)
            case ["ended"]:
                self._over = self._said_last = True

    async def _line(self) -> list[Any]:
        """The child's next message. Raises Unreadable when it ends without one, or lets us wait too long."""
        child = self._child
        if child is None:
            raise RuntimeError("read from a process that was not started")
        clock = asyncio.get_running_loop().time
        asked = clock()
        try:
            async with asyncio.timeout(min(self._limits.silent_seconds, self._seconds_left)):
                line = await child.said.readline()
        except TimeoutError:
            raise Unreadable(Reason.TIMEOUT) from None
        self._seconds_left = max(0.0, self._seconds_left - (clock() - asked))
        if not line.endswith(b"\n"):
            _explain_end(await child.process.wait())
        message: list[Any] = json.loads(line)
        return message


@dataclass(frozen=True, slots=True)
class _Child:
    """The process, and our end of what it says. The end is ours to close: a pipe of asyncio's own that is full and not
    read is never closed, and the process then never seen to have ended."""

    process: Process
    said: asyncio.StreamReader
    pipe: asyncio.ReadTransport

    def end(self) -> None:
        self.pipe.close()
        if self.process.returncode is None:
            # It may have ended by itself since.
            with suppress(ProcessLookupError):
                self.process.kill()


async def _started(order: Order) -> _Child:
    ours, its = os.pipe()
    said = asyncio.StreamReader(limit=LONGEST_LINE)
    try:
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(said), os.fdopen(ours, "rb", buffering=0)
        )
        try:
            process = await _process(its)
        except BaseException:
            pipe.close()
            raise
    finally:
        os.close(its)
    if process.stdin is None:
        raise RuntimeError("a process without standard input")
    process.stdin.write(order.encoded())
    process.stdin.close()
    return _Child(process, said, pipe)


async def _process(output: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "apps.opie.knowledge.reading",
        stdin=PIPE,
        stdout=output,
        stderr=DEVNULL,
        cwd=_ROOT,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """Nothing of ours is in it: keys and addresses of databases stay here."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Parts of workbooks are then read by a parser that refuses entities.
        "OPENPYXL_LXML": "False",
        "OMP_NUM_THREADS": "1",
    }


def _explain_end(returncode: int) -> NoReturn:
    """Of a child that ended in the middle."""
    if -returncode in _OUT_OF_TIME:
        raise Unreadable(Reason.TIMEOUT)
    if -returncode in _ENDED_BY_OTHERS or returncode >= 0:
        logger.error("the process that reads files ended with %s", returncode)
        raise Unreadable(Reason.INTERRUPTED)
    logger.warning("a parser crashed on a file: signal %s", -returncode)
    raise Unreadable(Reason.DAMAGED)
