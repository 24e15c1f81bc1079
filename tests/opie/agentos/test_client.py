"""Agno's own client against AgentOS over a real socket, for what is let in; and the rows it leaves."""

from typing import Any

import httpx
import pytest
from agno.client import AgentOSClient
from agno.db.base import SessionType
from agno.utils.http import aclose_default_clients

from apps.opie import rows
from apps.opie.models import Agent, AgentOSMessage, AgentOSPerformance, AgentOSRun, AgentOSSession, AgentOSUsage
from apps.opie.models.agents import AgentStatus
from tests.opie.agentos.conftest import MakePerson, Person, make_agent
from tests.opie.agentos.serving import Serving


async def read(function: Any) -> Any:
    return await rows.run(function)


@pytest.fixture(autouse=True)
async def _close_agnos_clients() -> Any:
    yield
    await aclose_default_clients()


async def test_agents_are_those_served_to_the_caller(
    served: Serving, ann: Person, eve: Person, assistant: Agent, desk: Agent
) -> None:
    client = AgentOSClient(base_url=served.url)
    headers = await read(lambda: ann.headers)
    assert [agent.id for agent in await client.list_agents(headers=headers)] == ["assistant"]
    assert [team.id for team in await client.list_teams(headers=headers)] == ["desk"]
    assert (await client.aget_agent("assistant", headers=headers)).name == "Assistant"
    theirs = await read(lambda: eve.headers)
    assert await client.list_agents(headers=theirs) == []
    assert await client.list_teams(headers=theirs) == []


async def test_a_run_is_answered_and_recorded_once(served: Serving, ann: Person, assistant: Agent) -> None:
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: ann.headers)
    first = await client.run_agent("assistant", "hello there", headers=headers)
    assert first.content
    second = await client.run_agent("assistant", "and again", session_id=first.session_id, headers=headers)
    assert second.session_id == first.session_id

    runs = await read(lambda: list(AgentOSRun.objects.order_by("created_at")))
    assert [(str(run.pk), run.status, run.user_id) for run in runs] == [
        (first.run_id, "completed", ann.user.pk),
        (second.run_id, "completed", ann.user.pk),
    ]
    shown = await read(lambda: list(AgentOSMessage.objects.shown().order_by("number").values_list("role", "content")))
    assert shown == [
        ("user", "hello there"),
        ("assistant", first.content),
        ("user", "and again"),
        ("assistant", second.content),
    ]
    assert await read(AgentOSPerformance.objects.count) == 2
    assert await read(AgentOSUsage.objects.count) == 2


async def test_a_stream_carries_the_answer_and_no_system_prompt(served: Serving, ann: Person, assistant: Agent) -> None:
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: ann.headers)
    events = [event async for event in client.run_agent_stream("assistant", "hello", headers=headers)]
    assert events[0].event == "RunStarted"
    text = "".join(event.content for event in events if event.event == "RunContent")
    answer = await read(lambda: AgentOSMessage.objects.get(is_answer=True).content)
    assert text == answer
    assert "canary" not in str([event.to_dict() for event in events])
    whole = await client.run_agent("assistant", "hello", headers=headers)
    assert "canary" not in str(whole.to_dict())


async def test_a_team_answers(served: Serving, ann: Person, desk: Agent) -> None:
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: ann.headers)
    answer = await client.run_team("desk", "hello", headers=headers)
    assert answer.content
    run = await read(lambda: AgentOSRun.objects.get(parent=None))
    assert (str(run.pk), run.status, run.agent_id) == (answer.run_id, "completed", desk.pk)
    sessions = await client.get_sessions(session_type=SessionType.TEAM, headers=headers)
    assert [one.team_id for one in sessions.data] == ["desk"]


async def test_sessions_are_made_read_renamed_and_deleted(served: Serving, ann: Person, assistant: Agent) -> None:
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: ann.headers)
    made = await client.create_session(agent_id="assistant", session_name="Plans", headers=headers)
    assert (made.session_name, made.agent_id, made.user_id) == ("Plans", "assistant", str(ann.user.pk))
    answer = await client.run_agent("assistant", "hello", session_id=made.session_id, headers=headers)

    listed = await client.get_sessions(headers=headers)
    assert [(one.session_id, one.session_name) for one in listed.data] == [(made.session_id, "Plans")]
    assert listed.meta.total_count == 1
    detail = await client.get_session(made.session_id, headers=headers)
    assert [one["role"] for one in detail.chat_history] == ["user", "assistant"]
    assert detail.total_tokens
    runs = await client.get_session_runs(made.session_id, headers=headers)
    assert [run.run_id for run in runs] == [answer.run_id]
    one = await client.get_session_run(made.session_id, answer.run_id, headers=headers)
    assert (one.run_input, one.content) == ("hello", answer.content)
    previews = await client.aget_session_run_previews(made.session_id, headers=headers)
    assert [preview.run_id for preview in previews] == [answer.run_id]

    renamed = await client.rename_session(made.session_id, "Better plans", headers=headers)
    assert renamed.session_name == "Better plans"
    await client.delete_session(made.session_id, headers=headers)
    assert await read(AgentOSSession.objects.count) == 0


async def test_memories_are_kept_changed_and_forgotten(served: Serving, ann: Person, assistant: Agent) -> None:
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: ann.headers)
    user_id = str(ann.user.pk)
    made = await client.create_memory("Likes tea", user_id, topics=["drinks"], headers=headers)
    listed = await client.list_memories(headers=headers)
    assert [(one.memory_id, one.memory) for one in listed.data] == [(made.memory_id, "Likes tea")]
    changed = await client.update_memory(made.memory_id, "Likes coffee", user_id, headers=headers)
    assert changed.memory == "Likes coffee"
    assert (await client.get_memory(made.memory_id, headers=headers)).memory == "Likes coffee"
    assert await client.get_memory_topics(headers=headers) == []
    assert (await client.get_user_memory_stats(headers=headers)).data[0].total_memories == 1
    await client.delete_memory(made.memory_id, headers=headers)
    assert (await client.list_memories(headers=headers)).data == []


async def test_runs_of_an_agent_are_listed_read_and_cancelled(served: Serving, ann: Person, assistant: Agent) -> None:
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: ann.headers)
    answer = await client.run_agent("assistant", "hello", headers=headers)
    async with httpx.AsyncClient(base_url=served.url, headers=headers) as caller:
        where = f"/agents/assistant/runs?session_id={answer.session_id}"
        listed = await caller.get(where)
        assert [run["run_id"] for run in listed.json()] == [answer.run_id]
        one = await caller.get(f"/agents/assistant/runs/{answer.run_id}?session_id={answer.session_id}")
        assert one.json()["content"] == answer.content
    await client.cancel_agent_run("assistant", answer.run_id, headers=headers)
    assert (await read(lambda: AgentOSRun.objects.get(pk=answer.run_id))).status == "completed"


async def test_an_agent_made_changed_or_withdrawn_is_so_on_the_next_request(
    served: Serving, ann: Person, assistant: Agent
) -> None:
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: ann.headers)

    async def names() -> list[str | None]:
        return [agent.name for agent in await client.list_agents(headers=headers)]

    assert await names() == ["Assistant"]
    made = await read(lambda: make_agent(ann.team, ann.user, "second"))
    assert await names() == ["Assistant", "Second"]
    made.name = "Third"
    await read(made.save)
    assert await names() == ["Assistant", "Third"]
    made.status = AgentStatus.WITHDRAWN
    await read(made.save)
    assert await names() == ["Assistant"]
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        await client.run_agent("second", "hello", headers=headers)


async def test_a_viewer_looks_and_does_not_run(served: Serving, make_person: MakePerson, assistant: Agent) -> None:
    viewer = await read(lambda: make_person("vi", "viewer"))
    client, headers = AgentOSClient(base_url=served.url), await read(lambda: viewer.headers)
    assert [agent.id for agent in await client.list_agents(headers=headers)] == ["assistant"]
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        await client.run_agent("assistant", "hello", headers=headers)
    assert await read(AgentOSRun.objects.count) == 0
