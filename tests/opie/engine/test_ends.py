"""Every way a run can end other than well, and what is left of it."""

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.api.errors import NotFound
from apps.opie import rows
from apps.opie.agentos.agent_rows import delete_agent
from apps.opie.engine import opening, queue, recording, settling, stream
from apps.opie.engine import turn as turns
from apps.opie.engine.opening import Ask
from apps.opie.engine.settling import Ending
from apps.opie.models import (
    Agent,
    AgentOSError,
    AgentOSMessage,
    AgentOSRun,
    AgentOSSession,
    AgentOSUsage,
    RunEventBatch,
)
from apps.opie.models.messages import MessageStatus
from apps.opie.models.runs import END_STATUSES, RunStatus
from apps.opie.models.usage import CallOutcome
from apps.opie.tools import registry
from tests.opie.engine.conftest import Asks, all_events, until
from tests.opie.engine.scripted import SILENCE, Script, Tool
from tests.opie.people import Person

SECRET = "canary-of-an-inside-path"


async def answer_of(turn: turns.Turn) -> AgentOSMessage:
    return await rows.run(AgentOSMessage.objects.get, run_id=turn.run_id, is_answer=True)


async def usage_of(turn: turns.Turn) -> AgentOSUsage:
    """The row of the last call: a platform that failed is asked a second time."""
    return await rows.run(lambda: AgentOSUsage.objects.filter(run_id=turn.run_id).latest("id"))


async def run_of(turn: turns.Turn) -> AgentOSRun:
    return await rows.run(AgentOSRun.objects.get, pk=turn.run_id)


async def test_a_platform_that_is_not_there(ask: Asks, person: Person) -> None:
    for times in (1, 2):
        turn = await ask(person, agent="broken")
        live = await all_events(turn)
        result = await turn.result()
        assert (result.status, live[-1].type) == (RunStatus.FAILED, "run.failed")
        assert result.error is not None
        assert live[-1].data["error"] == result.error
        assert result.error["code"] == "platform_unreachable"
        answer = await answer_of(turn)
        assert (answer.status, answer.content) == (MessageStatus.FAILED, result.error["message"])
        assert (await usage_of(turn)).outcome == CallOutcome.UNSENT
        assert "canary" not in str(live)
        error = await rows.run(AgentOSError.objects.get, code="platform_unreachable")
        assert (error.occurrences, error.last_run_id) == (times, turn.run_id)


async def test_a_fault_of_ours_is_told_without_its_insides(ask: Asks, person: Person, script: Script) -> None:
    def broken(*_: Any) -> None:
        raise KeyError(SECRET)

    script.next = broken  # type: ignore[method-assign] # not a platform's failure: a fault in the model's own code
    turn = await ask(person)
    live = await all_events(turn)
    assert live[-1].type == "run.failed"
    assert SECRET not in str([event.data for event in live])
    assert (await answer_of(turn)).status == MessageStatus.FAILED
    assert (await usage_of(turn)).outcome != CallOutcome.OPEN
    assert await rows.run(AgentOSError.objects.count) == 1


async def test_a_fault_in_the_agent_loop_is_told_without_its_insides(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> list[Any]:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr("apps.opie.engine.observer.Observer.observe", broken)
    turn = await ask(person)
    live = await all_events(turn)
    result = await turn.result()
    assert result.error == {"code": turns.GENERIC.code, "message": turns.GENERIC.message}
    assert SECRET not in str([event.data for event in live])
    error = await rows.run(AgentOSError.objects.get)
    assert "ZeroDivisionError" in error.detail


async def test_a_platform_that_breaks_off_leaves_what_it_said(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Half an ", RuntimeError(SECRET)])
    turn = await ask(person)
    live = await all_events(turn)
    assert live[-1].type == "run.interrupted"
    answer = await answer_of(turn)
    assert (answer.status, answer.content) == (MessageStatus.INTERRUPTED, "Half an ")
    assert (await usage_of(turn)).outcome == CallOutcome.INTERRUPTED
    assert live[-1].data["error"]["code"] == "platform_interrupted"
    assert SECRET not in str([event.data for event in live])


async def test_a_tool_that_raises_is_counted_and_the_agent_goes_on(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode() -> str:
        """Explode."""
        raise LookupError(SECRET)

    monkeypatch.setattr(registry, "TOOLS", dict(registry.TOOLS))
    registry.register_tool(explode, label="Explode")
    await rows.run(Agent.objects.filter(agent_id="scripted").update, tools=["explode"])
    script.will([Tool("explode", {})], ["I could not."])
    turn = await ask(person)
    live = await all_events(turn)
    result = await turn.result()
    assert (result.status, result.content) == (RunStatus.COMPLETED, "I could not.")
    assert [tool["failed"] for tool in result.tools] == [True]
    told = [message.get_content_string() for message in script.heard[-1]]
    assert SECRET not in str([event.data for event in live]) + str(told)
    error = await rows.run(AgentOSError.objects.get)
    assert (error.code, error.place, error.occurrences) == ("tool_failed", "explode", 1)


@pytest.mark.parametrize("words", [["Once ", "upon ", SILENCE], [SILENCE]], ids=["after-some-words", "silent"])
async def test_cancel_stops_a_silent_model(ask: Asks, person: Person, script: Script, words: list[Any]) -> None:
    script.will(words)
    turn = await ask(person)
    await until(turn, "message.delta" if len(words) > 1 else "run.started")
    # As another process does it: by the row alone.
    thread = threading.Thread(target=_request_cancel, args=(person, turn))
    thread.start()
    live = await asyncio.wait_for(all_events(turn), 10)
    thread.join()
    assert live[-1].type == "run.cancelled"
    answer = await answer_of(turn)
    assert (answer.status, answer.content) == (MessageStatus.CANCELLED, "Once upon " if len(words) > 1 else "")
    usage = await usage_of(turn)
    assert (usage.outcome, usage.finished_at is None) == (CallOutcome.CANCELLED, False)
    assert (await run_of(turn)).status == RunStatus.CANCELLED


def _request_cancel(person: Person, turn: turns.Turn) -> None:
    from django.db import connections

    queue.request_cancel(person.principal, turn.run_id)
    connections.close_all()


async def test_nobody_cancels_a_run_of_somebody_else(ask: Asks, person: Person, member: Person, script: Script) -> None:
    script.will([0.3, "Still here."])
    turn = await ask(person)
    with pytest.raises(NotFound):
        await rows.run(queue.request_cancel, member.principal, turn.run_id)
    assert (await turn.result()).status == RunStatus.COMPLETED


async def test_draining_waits_and_then_interrupts(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.will(["In ", 0.3, "time."], ["Too ", SILENCE])
    quick = await ask(person)
    await until(quick, "message.delta")
    slow = await ask(person)
    await until(slow, "message.delta")
    await turns.drain(0.5)
    assert (await quick.result()).status == RunStatus.COMPLETED
    result = await slow.result()
    assert (result.status, result.content) == (RunStatus.INTERRUPTED, "Too ")
    assert (await usage_of(slow)).outcome == CallOutcome.CANCELLED


async def test_a_session_deleted_meanwhile_takes_its_run_along(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Going, ", SILENCE], ["Staying, ", 1.0, "staying."])
    turn = await ask(person)
    await until(turn, "message.delta")
    other = await ask(person)
    await until(other, "message.delta")
    await rows.run(AgentOSSession.objects.filter(pk=turn.session_id).delete)
    live = await asyncio.wait_for(all_events(turn), 10)
    assert live[-1].type == "run.cancelled"
    with pytest.raises(NotFound):
        await turn.result()
    usage = await rows.run(AgentOSUsage.objects.get, run=None)
    assert (usage.outcome, usage.team_id) == (CallOutcome.CANCELLED, person.team.pk)
    # Another run of the same process never notices.
    assert (await other.result()).content == "Staying, staying."
    assert await rows.run(RunEventBatch.objects.filter(run_id=other.run_id).count) > 1


async def test_an_agent_withdrawn_or_changed_meanwhile_still_answers_as_it_was(
    ask: Asks, person: Person, script: Script
) -> None:
    script.will(["Half ", 0.3, "and half."])
    turn = await ask(person)
    await rows.run(Agent.objects.filter(agent_id="scripted").update, status="withdrawn", version=7)
    result = await turn.result()
    assert (result.status, result.content) == (RunStatus.COMPLETED, "Half and half.")
    assert (await run_of(turn)).agent_version == 1
    with pytest.raises(NotFound):
        await ask(person, session_id=turn.session_id)


async def test_an_agent_deleted_meanwhile_still_answers(ask: Asks, person: Person, script: Script) -> None:
    script.will([0.3, Tool("calculate", {"expression": "1 + 1"})], ["It is 2."])
    turn = await ask(person)
    await rows.run(delete_agent, person.principal, turn.agent)
    live = await all_events(turn)
    result = await turn.result()
    assert (result.status, result.agent_id) == (RunStatus.COMPLETED, "")
    assert live[-1].data["content"] == "It is 2."
    assert await rows.run(AgentOSUsage.objects.filter(run_id=turn.run_id, outcome=CallOutcome.SUCCEEDED).count) == 2


def test_an_agent_deleted_before_the_question_is_not_there(agents: Any, person: Person) -> None:
    agent = Agent.objects.get(agent_id="helper")
    Agent.objects.filter(pk=agent.pk).delete()
    with pytest.raises(NotFound) as refused:
        opening.open_turn(person.principal, agent, Ask("Hello"))
    assert refused.value.code == "agent_not_found"
    assert (AgentOSSession.objects.count(), AgentOSRun.objects.count()) == (0, 0)


def test_a_new_session_cannot_take_the_place_of_another(agents: Any, person: Person, stranger: Person) -> None:
    taken = AgentOSSession.objects.create(user=stranger.user, team=stranger.team)
    with pytest.raises(NotFound) as refused:
        opening.open_turn(person.principal, Agent.objects.get(agent_id="helper"), Ask("Hello", new_session_id=taken.pk))
    assert refused.value.code == "session_not_found"
    taken.refresh_from_db()
    assert (taken.user_id, taken.message_count) == (stranger.user.pk, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts=st.lists(st.sampled_from(sorted(END_STATUSES)), min_size=2, max_size=5))
def test_an_end_is_the_end(agents: Any, person: Person, attempts: list[str]) -> None:
    """Whatever is tried after a run has ended, in whatever order, changes nothing."""
    opened = opening.open_turn(person.principal, Agent.objects.get(agent_id="helper"), Ask("Hello"))
    answers = [
        settling.settle(opened.run_id, Ending(RunStatus(status), [_said(status)]), [], number)
        for number, status in enumerate(attempts, start=1)
    ]
    settling.interrupt(opened.run_id)
    queue.request_cancel(person.principal, opened.run_id)
    recording.beat({opened.run_id: [(50, "message.delta", {"text": "late"})]})
    run = AgentOSRun.objects.get(pk=opened.run_id)
    assert run.status == attempts[0]
    assert run.cancel_requested_at is None
    assert [answer is None for answer in answers] == [False] + [True] * (len(attempts) - 1)
    assert [row.content for row in run.messages.all()] == ["Hello", attempts[0]]
    assert run.event_batches.count() == 1


def _said(status: str) -> AgentOSMessage:
    return AgentOSMessage(role="assistant", content=status, is_answer=True)


async def test_a_run_unknown_to_the_rows_has_no_events(agents: Any) -> None:
    from uuid import uuid4

    assert [batch async for batch in stream.read_events(uuid4())] == []
