"""Real processes that are killed and started again under load, and a platform that counts what it was asked and served."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from config.environment import ROOT
from launcher.child import start_child, stop_child
from tests.opie.people import Person
from tests.vendors.reply import Reply, Usage
from tests.vendors.server import Asked, VendorServer

WORDS = 25
FIRST_INPUT = 1000


class CountingVendor(VendorServer):
    """Bills each question with a number of its own, so that a call can be told by its usage."""

    def __init__(self, pause: float) -> None:
        super().__init__(pause=pause)
        self.was_asked: Counter[int] = Counter()
        self.has_served: Counter[int] = Counter()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        number = number_in(str(asked.body["messages"][-1]["content"]))
        self.was_asked[number] += 1
        text = " ".join([f"Answer {number}:", *(f"word{place}" for place in range(WORDS))])
        self.replies[0] = Reply(text=text, usage=Usage(FIRST_INPUT + number, 0, 0, 10, 0))
        await super()._answer(asked, writer)
        self.has_served[number] += 1


def number_in(text: str) -> int:
    found = re.search(r"Question (\d+)\.", text)
    assert found is not None, text
    return int(found[1])


class Killable:
    """One process. `start` returns once it has been started, not when it serves."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        self.name = name
        self.kills = 0
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_child([sys.executable, *self._command], folder=ROOT, environment=self._environment)

    def kill(self) -> None:
        if self._process is not None:
            stop_child(self._process, [(signal.SIGKILL, 5.0)])
            self._process = None
            self.kills += 1


def web(port: int, database_url: str, **environment: str) -> Killable:
    command = ["-m", "uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "warning"]
    return Killable(f"web {port}", command, _environment(database_url, environment))


def worker(database_url: str, **environment: str) -> Killable:
    return Killable("worker", ["manage.py", "worker", "--grace", "1"], _environment(database_url, environment))


def _environment(database_url: str, more: dict[str, str]) -> dict[str, str]:
    own = {"DATABASE_URL": database_url, "AGENTOS_ENABLED": "false", "LOG_LEVEL": "ERROR", "DATABASE_POOL_SIZE": "6"}
    return dict(os.environ) | own | more


async def kill_at_random(processes: Sequence[Killable], seed: int, kills: int, pause: tuple[float, float]) -> None:
    """Kill one of them now and then, and start it again, as the supervisor would."""
    chance = random.Random(seed)
    for number in range(kills):
        await asyncio.sleep(chance.uniform(*pause))
        victim = processes[number % len(processes)] if number < len(processes) else chance.choice(processes)
        await asyncio.to_thread(victim.kill)
        # From the main thread: the kernel ties a child to the thread that started it.
        victim.start()


@dataclass
class Load:
    """People who ask without pause: in streams, in lines, and on the worker. What was accepted is noted."""

    person: Person
    sites: Sequence[str]
    accepted: dict[int, str] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    _next: int = 0

    @asynccontextmanager
    async def going(self, streams: int = 3, lines: int = 1, tasks: int = 2) -> AsyncIterator[None]:
        stop = asyncio.Event()
        kinds = [self._stream] * streams + [self._line] * lines + [self._task] * tasks
        asking = [asyncio.create_task(self._ask(kind, place, stop)) for place, kind in enumerate(kinds)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*asking)

    async def _ask(self, kind: Any, place: int, stop: asyncio.Event) -> None:
        chat: dict[str, Any] = {}
        while not stop.is_set():
            self._next += 1
            number = self._next
            site = self.sites[(place + number) % len(self.sites)]
            try:
                async with httpx.AsyncClient(
                    base_url=f"{site}/api/v1/agentos/", headers=self.person.headers, timeout=15, trust_env=False
                ) as client:
                    await kind(client, number, chat)
            except httpx.TransportError:
                self.lost.add(number)  # accepted or not: whoever asked cannot know
                await asyncio.sleep(0.3)

    async def _stream(self, client: httpx.AsyncClient, number: int, chat: dict[str, Any]) -> None:
        body = {"agent_id": "scripted", "message": f"Question {number}.", "stream": True, **chat}
        async with client.stream("POST", "send-message/", json=body) as answer:
            assert answer.status_code == 200, await answer.aread()
            async for line in answer.aiter_lines():
                if number not in self.accepted and (
                    found := re.search('"run_id":"([^"]+)","session_id":"([^"]+)"', line)
                ):
                    self.accepted[number] = found[1]
                    chat["session_id"] = found[2]

    async def _line(self, client: httpx.AsyncClient, number: int, chat: dict[str, Any]) -> None:
        """Two messages at once in one session: the second waits for its turn."""
        self._next += 1
        if chat:
            await asyncio.gather(self._stream(client, number, chat), self._stream(client, self._next, chat))
        else:
            await self._stream(client, number, chat)

    async def _task(self, client: httpx.AsyncClient, number: int, chat: dict[str, Any]) -> None:
        answer = await client.post("runs/", json={"agent_id": "scripted", "message": f"Question {number}."})
        assert answer.status_code == 202, answer.text
        self.accepted[number] = answer.json()["run_id"]
        await asyncio.sleep(0.5)
