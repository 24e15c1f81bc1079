"""Whether a turn costs the same late in a session as early: medians of 200 turns around the 10th... and the 1,000th."""

import asyncio
import json
from contextlib import ExitStack
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

import psutil

from benchmarks.answers import opie
from benchmarks.load import Request, ask
from benchmarks.processes import OTHER_CORE, database, free_port, process, wait_for_port

TURNS = 1100
AROUND = 200


def run() -> dict[str, Any]:
    """Send 1,100 turns to one session, one after the other. Times are milliseconds for a whole streamed answer."""
    with ExitStack() as stack:
        url = stack.enter_context(database())
        mock = free_port()
        stack.enter_context(process(["-m", "benchmarks.mock_platform", str(mock)], {}, core=OTHER_CORE))
        wait_for_port(mock)
        psutil.Process().cpu_affinity([OTHER_CORE])
        server = stack.enter_context(opie(url, f"http://127.0.0.1:{mock}/v1"))
        times = asyncio.run(_turns(server.port, server.make(0)))
    early, late = times[10 : 10 + AROUND], times[1000 - AROUND // 2 : 1000 + AROUND // 2]
    found = {
        "turns": len(times),
        "early_median_ms": round(median(early) * 1000, 2),
        "late_median_ms": round(median(late) * 1000, 2),
        "ratio": round(median(late) / median(early), 3),
    }
    print(found)
    return found


async def _turns(port: int, request: Request) -> list[float]:
    session_id, times = "", []
    for _ in range(TURNS):
        body = json.loads(request.body) | ({"session_id": session_id} if session_id else {})
        started = perf_counter()
        text = await _ask(port, replace(request, body=json.dumps(body).encode()))
        times.append(perf_counter() - started)
        session_id = session_id or text.split('"session_id":"', 1)[1][:36]
    return times


async def _ask(port: int, request: Request) -> str:
    """Like load.ask, but keeps the start of what came back."""
    if b'"session_id"' in request.body:
        await ask("127.0.0.1", port, request)
        return ""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"POST {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(request.body)}\r\n"
    writer.write(f"{head}{headers}\r\n".encode() + request.body)
    whole = await reader.read(-1)
    writer.close()
    return whole.decode()


if __name__ == "__main__":
    run()
