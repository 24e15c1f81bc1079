"""A thousand people reading answers that come at a token a second, in one process: memory, and whether a page answers."""

import asyncio
import os
from contextlib import ExitStack
from time import perf_counter
from typing import Any
from urllib.request import urlopen

import psutil

from benchmarks.answers import opie
from benchmarks.load import Request, percentile
from benchmarks.processes import OTHER_CORE, cpu_seconds, database, free_port, memory_mib, process, wait_for_port

STREAMS = int(os.environ.get("BENCH_STREAMS", "1000"))
TOKENS = 150
READ_SECONDS = 25.0
NEW_READERS_PER_SECOND = 15


def run() -> dict[str, Any]:
    """Open the streams over a minute, read on, and look at a page once a second meanwhile."""
    with ExitStack() as stack:
        url = stack.enter_context(database())
        mock = free_port()
        arguments = ["-m", "benchmarks.mock_platform", str(mock), str(TOKENS), "1.0"]
        stack.enter_context(process(arguments, {}, core=OTHER_CORE))
        wait_for_port(mock)
        psutil.Process().cpu_affinity([OTHER_CORE])
        server = stack.enter_context(opie(url, f"http://127.0.0.1:{mock}/v1"))
        before = memory_mib(server.watched)
        tokens, pages, most = asyncio.run(_read(server.port, server.make(0), server.watched))
        spent = cpu_seconds(server.watched)
    found = {
        "streams": STREAMS,
        "streams_that_got_tokens": sum(1 for count in tokens if count),
        "tokens_read": sum(tokens),
        "memory_before_mib": before,
        "memory_mib": most,
        "page_p50_ms": percentile(pages, 50),
        "page_p95_ms": percentile(pages, 95),
        "cpu_seconds": round(spent, 1),
    }
    print(found)
    return found


async def _read(port: int, request: Request, watched: psutil.Process) -> tuple[list[int], list[float], float]:
    tokens, pages, most = [0] * STREAMS, [], 0.0
    readers = [asyncio.create_task(_reader(port, request, tokens, number)) for number in range(STREAMS)]
    until = perf_counter() + READ_SECONDS + STREAMS / NEW_READERS_PER_SECOND
    while perf_counter() < until:
        pages.append(await asyncio.to_thread(_page, port))
        most = max(most, memory_mib(watched))
        await asyncio.sleep(1)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return tokens, pages, most


async def _reader(port: int, request: Request, tokens: list[int], number: int) -> None:
    await asyncio.sleep(number / NEW_READERS_PER_SECOND)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        head = f"POST {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(request.body)}\r\n"
        writer.write(f"{head}{headers}\r\n".encode() + request.body)
        while piece := await reader.read(65536):
            tokens[number] += piece.count(request.token_mark)
    finally:
        writer.close()


def _page(port: int) -> float:
    started = perf_counter()
    with urlopen(f"http://127.0.0.1:{port}/accounts/login/", timeout=30) as answer:
        answer.read()
    return perf_counter() - started


if __name__ == "__main__":
    run()
