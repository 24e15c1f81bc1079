"""Real processes that are killed and started again under load, and a platform that counts what it was asked and served."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from apps.opie import rows
from apps.opie.models import RunEventBatch
from config.environment import ROOT
from launcher.child import start_child, stop_child
from tests.opie.people import Person
from tests.vendors.reply import Reply, Usage
from tests.vendors.server import Asked, VendorServer

WORDS = 25
FIRST_INPUT = 1000
HELD_AFTER_PIECES = 5
# Until an answer is in its middle; a process that was just started needs most of it to import what it needs.
SECONDS_TO_THE_MIDDLE = 90


class CountingVendor(VendorServer):
    """Bills each question with a number of its own, so that a call can be told by its usage."""

    def __init__(self, pause: float) -> None:
        super().__init__(pause=pause)
        self.was_asked: Counter[int] = Counter()
        self.has_served: Counter[int] = Counter()
        self._is_wanted: Callable[[int], bool] = lambda _: False
        self._held: set[int] = set()
        self._go_on = asyncio.Event()

    @asynccontextmanager
    async def holding(self, is_wanted: Callable[[int], bool]) -> AsyncIterator[Collection[int]]:
        """Within the block the answers to such questions stop in their middle; yields those that have."""
        self._is_wanted, self._held, self._go_on = is_wanted, set(), asyncio.Event()
        try:
            yield self._held
        finally:
            self._is_wanted = lambda _: False
            self._go_on.set()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        number = number_of(asked)
        self.was_asked[number] += 1
        self.replies[0] = Reply(text=answer_to(number), usage=Usage(FIRST_INPUT + number, 0, 0, 10, 0))
        await super()._answer(asked, writer)
        self.has_served[number] += 1

    async def _after_piece(self, asked: Asked, number: int) -> None:
        if number == HELD_AFTER_PIECES and self._is_wanted(question := number_of(asked)):
            self._held.add(question)
            await self._go_on.wait()
        await super()._after_piece(asked, number)


def answer_to(number: int) -> str:
    return " ".join([f"Answer {number}:", *(f"word{place}" for place in range(WORDS))])


def number_of(asked: Asked) -> int:
    return number_in(str(asked.body["messages"][-1]["content"]))


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


def agentos(port: int, database_url: str, **environment: str) -> Killable:
    command = ["manage.py", "agentos_start", "--port", str(port)]
    return Killable("agentos", command, _environment(database_url, {"AGENTOS_ENABLED": "true"} | environment))


def worker(database_url: str, **environment: str) -> Killable:
    return Killable("worker", ["manage.py", "worker", "--grace", "1"], _environment(database_url, environment))


def _environment(database_url: str, more: dict[str, str]) -> dict[str, str]:
    own = {"DATABASE_URL": database_url, "AGENTOS_ENABLED": "false", "LOG_LEVEL": "ERROR", "DATABASE_POOL_SIZE": "6"}
    return dict(os.environ) | own | more


async def kill_in_the_middle(victim: Killable, load: "Load", vendor: CountingVendor) -> int:
    """Kill the process while it writes an answer, whose beginning is in the rows already, and start it again; answers
    the question's number."""
    async with vendor.holding(lambda number: load.asked_of.get(number) == victim.name) as held:
        async with asyncio.timeout(SECONDS_TO_THE_MIDDLE):
            while (number := await rows.run(_one_begun, held, load.accepted)) is None:  # noqa: ASYNC110 - it waits for rows
                await asyncio.sleep(0.1)
        await asyncio.to_thread(victim.kill)
    victim.start()
    return number


def _one_begun(held: Collection[int], accepted: Mapping[int, str]) -> int | None:
    """One of these questions that has words of its answer in the rows."""
    begun = {accepted[number]: number for number in held if number in accepted}
    for batch in RunEventBatch.objects.filter(run_id__in=begun):
        if any(kind == "message.delta" for _, kind, _ in batch.events):
            return begun[str(batch.run_id)]
    return None


async def kill_at_random(processes: Sequence[Killable], seed: int, kills: int, pause: tuple[float, float]) -> None:
    """Kill one of them now and then, and start it again, as the supervisor would."""
    chance = random.Random(seed)
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(*pause))
        victim = chance.choice(processes)
        await asyncio.to_thread(victim.kill)
        # From the main thread: the kernel ties a child to the thread that started it.
        victim.start()


@dataclass
class Load:
    """People who ask without pause: in streams, in lines, through AgentOS, and on the worker. What was accepted is noted.

    `sites` are the addresses of web processes by their names, `door` is that of AgentOS.
    """

    person: Person
    sites: Mapping[str, str]
    door: str
    accepted: dict[int, str] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    # Which process answers, where that is sure: a message of a session that is old may have to wait, and be begun by another.
    asked_of: dict[int, str] = field(default_factory=dict)
    _next: int = 0

    def next_number(self) -> int:
        self._next += 1
        return self._next

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        kinds = [
            self._chat,
            self._chat,
            self._line,
            self._alone,
            self._alone,
            self._through_door,
            self._task,
            self._task,
        ]
        asking = [asyncio.create_task(self._ask(kind, place, stop)) for place, kind in enumerate(kinds)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*asking)

    async def _ask(self, kind: Any, place: int, stop: asyncio.Event) -> None:
        chat: dict[str, Any] = {}
        while not stop.is_set():
            number = self.next_number()
            site = list(self.sites)[(place + number) % len(self.sites)]
            try:
                async with httpx.AsyncClient(headers=self.person.headers, timeout=15, trust_env=False) as client:
                    await kind(client, number, site, chat)
            except httpx.TransportError:
                self.lost.add(number)  # accepted or not: whoever asked cannot know
                await asyncio.sleep(0.3)

    async def _chat(self, client: httpx.AsyncClient, number: int, site: str, chat: dict[str, Any]) -> None:
        body = {"agent_id": "scripted", "message": f"Question {number}.", "stream": True, **chat}
        request = client.stream("POST", self._address(site, "send-message/"), json=body)
        if session_id := await self._read(request, number):
            chat["session_id"] = session_id

    async def _alone(self, client: httpx.AsyncClient, number: int, site: str, _: dict[str, Any]) -> None:
        self.asked_of[number] = site
        await self._chat(client, number, site, {})

    async def _line(self, client: httpx.AsyncClient, number: int, site: str, chat: dict[str, Any]) -> None:
        """Two messages at once in one session: the second waits for its turn."""
        second = self.next_number()
        if chat:
            await asyncio.gather(self._chat(client, number, site, chat), self._chat(client, second, site, chat))
        else:
            await self._chat(client, number, site, chat)

    async def _through_door(self, client: httpx.AsyncClient, number: int, site: str, chat: dict[str, Any]) -> None:
        self.asked_of[number] = "agentos"
        asked = {"message": f"Question {number}.", "stream": "true"}
        await self._read(client.stream("POST", f"{self.door}/agents/scripted/runs", data=asked), number)

    async def _task(self, client: httpx.AsyncClient, number: int, site: str, chat: dict[str, Any]) -> None:
        self.asked_of[number] = "worker"
        body = {"agent_id": "scripted", "message": f"Question {number}."}
        answer = await client.post(self._address(site, "runs/"), json=body)
        assert answer.status_code == 202, answer.text
        self.accepted[number] = answer.json()["run_id"]
        await asyncio.sleep(0.5)

    def _address(self, site: str, path: str) -> str:
        return f"{self.sites[site]}/api/v1/agentos/{path}"

    async def _read(self, request: AbstractAsyncContextManager[httpx.Response], number: int) -> str | None:
        """Read the stream to its end; answers its session. That it named its run is what makes a question accepted."""
        session_id = None
        async with request as answer:
            assert answer.status_code == 200, await answer.aread()
            async for line in answer.aiter_lines():
                ids = dict(re.findall(r'"(run_id|session_id)": ?"([^"]+)"', line))
                if number not in self.accepted and len(ids) == 2:
                    self.accepted[number], session_id = ids["run_id"], ids["session_id"]
        return session_id
