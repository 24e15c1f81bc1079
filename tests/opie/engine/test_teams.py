"""Kinds of agent other than the plain one."""

from decimal import Decimal
from typing import Any

import pytest

from apps.api.errors import Conflict, Unavailable
from apps.opie import rows
from apps.opie.engine.builder import build
from apps.opie.engine.recorded import RecordedTeam
from apps.opie.models import Agent, AgentMember, AgentOSMessage, AgentOSUsage, AIPlatform
from apps.opie.models.agents import AgentKind
from apps.opie.models.runs import RunStatus
from tests.opie.engine.conftest import Asks, all_events
from tests.opie.engine.scripted import Script, Tool
from tests.opie.people import Person


def of_kind(agent_id: str, kind: str) -> Agent:
    Agent.objects.filter(agent_id=agent_id).update(kind=kind)
    return Agent.objects.with_parts().get(agent_id=agent_id)


@pytest.fixture
def squad(agents: dict[str, Agent]) -> Agent:
    """A team of agents, led by `scripted`, in which `scout` does the work."""
    leader = of_kind("scripted", AgentKind.TEAM)
    scout = Agent.objects.create(
        agent_id="scout", name="Scout", owner=leader.owner, team=leader.team, visibility="team", status="published"
    )
    scout.models.create(platform=AIPlatform.objects.get(platform_name="scripted"), position=0)
    AgentMember.objects.create(agent=leader, member=scout, position=0, role="Looks things up.")
    return leader


async def test_a_team_answers_as_one_run(ask: Asks, person: Person, squad: Agent, script: Script) -> None:
    script.will(
        [Tool("delegate_task_to_member", {"member_id": "scout", "task": "Find the number."})],
        ["The scout says seven."],
        ["It is seven."],
    )
    turn = await ask(person, "Which number?")
    live = await all_events(turn)
    result = await turn.result()
    assert result.status == RunStatus.COMPLETED
    assert "".join(e.data["text"] for e in live if e.type == "message.delta") == result.content == "It is seven."
    assert [tool["name"] for tool in result.tools] == ["delegate_task_to_member"]
    assert "seven" in result.tools[0]["result"]
    # The member's call is in the team's books too.
    assert await rows.run(AgentOSUsage.objects.filter(run_id=turn.run_id).count) == 3
    assert await rows.run(AgentOSMessage.objects.filter(run_id=turn.run_id, is_answer=True).count) == 1


async def test_a_team_answers_in_its_shape(ask: Asks, person: Person, squad: Agent, script: Script) -> None:
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    await rows.run(Agent.objects.filter(pk=squad.pk).update, output_schema=schema)
    script.will(
        [Tool("delegate_task_to_member", {"member_id": "scout", "task": "Find the number."})],
        ["The scout says seven."],
        ["It is seven."],
        ['{"number": 7}'],
    )
    result = await (await ask(person, "Which number?")).result()
    assert (result.status, result.content, result.shaped["output"]) == ("completed", '{"number": 7}', {"number": 7})
    assert "number" in script.heard[0][0].get_content_string()
    assert "integer" not in script.heard[1][0].get_content_string()


async def test_a_team_without_members_says_what_to_do(ask: Asks, person: Person, agents: Any) -> None:
    await rows.run(of_kind, "scripted", AgentKind.TEAM)
    with pytest.raises(Conflict) as refused:
        await ask(person)
    assert refused.value.code == "team_without_members"


async def test_a_workflow_is_not_offered_yet(ask: Asks, person: Person, agents: Any) -> None:
    await rows.run(of_kind, "scripted", AgentKind.WORKFLOW)
    with pytest.raises(Conflict) as refused:
        await ask(person)
    assert refused.value.code == "not_offered"


async def test_a_task_agent_answers(ask: Asks, person: Person, agents: Any) -> None:
    await rows.run(of_kind, "helper", AgentKind.TASK)
    result = await (await ask(person, "What is 5 * 5?", "helper")).result()
    assert "25" in result.content


def test_the_temperature_suits_the_kind(agents: dict[str, Agent], person: Person, script: Script) -> None:
    def temperature(agent: Agent) -> float | None:
        model: Any = build(Agent.objects.with_parts().get(pk=agent.pk), person.principal).model
        return float(model.candidates[0].temperature)

    assert temperature(agents["helper"]) == 0.8
    assert temperature(of_kind("helper", AgentKind.TASK)) == 0.3
    Agent.objects.filter(pk=agents["helper"].pk).update(temperature=Decimal("0"))
    assert temperature(agents["helper"]) == 0.0


def test_every_model_that_is_built_is_metered(squad: Agent, person: Person, script: Script) -> None:
    from apps.opie.providers.metered import MeteredModel

    built = build(Agent.objects.with_parts().get(pk=squad.pk), person.principal)
    assert isinstance(built, RecordedTeam)
    assert isinstance(built.model, MeteredModel)
    members: Any = built.members
    assert [type(member.model) for member in members] == [MeteredModel]


def test_without_a_platform_it_says_what_to_configure(agents: dict[str, Agent], person: Person) -> None:
    AIPlatform.objects.all().update(is_enabled=False)
    with pytest.raises(Unavailable, match="setup_platforms"):
        build(Agent.objects.with_parts().get(agent_id="helper"), person.principal)
