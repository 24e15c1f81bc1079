"""Long-term memory: written after an answer, of one person, team and agent, given to the model, and forgotten at once."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from apps.accounts.authentication import principal_from_bearer
from apps.opie import rows
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine.branches import branch_off
from apps.opie.models import Agent, AgentMember, AgentOSError, AgentOSMemory, AgentOSMessage, AgentOSUsage, AIPlatform
from apps.opie.models.agents import AgentKind
from tests.opie.engine.conftest import Asks
from tests.opie.engine.scripted import Script, Tool
from tests.opie.engine.test_history import set_up
from tests.opie.engine.working import work_off
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call

TEA = Tool("add_memory", {"memory": "Likes green tea", "topics": ["drinks"]})


@pytest.fixture
def agent(agents: dict[str, Agent]) -> Agent:
    set_up(agents["scripted"], memory=True)
    return agents["scripted"]


def memories() -> list[tuple[str, str | None, str]]:
    found = AgentOSMemory.objects.select_related("agent", "user").order_by("id")
    return [(one.memory, one.agent.agent_id if one.agent else None, one.user.email) for one in found]


def instructions(script: Script) -> str:
    return next(message.get_content_string() for message in script.heard[-1] if message.role == "system")


async def told(ask: Asks, person: Person, text: str = "Hello", agent: str = "scripted") -> Any:
    return await (await ask(person, text, agent)).result()


async def test_what_a_person_says_about_themselves_is_known_in_the_next_session(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    script.will(["Noted."], [TEA], ["Done."])
    run = await told(ask, person, "I like green tea.")
    assert run.content == "Noted."
    assert len(script.heard) == 1, "nobody waits for it"
    await work_off()
    assert await rows.run(memories) == [("Likes green tea", "scripted", person.user.email)]
    memory = await rows.run(AgentOSMemory.objects.get)
    assert (memory.topics, memory.input) == (["drinks"], "I like green tea.")
    calls = await rows.run(lambda: list(AgentOSUsage.objects.filter(purpose="memory")))
    assert [(one.outcome, one.run_id, one.session_id) for one in calls] == [("succeeded", None, run.session_id)] * 2
    assert calls[0].agent_id == agent.pk

    script.will(["Tea, then."])
    await told(ask, person, "What shall I drink?")
    assert "Likes green tea" in instructions(script)


async def test_a_memory_is_changed_and_taken_back_by_the_agent(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    memory = await rows.run(_kept, person, agent, "Likes tea")
    script.will(["Fine."], [Tool("update_memory", {"memory_id": str(memory.pk), "memory": "Likes coffee"})], ["Done."])
    await told(ask, person, "I drink coffee now.")
    await work_off()
    assert [text for text, *_ in await rows.run(memories)] == ["Likes coffee"]
    assert "Likes tea" in script.heard[1][0].get_content_string(), "it is shown what is known already"
    script.will(["Fine."], [Tool("delete_memory", {"memory_id": str(memory.pk)})], ["Done."])
    await told(ask, person, "Forget what I drink.")
    await work_off()
    assert await rows.run(memories) == []


async def test_what_is_forgotten_over_rest_is_unknown_to_the_next_answer(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    memory = await rows.run(_kept, person, agent, "Likes tea")
    await told(ask, person)
    assert "Likes tea" in instructions(script)
    one = f"agentos/memories/{memory.pk}/"
    assert (await rows.run(call, "PATCH", one, {"memory": "Likes cocoa"}, person.headers)).status_code == 200
    await told(ask, person)
    assert "Likes cocoa" in instructions(script)
    assert (await rows.run(call, "DELETE", one, None, person.headers)).status_code == 204
    await told(ask, person)
    assert "Likes" not in instructions(script)


async def test_memories_are_of_one_person_and_one_agent(
    ask: Asks, person: Person, member: Person, agent: Agent, agents: dict[str, Agent], script: Script
) -> None:
    def write() -> tuple[AgentOSMemory, AgentOSMemory]:
        other = Agent.objects.create(
            agent_id="other", name="Other", owner=person.user, team=person.team, visibility="team", status="published",
            memory=True,
        )  # fmt: skip
        other.models.create(platform=AIPlatform.objects.get(platform_name="scripted"), position=0)
        return _kept(person, other, "Told to another agent"), _kept(member, agent, "Of another person")

    of_other_agent, of_other_person = await rows.run(write)
    await told(ask, person)
    assert "Told to another" not in instructions(script)
    assert "Of another person" not in instructions(script)
    await told(ask, person, agent="other")
    assert "Told to another agent" in instructions(script)
    # Nor does a model reach them that names their ids.
    for memory in (of_other_agent, of_other_person):
        script.will(["Fine."], [Tool("update_memory", {"memory_id": str(memory.pk), "memory": "Taken"})], ["."])
        await told(ask, person)
        await work_off()
        script.will(["Fine."], [Tool("delete_memory", {"memory_id": str(memory.pk)})], ["."])
        await told(ask, person)
        await work_off()
    assert sorted(text for text, *_ in await rows.run(memories)) == ["Of another person", "Told to another agent"]


async def test_nothing_is_remembered_or_told_where_others_speak_through_a_person(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    def marked() -> UUID:
        return AgentOSService(person.principal).create_session("scripted", speaks_for_others=True).pk

    def branched(session_id: UUID) -> UUID:
        answer = AgentOSMessage.objects.get(session=session_id, is_answer=True)
        return branch_off(person.principal, session_id, answer.pk).pk

    def with_a_key() -> Person:
        _, headers = make_key(person, "run_agents", "view_agents", "verify_customers")
        return replace(person, principal=principal_from_bearer(headers["Authorization"].split()[1]))

    await rows.run(_kept, person, agent, "Likes tea")
    session_id = await rows.run(marked)
    await (await ask(person, "I like green tea.", session_id=session_id)).result()
    await (await ask(person, "Still.", session_id=await rows.run(branched, session_id))).result()
    await told(ask, await rows.run(with_a_key), "I like green tea.")
    await work_off()
    assert len(script.heard) == 3, "no model is asked what to note"
    assert "Likes tea" not in str(script.heard)
    assert await rows.run(memories) == [("Likes tea", "scripted", person.user.email)]


async def test_an_agent_without_memory_writes_and_is_told_nothing(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    await rows.run(_kept, person, agent, "Likes tea")
    await rows.run(set_up, agent, memory=False)
    await told(ask, person, "I like coffee, too.")
    await work_off()
    assert len(script.heard) == 1
    assert "Likes tea" not in instructions(script)


async def test_a_team_remembers(ask: Asks, person: Person, agent: Agent, script: Script) -> None:
    def as_team() -> None:
        set_up(agent, kind=AgentKind.TEAM)
        scout = Agent.objects.create(
            agent_id="scout", name="Scout", owner=agent.owner, team=agent.team, visibility="team", status="published"
        )
        scout.models.create(platform=AIPlatform.objects.get(platform_name="scripted"), position=0)
        AgentMember.objects.create(agent=agent, member=scout, position=0)

    await rows.run(as_team)
    script.will(["Noted."], [TEA], ["Done."])
    await told(ask, person, "I like green tea.")
    await work_off()
    assert await rows.run(memories) == [("Likes green tea", "scripted", person.user.email)]
    await told(ask, person, "What shall I drink?")
    assert "Likes green tea" in instructions(script)


async def test_the_offline_responder_remembers_nothing(ask: Asks, person: Person, agents: dict[str, Agent]) -> None:
    await rows.run(set_up, agents["helper"], memory=True)
    await told(ask, person, "I like tea.", "helper")
    await work_off()
    assert await rows.run(memories) == []
    assert not await rows.run(AgentOSUsage.objects.filter(purpose="memory").exists)


async def test_a_failure_is_noted_and_the_answer_stands(
    ask: Asks, person: Person, agent: Agent, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.will(["Noted."], [ValueError("broken")])
    run = await told(ask, person, "I like tea.")
    assert run.status == "completed"
    await work_off()
    error = await rows.run(AgentOSError.objects.get)
    assert (error.place, error.agent_id) == ("memory", agent.pk)
    assert await rows.run(memories) == []


def _kept(person: Person, agent: Agent, text: str) -> AgentOSMemory:
    return AgentOSMemory.objects.create(user=person.user, team=person.team, agent=agent, memory=text)
