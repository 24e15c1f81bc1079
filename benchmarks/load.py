"""Callers: ask over HTTP, read server-sent events to the end, and say how long the first and the last took."""

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter


@dataclass(slots=True)
class Request:
    """What one call sends, and what marks a piece of the answer and its end in what comes back."""

    path: str
    headers: dict[str, str]
    body: bytes
    token_mark: bytes
    end_mark: bytes


@dataclass(slots=True)
class Measured:
    """One round of calls. Times are seconds."""

    seconds: float = 0.0
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    failed: int = 0

    def as_json(self) -> dict[str, float]:
        answers = len(self.last)
        return {
            "answers": answers,
            "failed": self.failed,
            "answers_per_second": round(answers / self.seconds, 2) if self.seconds else 0.0,
            "first_p50_ms": percentile(self.first, 50),
            "first_p95_ms": percentile(self.first, 95),
            "last_p50_ms": percentile(self.last, 50),
            "last_p95_ms": percentile(self.last, 95),
        }


def percentile(seconds: list[float], percent: int) -> float:
    if not seconds:
        return 0.0
    if len(seconds) == 1:
        return round(seconds[0] * 1000, 2)
    return round(statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000, 2)


async def ask(host: str, port: int, request: Request) -> tuple[float, float]:
    """One call on a connection of its own; seconds to the first token and to the end. Raises ConnectionError when
    the end never came."""
    started = perf_counter()
    reader, writer = await asyncio.open_connection(host, port, limit=2**22)
    try:
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        head = f"POST {request.path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\nContent-Length: {len(request.body)}\r\n{headers}\r\n"
        writer.write(head.encode() + request.body)
        seen, first = b"", 0.0
        while True:
            piece = await reader.read(65536)
            if not piece:
                raise ConnectionError(seen[:300].decode(errors="replace"))
            seen = seen[-4096:] + piece
            if not first and request.token_mark in seen:
                first = perf_counter() - started
            if request.end_mark in seen:
                return first or perf_counter() - started, perf_counter() - started
    finally:
        writer.close()


async def rounds(port: int, make: Callable[[int], Request], callers: int, calls: int) -> Measured:
    """`calls` calls in all, `callers` at a time."""
    measured, numbers = Measured(), iter(range(calls))

    async def caller() -> None:
        for number in numbers:
            try:
                first, last = await asyncio.wait_for(ask("127.0.0.1", port, make(number)), 60)
            except (OSError, TimeoutError):
                measured.failed += 1
            else:
                measured.first.append(first)
                measured.last.append(last)

    started = perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    measured.seconds = perf_counter() - started
    return measured
