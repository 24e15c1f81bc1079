"""Readers of one run at two web processes, over real sockets: whoever comes back anywhere reads on from the next event."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from apps.opie import rows
from apps.opie.models import AgentOSMessage, AIPlatform
from tests.opie.people import Person
from tests.opie.rest.test_streams import Frame, frames_of
from tests.opie.rest.web_process import web_processes
from tests.valkey_server import ValkeyServer, valkey_server
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

WORDS = 60
TEXT = "".join(f"word{number} " for number in range(WORDS)).strip()
LAST = ("run.finished", "run.failed", "run.cancelled", "run.interrupted")


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with valkey_server() as server:
        yield server


@pytest.fixture(params=["without Redis", "with Redis"])
def sites(request: pytest.FixtureRequest, person: Person, valkey: ValkeyServer) -> Iterator[list[str]]:
    """The addresses of two web processes over the same rows."""
    redis_url = valkey.url if request.param == "with Redis" else ""
    with web_processes(2, REDIS_URL=redis_url) as urls:
        yield urls


@dataclass
class Reader:
    """One client that reads one run, at one process or the other."""

    person: Person
    seen: list[Frame] = field(default_factory=list)

    @property
    def has_all(self) -> bool:
        return bool(self.seen) and self.seen[-1].event in LAST

    async def ask(self, site: str, leave_after: int) -> str:
        """Send a message and read some of its answer; then the connection is lost. Answers the id of the run."""
        body = {"agent_id": "scripted", "message": "Tell me", "stream": True}
        async with self._client(site) as client, client.stream("POST", "send-message/", json=body) as answer:
            await self._read(answer, leave_after)
        run_id: str = self.seen[0].data["run_id"]
        return run_id

    async def read_on(self, site: str, run_id: str, leave_after: int | None = None) -> None:
        """Read the run from where this reader is, to its end or until so many events more have come."""
        headers = {"Last-Event-ID": str(self.seen[-1].id)} if self.seen else {}
        async with (
            self._client(site) as client,
            client.stream("GET", f"runs/{run_id}/events/", headers=headers) as answer,
        ):
            await self._read(answer, leave_after)

    async def _read(self, answer: httpx.Response, leave_after: int | None) -> None:
        assert answer.status_code == 200
        before, text = len(self.seen), ""
        async for piece in answer.aiter_text():
            whole, _, text = (text + piece).rpartition("\n\n")
            self.seen += frames_of(whole)
            if leave_after is not None and len(self.seen) - before >= leave_after:
                return

    @asynccontextmanager
    async def _client(self, site: str) -> AsyncIterator[httpx.AsyncClient]:
        address = f"{site}/api/v1/agentos/"
        async with httpx.AsyncClient(
            base_url=address, headers=self.person.headers, timeout=30, trust_env=False
        ) as client:
            yield client


@pytest.fixture
async def vendor(agents: Any) -> AsyncIterator[VendorServer]:
    """It takes its time, so that readers come while it speaks."""
    async with VendorServer(pause=0.05).will(Reply(text=TEXT)) as server:
        platform = AIPlatform.objects.filter(platform_name="scripted")
        await rows.run(platform.update, base_url=server.url + "/v1", api_key="sk-x")
        yield server


async def all_of(run_id: str, sites: list[str], person: Person) -> list[Frame]:
    """The finished run as each process replays it: the same everywhere, and whole."""
    replayed = []
    for site in sites:
        reader = Reader(person)
        await reader.read_on(site, run_id)
        replayed.append(reader.seen)
    assert all(one == replayed[0] for one in replayed)
    frames = replayed[0]
    assert [frame.id for frame in frames] == list(range(1, len(frames) + 1))
    assert [frame.event in LAST for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert said_in(frames) == frames[-1].data["content"]
    return frames


def said_in(frames: list[Frame]) -> str:
    return "".join(frame.data["text"] for frame in frames if frame.event == "message.delta")


async def test_a_lost_connection_is_taken_up_at_the_other_process(
    sites: list[str], vendor: VendorServer, person: Person
) -> None:
    here, there = sites
    first, second = Reader(person), Reader(person)
    run_id = await first.ask(here, leave_after=8)
    assert not first.has_all
    await asyncio.gather(first.read_on(there, run_id), second.read_on(there, run_id))
    assert first.seen == second.seen == await all_of(run_id, sites, person)
    assert said_in(first.seen) == TEXT
    assert len(vendor.asked) == 1


async def test_readers_may_change_processes_as_often_as_they_like(
    sites: list[str], vendor: VendorServer, person: Person
) -> None:
    restless, patient = Reader(person), Reader(person)
    run_id = await restless.ask(sites[0], leave_after=2)

    async def hop() -> None:
        turn = 1
        while not restless.has_all:
            await restless.read_on(sites[turn % 2], run_id, leave_after=3)
            turn += 1

    await asyncio.gather(hop(), patient.read_on(sites[1], run_id))
    assert restless.seen == patient.seen == await all_of(run_id, sites, person)


async def test_a_run_stopped_from_the_other_process_ends_for_all(
    sites: list[str], vendor: VendorServer, person: Person
) -> None:
    first, second = Reader(person), Reader(person)
    run_id = await first.ask(sites[0], leave_after=4)
    reading = asyncio.gather(first.read_on(sites[0], run_id), second.read_on(sites[1], run_id))
    async with httpx.AsyncClient(headers=person.headers, trust_env=False) as client:
        answer = await client.post(f"{sites[1]}/api/v1/agentos/runs/{run_id}/cancel/")
        assert answer.status_code == 202
    await reading
    frames = await all_of(run_id, sites, person)
    assert first.seen == second.seen == frames
    assert frames[-1].event == "run.cancelled"
    kept = await rows.run(AgentOSMessage.objects.get, run_id=run_id, is_answer=True)
    assert (kept.status, kept.content) == ("cancelled", said_in(frames))


async def test_redis_dies_in_the_middle_and_comes_back(vendor: VendorServer, person: Person) -> None:
    with valkey_server() as valkey, web_processes(2, REDIS_URL=valkey.url) as sites:
        first, second = Reader(person), Reader(person)
        run_id = await first.ask(sites[0], leave_after=4)
        reading = asyncio.ensure_future(second.read_on(sites[1], run_id))
        await first.read_on(sites[1], run_id, leave_after=8)
        valkey.kill()
        await first.read_on(sites[1], run_id, leave_after=8)
        valkey.start()
        await first.read_on(sites[1], run_id)
        await reading
        assert first.seen == second.seen == await all_of(run_id, sites, person)
        assert said_in(first.seen) == TEXT
        # With it back, the next answer goes over it as before.
        again = Reader(person)
        run_id = await again.ask(sites[0], leave_after=2)
        await again.read_on(sites[1], run_id)
        assert again.seen == await all_of(run_id, sites, person)


async def test_without_redis_from_the_start_everything_still_works(vendor: VendorServer, person: Person) -> None:
    with valkey_server() as valkey:
        gone = valkey.url
    with web_processes(2, REDIS_URL=gone) as sites:
        first = Reader(person)
        run_id = await first.ask(sites[0], leave_after=4)
        await first.read_on(sites[1], run_id)
        assert first.seen == await all_of(run_id, sites, person)
