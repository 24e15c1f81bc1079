"""Answers per second and time to the first token: the openai SDK alone, AgentOS alone, Opie; in one run, interleaved.

Each server has one core to itself; the database, the mock and the callers share the other.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import jwt
import psutil

from benchmarks import opie_server
from benchmarks.agentos_alone import KEY
from benchmarks.load import Request, rounds
from benchmarks.plot import draw
from benchmarks.processes import (
    OTHER_CORE,
    ROOT,
    SERVER_CORE,
    cpu_seconds,
    database,
    free_port,
    memory_mib,
    postgres_cpu_seconds,
    process,
    wait_for_port,
)

CALLERS = (1, 16, 64)
CALLS = {1: 40, 16: 160, 64: 256}
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


@dataclass(slots=True)
class Server:
    """One server under test."""

    name: str
    port: int
    watched: psutil.Process
    make: Callable[[int], Request]


def run() -> dict[str, Any]:
    """Measure all, print a table, and answer medians over the rounds: name → callers → figures."""
    with ExitStack() as stack:
        url = stack.enter_context(database())
        mock = free_port()
        stack.enter_context(process(["-m", "benchmarks.mock_platform", str(mock)], {}, core=OTHER_CORE))
        wait_for_port(mock)
        platform = f"http://127.0.0.1:{mock}/v1"
        psutil.Process().cpu_affinity([OTHER_CORE])
        servers = [stack.enter_context(agentos(url, platform)), stack.enter_context(opie(url, platform))]
        found = _measure_all(servers, platform)
    _print(found)
    draw(found, ROOT / "benchmarks" / "results" / "answers.svg")
    return found


@contextmanager
def agentos(database_url: str, platform: str) -> Iterator[Server]:
    """AgentOS alone, in a schema of the same database."""
    port = free_port()
    settings = {"BENCH_DATABASE_URL": database_url, "BENCH_PLATFORM_URL": platform, "BENCH_PORT": str(port)}
    claims = {
        "sub": "bench",
        "scopes": ["agents:read", "agents:*:run", "sessions:read"],
        "exp": int(time.time()) + 3600,
    }
    headers = {
        "Authorization": f"Bearer {jwt.encode(claims, KEY, 'HS256')}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with process(["-m", "benchmarks.agentos_alone"], settings, core=SERVER_CORE) as watched:
        wait_for_port(port)
        request = Request(
            "/agents/assistant/runs", headers, b"message=Hello&stream=true", b'"RunContent"', b'"RunCompleted"'
        )
        yield Server("agentos", port, watched, lambda _: request)


@contextmanager
def opie(
    database_url: str, platform: str, message: dict[str, Any] | None = None, *, pool: int | None = None
) -> Iterator[Server]:
    """Opie's web process, with a pool of that many connections."""
    port = free_port()
    settings = {**opie_server.environment(database_url), "BENCH_PLATFORM_URL": platform, "BENCH_PORT": str(port)}
    settings |= {"DATABASE_POOL_SIZE": str(pool)} if pool else {}
    prepared = subprocess.run(
        [sys.executable, "-m", "benchmarks.opie_server", "prepare"],
        cwd=ROOT,
        env={**os.environ, **settings},
        check=True,
        capture_output=True,
        text=True,
    )
    key = json.loads(prepared.stdout.splitlines()[-1])["key"]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps(message or {"agent_id": "assistant", "message": "Hello", "stream": True}).encode()
    request = Request("/api/v1/agentos/send-message/", headers, body, b"event: message.delta", b"event: run.finished")
    with process(["-m", "benchmarks.opie_server", "serve"], settings, core=SERVER_CORE) as watched:
        wait_for_port(port)
        yield Server("opie", port, watched, lambda _: request)


def _measure_all(servers: list[Server], platform: str) -> dict[str, Any]:
    for server in servers:  # connections, caches and imports are not what is measured
        warm = asyncio.run(rounds(server.port, server.make, 4, 16))
        if warm.failed:
            raise RuntimeError(f"{server.name} failed {warm.failed} of its first calls")
    samples: dict[str, dict[int, list[dict[str, float]]]] = {}
    for _ in range(ROUNDS):
        for callers in CALLERS:
            samples.setdefault("openai sdk", {}).setdefault(callers, []).append(_sdk(platform, callers))
            for server in servers:
                samples.setdefault(server.name, {}).setdefault(callers, []).append(_one(server, callers))
    return {
        name: {str(callers): _median(found) for callers, found in by_callers.items()}
        for name, by_callers in samples.items()
    }


def _one(server: Server, callers: int) -> dict[str, float]:
    spent, in_database = cpu_seconds(server.watched), postgres_cpu_seconds()
    measured = asyncio.run(rounds(server.port, server.make, callers, CALLS[callers]))
    answers = max(1, len(measured.last))
    return measured.as_json() | {
        "cpu_ms_per_answer": round((cpu_seconds(server.watched) - spent) / answers * 1000, 2),
        "postgres_cpu_ms_per_answer": round((postgres_cpu_seconds() - in_database) / answers * 1000, 2),
        "memory_mib": memory_mib(server.watched),
    }


def _sdk(platform: str, callers: int) -> dict[str, float]:
    arguments = [sys.executable, "-m", "benchmarks.sdk_alone", platform, str(callers), str(CALLS[callers])]
    done = subprocess.run(
        ["taskset", "-c", str(SERVER_CORE), *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _median(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in found), 2) for name in found[0]}


# Heading → figure.
COLUMNS = {
    "answers/s": "answers_per_second",
    "first p50": "first_p50_ms",
    "p95 (ms)": "first_p95_ms",
    "last p50": "last_p50_ms",
    "p95 (ms) ": "last_p95_ms",
    "CPU ms": "cpu_ms_per_answer",
    "PG CPU ms": "postgres_cpu_ms_per_answer",
    "MiB": "memory_mib",
    "failed": "failed",
}


def _print(found: dict[str, Any]) -> None:
    print(f"{'':12}{'callers':>8}" + "".join(f"{heading:>11}" for heading in COLUMNS))
    for name, by_callers in found.items():
        for callers, figures in by_callers.items():
            print(f"{name:12}{callers:>8}" + "".join(f"{figures.get(one, 0):>11}" for one in COLUMNS.values()))


if __name__ == "__main__":
    run()
