"""With three connections to the database, many open streams and busy tools leave room for everybody else."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from apps.opie import rows
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AIPlatform
from tests.opie.people import Person
from tests.opie.rest.web_process import web_processes
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

STREAMS = CALLS = 50
TWO_ROUNDS = 4


@pytest.fixture
def web_url(person: Person) -> Iterator[str]:
    with web_processes(DATABASE_POOL_SIZE="3") as [url]:
        yield url


async def open_stream(client: httpx.AsyncClient, opened: asyncio.Semaphore, seen: list[str]) -> None:
    """Read one answer from its first words on, until the test ends."""
    asked = {"agent_id": "scripted", "message": "Tell me a long story", "stream": True}
    async with client.stream("POST", "/api/v1/agentos/send-message/", json=asked) as answer:
        async for line in answer.aiter_lines():
            if line == "event: message.delta" and line not in seen:
                opened.release()
            seen.append(line)


async def use_tool(client: httpx.AsyncClient) -> dict[str, Any]:
    asked = {"agent_id": "helper", "message": "Find 'story' in my chats"}
    answer = await client.post("/api/v1/agentos/send-message/", json=asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def probe(client: httpx.AsyncClient, until: asyncio.Event) -> int:
    """Ask for two plain pages again and again; answers how many had come when it was told to end."""
    answered = 0
    while not until.is_set():
        for path in ("/health/live/", "/api/v1/agentos/sessions/"):
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            answered += not until.is_set()
        await asyncio.sleep(0.05)
    return answered


async def test_a_page_still_answers(agents: dict[str, Agent], person: Person, web_url: str) -> None:
    limits = httpx.Limits(max_connections=None)
    async with (
        VendorServer(pause=0.5).will(Reply(text="word " * 200)) as vendor,
        httpx.AsyncClient(
            base_url=web_url, headers=person.headers, timeout=20, limits=limits, trust_env=False
        ) as client,
    ):
        await rows.run(
            AIPlatform.objects.filter(platform_name="scripted").update, base_url=vendor.url + "/v1", api_key="sk-x"
        )
        opened, seen = asyncio.Semaphore(0), [list[str]() for _ in range(STREAMS)]
        streams = [asyncio.create_task(open_stream(client, opened, lines)) for lines in seen]
        try:
            for _ in streams:
                await asyncio.wait_for(opened.acquire(), 15)
            done = asyncio.Event()
            probing = asyncio.create_task(probe(client, done))
            answers = await asyncio.gather(*(use_tool(client) for _ in range(CALLS)))
            done.set()
            answered = await probing
            still_open = [stream for stream in streams if not stream.done()]
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)

    assert len(still_open) == STREAMS
    assert [[tool["failed"] for tool in body["tools"]] for body in answers] == [[False]] * CALLS
    # In between, not behind the calls: how long each took is measured by `make bench-streams`.
    assert answered >= TWO_ROUNDS
    assert await rows.run(AgentOSRun.objects.filter(status="completed").count) == CALLS
    assert await rows.run(AgentOSMessage.objects.filter(role="tool").count) == CALLS
