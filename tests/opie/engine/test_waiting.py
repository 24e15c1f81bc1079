"""Runs that wait for a person's yes: what is in the rows, what the model reads, and what runs afterwards."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from apps.accounts.models import Membership, Role
from apps.opie import rows
from apps.opie.engine import approvals, waiting
from apps.opie.engine import turn as turns
from apps.opie.engine.approvals import Answer
from apps.opie.engine.continuing import continue_run
from apps.opie.engine.outcome import RunResult, result_of_run
from apps.opie.engine.turn import Turn
from apps.opie.models import (
    Agent,
    AgentOSApproval,
    AgentOSMessage,
    AgentOSPerformance,
    AgentOSRun,
    AgentOSSession,
    AgentOSUsage,
)
from apps.opie.models.agents import AgentKind
from apps.opie.models.runs import RunStatus
from tests.opie.engine.conftest import Asks, all_events
from tests.opie.engine.scripted import Script, Tool
from tests.opie.people import Person

RENAME = Tool("rename_this_chat", {"title": "Plans"})


def set_rules(agent_id: str, **fields: Any) -> None:
    Agent.objects.filter(agent_id=agent_id).update(**fields)


@pytest.fixture
def careful(agents: dict[str, Agent]) -> Agent:
    """`scripted`, which renames a chat only when somebody agrees, and calculates freely."""
    set_rules("scripted", tools=["rename_this_chat", "calculate"], approvals={"rename_this_chat": {}})
    return agents["scripted"]


async def asked_for(run_id: UUID) -> list[AgentOSApproval]:
    return await rows.run(approvals.of_run, run_id)


async def decide(person: Person, approval: AgentOSApproval, answer: Answer, **what: Any) -> bool:
    decided = await rows.run(approvals.decide, person.principal, approval.pk, answer, **what)
    return decided.is_last


async def go_on(turn: Turn) -> RunResult:
    """The run taken up by whoever decided last, to its end (or until it waits again)."""
    continued = await continue_run(turn.run_id)
    assert continued is not None
    return await continued.result()


def title_of(turn: Turn) -> str:
    return AgentOSSession.objects.get(pk=turn.session_id).title


def said(turn: Turn) -> list[AgentOSMessage]:
    return list(AgentOSMessage.objects.filter(session=turn.session_id).order_by("number"))


def run_of(turn: Turn) -> AgentOSRun:
    return AgentOSRun.objects.get(pk=turn.run_id)


async def test_a_yes_runs_the_tool_and_the_answer_is_one(
    ask: Asks, person: Person, careful: Agent, script: Script
) -> None:
    script.will(["Let me rename it.", RENAME], ["It has a name now."])
    turn = await ask(person, "Name this chat")
    result = await turn.result()
    assert result.status == RunStatus.WAITING
    assert result.content == "Let me rename it."
    (approval,) = await asked_for(turn.run_id)
    assert result.approvals is not None
    assert [one["approval_id"] for one in result.approvals] == [str(approval.pk)]
    assert (approval.tool_name, approval.arguments, approval.by) == ("rename_this_chat", {"title": "Plans"}, "person")
    run = await rows.run(run_of, turn)
    assert (run.status, run.finished_at) == ("waiting", None)
    assert await rows.run(title_of, turn) == "Name this chat", "nothing has run yet"
    assert await continue_run(turn.run_id) is None, "it waits"

    assert await decide(person, approval, "approve")
    result = await go_on(turn)
    assert result.status == RunStatus.COMPLETED
    assert result.content == "Let me rename it.\n\nIt has a name now."
    assert await rows.run(title_of, turn) == "Plans"
    (tool,) = result.tools
    assert (tool["name"], tool["failed"], tool["arguments"]) == ("rename_this_chat", False, {"title": "Plans"})
    messages = await rows.run(said, turn)
    assert [message.role for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert await rows.run(AgentOSUsage.objects.filter(run_id=turn.run_id, outcome="succeeded").count) == 2
    run = await rows.run(run_of, turn)
    assert run.paused_state is None
    live = await all_events(turn)
    assert [event.number for event in live] == list(range(1, len(live) + 1))
    kinds = [event.type for event in live if event.type != "message.delta"]
    assert kinds == [
        "run.started", "approval.required", "approval.decided", "tool.started", "tool.finished", "run.finished",
    ]  # fmt: skip
    assert "".join(event.data["text"] for event in live if event.type == "message.delta") == result.content


async def test_a_no_is_told_to_the_model(ask: Asks, person: Person, careful: Agent, script: Script) -> None:
    script.will([RENAME], ["As you like."])
    turn = await ask(person, "Name this chat")
    await turn.result()
    (approval,) = await asked_for(turn.run_id)
    await decide(person, approval, "reject", note="I like it as it is.")
    result = await go_on(turn)
    assert (result.status, result.content) == (RunStatus.COMPLETED, "As you like.")
    told = [message for message in script.heard[-1] if message.role == "tool"]
    assert [message.content for message in told] == ["A person did not allow this call. I like it as it is."]
    assert told[0].tool_call_id == approval.tool_call_id
    assert await rows.run(title_of, turn) == "Name this chat"
    assert result.tools[0]["failed"] is True
    finished = [event.data for event in await all_events(turn) if event.type == "tool.finished"]
    assert [(data["failed"], data["result"]) for data in finished] == [(True, told[0].content)]


async def test_changed_arguments_are_what_runs_and_what_the_model_reads(
    ask: Asks, person: Person, careful: Agent, script: Script
) -> None:
    script.will([RENAME], ["Done."])
    turn = await ask(person, "Name this chat")
    await turn.result()
    (approval,) = await asked_for(turn.run_id)
    await decide(person, approval, "approve", arguments={"title": "Budget"})
    result = await go_on(turn)
    assert await rows.run(title_of, turn) == "Budget"
    assert result.tools[0]["arguments"] == {"title": "Budget"}
    (asked,) = [message for message in script.heard[-1] if message.tool_calls]
    assert asked.tool_calls is not None
    assert asked.tool_calls[0]["function"]["arguments"] == '{"title": "Budget"}'
    (approval,) = await asked_for(turn.run_id)
    assert (approval.arguments, approval.changed_arguments) == ({"title": "Plans"}, {"title": "Budget"})


async def test_several_at_once_some_allowed_some_not_and_one_that_needs_nobody(
    ask: Asks, person: Person, careful: Agent, script: Script
) -> None:
    other = Tool("rename_this_chat", {"title": "Other"})
    script.will([RENAME, Tool("calculate", {"expression": "17 * 23"}), other], ["All told."])
    turn = await ask(person, "Name this chat")
    waits = await turn.result()
    assert [tool["name"] for tool in waits.tools] == ["calculate"]
    first, second = await asked_for(turn.run_id)
    assert not await decide(person, second, "approve")
    assert await continue_run(turn.run_id) is None
    assert await decide(person, first, "reject")
    result = await go_on(turn)
    assert result.status == RunStatus.COMPLETED
    assert await rows.run(title_of, turn) == "Other"
    results = {message.tool_call_id: message.content for message in script.heard[-1] if message.role == "tool"}
    assert len(results) == 3
    assert results[first.tool_call_id] == "A person did not allow this call."
    assert "Other" in str(results[second.tool_call_id])
    assert "391" in results.values()
    assert {tool["arguments"].get("title"): tool["failed"] for tool in result.tools} == {
        "Plans": True, None: False, "Other": False,
    }  # fmt: skip


async def test_a_run_can_wait_again(ask: Asks, person: Person, careful: Agent, script: Script) -> None:
    script.will([RENAME], [Tool("rename_this_chat", {"title": "Better"})], ["Twice."])
    turn = await ask(person, "Name this chat")
    await turn.result()
    (first,) = await asked_for(turn.run_id)
    await decide(person, first, "approve")
    again = await go_on(turn)
    assert again.status == RunStatus.WAITING
    assert again.approvals is not None
    assert [one["arguments"] for one in again.approvals] == [{"title": "Better"}]
    assert await rows.run(title_of, turn) == "Plans"
    _, second = await asked_for(turn.run_id)
    await decide(person, second, "approve")
    result = await go_on(turn)
    assert (result.status, result.content) == (RunStatus.COMPLETED, "Twice.")
    assert await rows.run(title_of, turn) == "Better"
    assert [tool["arguments"]["title"] for tool in result.tools] == ["Plans", "Better"]
    assert [message.role for message in await rows.run(said, turn)] == [
        "user", "assistant", "tool", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert await rows.run(AgentOSPerformance.objects.filter(run_id=turn.run_id).count) == 1


async def test_what_the_model_reads_is_the_same_conversation(
    ask: Asks, person: Person, careful: Agent, script: Script
) -> None:
    first = await ask(person, "Remember seven")
    await first.result()
    script.will([RENAME], ["Seven."])
    turn = await ask(person, "Name this chat", session_id=first.session_id)
    await turn.result()
    before = [(message.role, message.get_content_string()) for message in script.heard[-1]]
    assert ("user", "Remember seven") in before
    (approval,) = await asked_for(turn.run_id)
    await decide(person, approval, "approve")
    await go_on(turn)
    after = [(message.role, message.get_content_string()) for message in script.heard[-1]]
    assert after[: len(before)] == before
    assert [role for role, _ in after[len(before) :]] == ["assistant", "tool"]


async def test_a_reader_stays_through_the_waiting(ask: Asks, person: Person, careful: Agent, script: Script) -> None:
    script.will([RENAME], ["Done."])
    turn = await ask(person, "Name this chat")
    seen: list[Any] = []
    async for batch in turn.events():
        seen += batch
        if batch[-1].type == "approval.required":
            (approval,) = await asked_for(turn.run_id)
            await decide(person, approval, "approve")
            assert await continue_run(turn.run_id) is not None
    assert [event.number for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].type == "run.finished"


async def test_nobodys_answer_is_told_to_the_model(ask: Asks, person: Person, careful: Agent, script: Script) -> None:
    script.will([RENAME], ["Then not."])
    turn = await ask(person, "Name this chat")
    await turn.result()
    (approval,) = await asked_for(turn.run_id)
    assert await rows.run(waiting.left_behind) == []
    assert await rows.run(approvals.expire, approval.expires_at) == [turn.run_id]
    assert await rows.run(waiting.left_behind) == [turn.run_id]
    result = await go_on(turn)
    assert (result.status, result.content) == (RunStatus.COMPLETED, "Then not.")
    assert script.heard[-1][-1].content == approvals.NOBODY_ANSWERED


async def test_stopping_a_run_that_waits(ask: Asks, person: Person, careful: Agent, script: Script) -> None:
    script.will(["I will.", Tool("calculate", {"expression": "1 + 1"}), RENAME])
    turn = await ask(person, "Name this chat")
    await turn.result()
    await turns.stop(person.principal, turn.run_id)
    (approval,) = await asked_for(turn.run_id)
    assert approval.status == "cancelled"
    result = await rows.run(result_of_run, turn.run_id)
    assert (result.status, result.content) == (RunStatus.CANCELLED, "I will.")
    assert [tool["result"] for tool in result.tools] == ["2"]
    assert (await all_events(turn))[-1].type == "run.cancelled"
    assert await continue_run(turn.run_id) is None


async def test_a_message_sent_meanwhile_waits_its_turn(
    ask: Asks, person: Person, careful: Agent, script: Script
) -> None:
    script.will([RENAME], ["Named."], ["And hello."])
    turn = await ask(person, "Name this chat")
    await turn.result()
    next_turn = await ask(person, "Hello", session_id=turn.session_id)
    assert not next_turn.may_begin
    (approval,) = await asked_for(turn.run_id)
    await decide(person, approval, "approve")
    assert (await go_on(turn)).content == "Named."
    assert (await next_turn.result()).content == "And hello."


def leave(person: Person) -> None:
    Membership.objects.filter(user=person.user).delete()


def become_viewer(person: Person) -> None:
    Membership.objects.filter(user=person.user).update(role=Role.VIEWER)


def suspend(person: Person) -> None:
    person.user.is_active = False
    person.user.save()


@pytest.mark.parametrize("shrink", [leave, become_viewer, suspend])
async def test_rights_that_have_shrunk_meanwhile(
    ask: Asks, person: Person, member: Person, careful: Agent, script: Script, shrink: Callable[[Person], None]
) -> None:
    await rows.run(set_rules, "scripted", approvals={"rename_this_chat": {"by": "manager"}})
    script.will(["Well.", RENAME], ["Done."])
    turn = await ask(member, "Name this chat")
    await turn.result()
    (approval,) = await asked_for(turn.run_id)
    await rows.run(shrink, member)
    assert await decide(person, approval, "approve")
    assert await continue_run(turn.run_id) is None
    result = await rows.run(result_of_run, turn.run_id)
    assert result.status == RunStatus.FAILED
    assert result.error is not None
    assert result.error["code"] == "not_allowed"
    assert result.content.startswith("Well.")
    assert await rows.run(title_of, turn) == "Name this chat"
    assert len(script.heard) == 1, "the model was not asked again"


async def test_an_agent_that_is_gone(ask: Asks, person: Person, careful: Agent, script: Script) -> None:
    script.will([RENAME])
    turn = await ask(person, "Name this chat")
    await turn.result()
    (approval,) = await asked_for(turn.run_id)
    await rows.run(set_rules, "scripted", status="withdrawn")
    await decide(person, approval, "approve")
    assert await continue_run(turn.run_id) is None
    result = await rows.run(result_of_run, turn.run_id)
    assert result.status == RunStatus.CANCELLED
    assert result.error is not None
    assert result.error["code"] == "agent_not_found"


async def test_a_tool_that_was_withdrawn_meanwhile(ask: Asks, person: Person, careful: Agent, script: Script) -> None:
    script.will([RENAME], ["I cannot."])
    turn = await ask(person, "Name this chat")
    await turn.result()
    (approval,) = await asked_for(turn.run_id)
    await rows.run(set_rules, "scripted", tools=[])
    await decide(person, approval, "approve")
    result = await go_on(turn)
    assert (result.status, result.content) == (RunStatus.COMPLETED, "I cannot.")
    assert "does not have this tool any more" in str(script.heard[-1][-1].content)
    assert await rows.run(title_of, turn) == "Name this chat"


async def test_only_those_roles_wait_that_the_rule_names(
    ask: Asks, person: Person, member: Person, careful: Agent, script: Script
) -> None:
    await rows.run(set_rules, "scripted", approvals={"rename_this_chat": {"by": "manager", "roles": ["member"]}})
    script.will([RENAME], ["Done."])
    turn = await ask(person, "Name this chat")
    assert (await turn.result()).status == RunStatus.COMPLETED
    script.will([RENAME], ["Done."])
    turn = await ask(member, "Name this chat")
    assert (await turn.result()).status == RunStatus.WAITING
    (approval,) = await asked_for(turn.run_id)
    assert approval.by == "manager"


async def test_a_team_waits_with_a_tool_of_its_own(
    ask: Asks, person: Person, careful: Agent, agents: dict[str, Agent], script: Script
) -> None:
    await rows.run(make_team_of, careful, agents["helper"])
    script.will([RENAME], [RENAME], ["The team is done."])
    turn = await ask(person, "Name this chat")
    assert (await turn.result()).status == RunStatus.WAITING
    (first,) = await asked_for(turn.run_id)
    await decide(person, first, "approve")
    assert (await go_on(turn)).status == RunStatus.WAITING
    _, second = await asked_for(turn.run_id)
    await decide(person, second, "reject")
    result = await go_on(turn)
    assert (result.status, result.content) == (RunStatus.COMPLETED, "The team is done.")
    assert await rows.run(title_of, turn) == "Plans"


def make_team_of(leader: Agent, member: Agent) -> None:
    Agent.objects.filter(pk=leader.pk).update(kind=AgentKind.TEAM)
    leader.members.create(member=member, position=0)
