"""A thousand people reading answers that come at a token a second, in one process: memory, and whether a page answers.

And fifty of them, with fifty tools at once, on a pool of three connections: whether a page still answers then.
"""

import asyncio
import json
import os
from contextlib import ExitStack
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.request import urlopen

import psutil

from benchmarks.answers import opie
from benchmarks.load import Request, ask, percentile
from benchmarks.processes import OTHER_CORE, cpu_seconds, database, free_port, memory_mib, process, wait_for_port

STREAMS = int(os.environ.get("BENCH_STREAMS", "1000"))
TOKENS = 150
READ_SECONDS = 25.0
NEW_READERS_PER_SECOND = 15


CROWD = 50
CROWDED_POOL = 3


def run() -> dict[str, Any]:
    """Open the streams over a minute, read on, and look at a page once a second meanwhile; then the crowd."""
    with ExitStack() as stack:
        url = stack.enter_context(database())
        mock = free_port()
        arguments = ["-m", "benchmarks.mock_platform", str(mock), str(TOKENS), "1.0"]
        stack.enter_context(process(arguments, {}, core=OTHER_CORE))
        wait_for_port(mock)
        psutil.Process().cpu_affinity([OTHER_CORE])
        platform = f"http://127.0.0.1:{mock}/v1"
        found = _many(url, platform) | {"crowd": _crowd(url, platform)}
    print(found)
    return found


def _many(url: str, platform: str) -> dict[str, Any]:
    with opie(url, platform) as server:
        before = memory_mib(server.watched)
        tokens, pages, most = asyncio.run(_read(server.port, server.make(0), server.watched))
        spent = cpu_seconds(server.watched)
    return {
        "streams": STREAMS,
        "streams_that_got_tokens": sum(1 for count in tokens if count),
        "tokens_read": sum(tokens),
        "memory_before_mib": before,
        "memory_mib": most,
        "page_p50_ms": percentile(pages, 50),
        "page_p95_ms": percentile(pages, 95),
        "cpu_seconds": round(spent, 1),
    }


def _crowd(url: str, platform: str) -> dict[str, Any]:
    """How long a page takes with 50 streams open and 50 tools called at once, on a pool of three."""
    with opie(url, platform, pool=CROWDED_POOL) as server:
        pages, tools = asyncio.run(_pages_in_a_crowd(server.port, server.make(0)))
    return {
        "streams": CROWD,
        "tools_at_once": CROWD,
        "tools_that_answered": tools,
        "pool": CROWDED_POOL,
        "pages": len(pages),
        "page_p50_ms": percentile(pages, 50),
        "page_max_ms": round(max(pages) * 1000, 2),
    }


async def _pages_in_a_crowd(port: int, request: Request) -> tuple[list[float], int]:
    tokens = [0] * CROWD
    readers = [asyncio.create_task(_reader(port, request, tokens, number)) for number in range(CROWD)]
    while not all(tokens):  # noqa: ASYNC110 - readers count, and tell nobody
        await asyncio.sleep(0.1)
    body = json.dumps({"agent_id": "counting", "message": "What is 17 * 23?", "stream": True}).encode()
    counting = replace(request, body=body, token_mark=b"event: tool.finished")
    pages: list[float] = []
    tools = [asyncio.create_task(ask("127.0.0.1", port, counting)) for _ in range(CROWD)]
    while not all(tool.done() for tool in tools):
        pages.append(await asyncio.to_thread(_page, port))
    for reader in readers:
        reader.cancel()
    answered = await asyncio.gather(*tools, return_exceptions=True)
    await asyncio.gather(*readers, return_exceptions=True)
    return pages, sum(1 for one in answered if not isinstance(one, BaseException))


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
