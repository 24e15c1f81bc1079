"""Server-sent events as they are on the wire, and the connection that carries them."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.test import AsyncClient

from apps.accounts.models import Membership, Role, User
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.engine import turn as turns
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from tests.opie.engine.conftest import script
from tests.opie.engine.scripted import SILENCE, Script
from tests.opie.people import Person
from tests.opie.rest.web_process import web_processes

__all__ = ["script"]


@dataclass(frozen=True)
class Frame:
    id: int
    event: str
    data: dict[str, Any]


def frames_of(text: str) -> list[Frame]:
    """The frames of a stream, held to their form."""
    found = []
    for block in text.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        names = [line.partition(": ")[0] for line in block.split("\n")]
        assert names == ["id", "event", "data"], block
        number, event, data = (line.partition(": ")[2] for line in block.split("\n"))
        found.append(Frame(int(number), event, json.loads(data)))
    return found


def test_frames_over_a_real_socket(agents: Any, person: Person) -> None:
    with web_processes() as [url], httpx.Client(base_url=url, headers=person.headers, trust_env=False) as client:
        asked = {"agent_id": "helper", "message": "What is 17 * 23?", "stream": True}
        with client.stream("POST", "/api/v1/agentos/send-message/", json=asked) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-store"
            text = answer.read().decode()
        assert text.startswith(": connected\n\n")
        frames = frames_of(text)
        assert [frame.id for frame in frames] == list(range(1, len(frames) + 1))
        assert [frames[0].event, frames[1].event, frames[2].event] == ["run.started", "tool.started", "tool.finished"]
        run_id, session_id = frames[0].data["run_id"], frames[0].data["session_id"]
        assert {(frame.data["run_id"], frame.data["session_id"]) for frame in frames} == {(run_id, session_id)}
        last = frames[-1]
        said = "".join(frame.data["text"] for frame in frames if frame.event == "message.delta")
        assert (last.event, last.data["content"]) == ("run.finished", said)
        assert "391" in said

        run = f"/api/v1/agentos/runs/{run_id}/"
        found = client.get(run).json()
        assert {name: found[name] for name in last.data} == last.data
        assert frames_of(client.get(run + "events/").text) == frames
        middle = client.get(run + "events/", headers={"Last-Event-ID": "3"})
        assert frames_of(middle.text) == frames[3:]
        assert frames_of(client.get(run + "events/", headers={"Last-Event-ID": str(last.id)}).text) == []

        asked_by_header = {"agent_id": "helper", "message": "Hi", "session_id": session_id}
        streamed = client.post(
            "/api/v1/agentos/send-message/", json=asked_by_header, headers={"Accept": "text/event-stream"}
        )
        assert frames_of(streamed.text)[-1].data["session_id"] == session_id
        plain = client.post("/api/v1/agentos/send-message/", json=asked_by_header)
        assert plain.json()["content"] == frames_of(streamed.text)[-1].data["content"]


def test_a_platform_that_is_not_there_is_502_with_the_run(agents: Any, person: Person) -> None:
    from tests.opie.rest.caller import call, error_of

    answer = call("POST", "agentos/send-message/", {"agent_id": "broken", "message": "Hi"}, person.headers)
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (502, "platform_unreachable")
    read = call("GET", f"agentos/runs/{error['run_id']}/", None, person.headers).json()
    assert (read["status"], read["error"]["message"]) == ("failed", error["message"])
    kept = AgentOSMessage.objects.get(run_id=error["run_id"], is_answer=True)
    assert (kept.status, kept.content) == ("failed", error["message"])


@pytest.fixture
async def web() -> AsyncIterator[AsyncClient]:
    """The views in this loop; runs that a test leaves behind are stopped."""
    yield AsyncClient()
    left = list(turns._tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def open_stream(web: AsyncClient, person: Person, message: str = "Hi") -> Any:
    answer: Any = await web.post(
        "/api/v1/agentos/send-message/",
        json.dumps({"agent_id": "scripted", "message": message, "stream": True}),
        content_type="application/json",
        headers=person.headers,
    )
    assert answer.status_code == 200
    return aiter(answer.streaming_content)


async def test_a_silent_run_shows_that_it_lives(
    web: AsyncClient, agents: Any, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(sse, "RIGHTS_CHECKED_EVERY_SECONDS", 0.1)
    script.will([1.0, "At last."])
    pieces = [piece.decode() async for piece in await open_stream(web, person)]
    assert pieces.count(": still here\n\n") >= 2
    assert frames_of("".join(pieces))[-1].event == "run.finished"


async def test_a_reader_who_leaves_the_request_leaves_the_run(
    web: AsyncClient, agents: Any, person: Person, script: Script
) -> None:
    script.will(["One ", 0.3, "two."])
    stream = await open_stream(web, person)
    await anext(stream)
    await anext(stream)
    await stream.aclose()
    await asyncio.gather(*turns._tasks)
    kept = await rows.run(AgentOSMessage.objects.get, is_answer=True)
    assert (kept.status, kept.content) == ("complete", "One two.")


def suspend(person: Person) -> None:
    user = User.objects.get(pk=person.user.pk)
    user.is_active = False
    user.save()


def demote(person: Person) -> None:
    membership = Membership.objects.get(user=person.user)
    membership.role = Role.VIEWER
    membership.save()


@pytest.mark.parametrize("change", [suspend, demote])
async def test_an_open_stream_ends_with_the_right_to_read_it(
    web: AsyncClient, agents: Any, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    assert sse.RIGHTS_CHECKED_EVERY_SECONDS <= 5
    monkeypatch.setattr(sse, "RIGHTS_CHECKED_EVERY_SECONDS", 0.2)
    script.will(["A secret ", SILENCE])
    stream = await open_stream(web, person)
    await anext(stream)
    await rows.run(change, person)
    rest = await asyncio.wait_for(_all(stream), 20)
    assert "run.cancelled" not in rest
    run = await rows.run(AgentOSRun.objects.get)
    assert run.status == "running"  # the reader is sent away; the run is not stopped by that


async def _all(stream: Any) -> str:
    return "".join([piece.decode() async for piece in stream])


async def test_cancelling_over_rest(web: AsyncClient, agents: Any, person: Person, script: Script) -> None:
    script.will(["Half ", SILENCE])
    stream = await open_stream(web, person)
    await anext(stream)
    first = frames_of((await anext(stream)).decode())[0]
    cancelled = await web.post(
        f"/api/v1/agentos/runs/{first.data['run_id']}/cancel/", b"", "application/json", headers=person.headers
    )
    assert cancelled.status_code == 202
    frames = frames_of(await asyncio.wait_for(_all(stream), 20))
    assert (frames[-1].event, frames[-1].data["content"]) == ("run.cancelled", "Half ")
    again = await web.post(
        f"/api/v1/agentos/runs/{first.data['run_id']}/cancel/", b"", "application/json", headers=person.headers
    )
    assert (again.status_code, again.json()["status"]) == (202, "cancelled")


async def test_a_session_that_refuses_a_second_message(
    web: AsyncClient, agents: Any, person: Person, script: Script
) -> None:
    script.will(["Wait ", SILENCE])
    stream = await open_stream(web, person)
    await anext(stream)
    session_id = frames_of((await anext(stream)).decode())[0].data["session_id"]
    await rows.run(AgentOSSession.objects.filter(pk=session_id).update, when_busy="refuse")
    body = {"agent_id": "scripted", "message": "And?", "session_id": session_id}
    answer = await web.post(
        "/api/v1/agentos/send-message/", json.dumps(body), "application/json", headers=person.headers
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_busy")


async def test_an_agent_of_the_installation_serves_every_team(web: AsyncClient, agents: Any, stranger: Person) -> None:
    answer = await web.post(
        "/api/v1/agentos/send-message/",
        json.dumps({"agent_id": "assistant", "message": "What is 2 * 3?"}),
        "application/json",
        headers=stranger.headers,
    )
    assert "6" in answer.json()["content"]
    assert await rows.run(Agent.objects.filter(agent_id="assistant").count) == 1
