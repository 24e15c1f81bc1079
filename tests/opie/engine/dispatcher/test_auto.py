"""Messages to `auto`: whoever fits answers, and the session stays one with `auto`."""

from typing import Any
from uuid import UUID

import pytest

from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie import rows
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine import turn as turns
from apps.opie.engine.opening import Ask
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession, DispatchDecision
from apps.opie.models.agents import AgentKind, AgentStatus, AgentVisibility
from apps.opie.web.transcript import Answer, transcript_of
from tests.opie.engine.conftest import Asks, all_events
from tests.opie.people import Person

REVIEW = "Review this Python code for security issues"
LEGAL = "Is this liability clause in the contract legal?"
COOK = "What should I cook for eight people tonight?"

Agents = dict[str, Agent]


@pytest.fixture
def auto(choosable: Agents, agents: Agents) -> Agent:
    Agent.objects.filter(agent_id="assistant").update(capabilities=["GENERAL_ASSISTANCE"])
    return Agent.objects.create(
        agent_id="auto", name="Auto", kind=AgentKind.AUTO, visibility=AgentVisibility.PUBLIC,
        status=AgentStatus.PUBLISHED,
    )  # fmt: skip


async def run_of(turn: Any) -> AgentOSRun:
    return await rows.run(AgentOSRun.objects.select_related("agent", "session__agent").get, pk=turn.run_id)


async def who_answered(turn: Any) -> tuple[str, str]:
    """The agent that answered, and whose session it is."""
    await turn.result()
    run = await run_of(turn)
    assert run.agent is not None
    assert run.session is not None
    assert run.session.agent is not None
    return run.agent.agent_id, run.session.agent.agent_id


async def test_whoever_fits_answers_each_message(ask: Asks, person: Person, auto: Agent) -> None:
    first = await ask(person, REVIEW, "auto")
    assert await who_answered(first) == ("reviewer", "auto")
    second = await ask(person, LEGAL, "auto", first.session_id)
    assert await who_answered(second) == ("lawyer", "auto")
    assert second.session_id == first.session_id


async def test_readers_are_told_at_once_who_answers_and_why(ask: Asks, person: Person, auto: Agent) -> None:
    turn = await ask(person, REVIEW, "auto")
    started = next(event for event in await all_events(turn) if event.type == "run.started")
    assert started.data["agent_id"] == "reviewer"
    told = started.data["dispatched"]
    assert (told["agent_id"], told["agent_name"]) == ("reviewer", "Reviewer")
    assert "security issues" in told["why"]
    decision = await rows.run(DispatchDecision.objects.get, pk=UUID(told["decision_id"]))
    assert (decision.run_id, decision.chosen, decision.task) == (turn.run_id, "reviewer", REVIEW)


async def test_the_chat_shows_it_when_it_is_opened_again(ask: Asks, person: Person, auto: Agent) -> None:
    turn = await ask(person, REVIEW, "auto")
    await turn.result()
    session = await rows.run(AgentOSSession.objects.get, pk=turn.session_id)
    answer = (await rows.run(transcript_of, session)).items[-1]
    assert isinstance(answer, Answer)
    assert answer.agent_name == "Reviewer"
    assert "security issues" in answer.why


async def test_what_goes_on_stays_with_who_answered(ask: Asks, person: Person, auto: Agent) -> None:
    first = await ask(person, LEGAL, "auto")
    await first.result()
    second = await ask(person, "And now shorter, please", "auto", first.session_id)
    assert await who_answered(second) == ("lawyer", "auto")
    assert "goes on" in (await run_of(second)).input["dispatched"]["why"]


async def test_what_nobody_fits_the_assistant_answers_and_says_so(ask: Asks, person: Person, auto: Agent) -> None:
    first = await ask(person, COOK, "auto")
    assert await who_answered(first) == ("assistant", "auto")
    run = await run_of(first)
    assert "No specialist fits" in run.input["dispatched"]["why"]
    decision = await rows.run(DispatchDecision.objects.get, run=run)
    assert (decision.chosen, decision.score) == ("", None)
    # The assistant is nobody's follow-up: the next message finds who fits it.
    second = await ask(person, COOK, "auto", first.session_id)
    assert "No specialist fits" in (await run_of(second)).input["dispatched"]["why"]
    await second.result()


async def test_another_teams_agent_never_goes_on(ask: Asks, person: Person, auto: Agent) -> None:
    first = await ask(person, LEGAL, "auto")
    await first.result()
    await rows.run(Agent.objects.filter(agent_id="lawyer").update, status=AgentStatus.WITHDRAWN)
    second = await ask(person, "And now shorter, please", "auto", first.session_id)
    assert await who_answered(second) == ("assistant", "auto")


async def test_an_answer_is_tried_again_by_whoever_fits_its_question(ask: Asks, person: Person, auto: Agent) -> None:
    first = await ask(person, LEGAL, "auto")
    result = await first.result()
    again = await AgentOSService(person.principal).ask("auto", Ask(regenerate_of=result.message_id))
    assert await who_answered(again) == ("lawyer", "auto")
    question = await rows.run(AgentOSMessage.objects.get, run=first.run_id, role="user")
    edited = await AgentOSService(person.principal).ask("auto", Ask(REVIEW, edit_of=question.pk))
    assert await who_answered(edited) == ("reviewer", "auto")
    assert edited.session_id == first.session_id


async def test_what_waits_in_line_or_for_the_worker_keeps_its_choice(ask: Asks, person: Person, auto: Agent) -> None:
    service = AgentOSService(person.principal)
    turn = await service.ask("auto", Ask(REVIEW, in_background=True, on_its_own=True))
    await rows.run(Agent.objects.filter(agent_id="reviewer").update, capabilities=["LEGAL_REVIEW"])
    run = await run_of(turn)
    assert (run.status, run.agent and run.agent.agent_id) == ("pending", "reviewer")
    taken = await turns.take_up(turn.run_id)
    assert taken is not None
    started = next(event for event in await all_events(taken) if event.type == "run.started")
    assert started.data["dispatched"]["agent_id"] == "reviewer"


async def test_who_may_not_and_what_is_not_there(
    ask: Asks, viewer: Person, stranger: Person, person: Person, auto: Agent
) -> None:
    with pytest.raises(NotAllowed):
        await ask(viewer, REVIEW, "auto")
    turn = await ask(person, LEGAL, "auto")
    result = await turn.result()
    with pytest.raises(NotFound):
        await ask(stranger, REVIEW, "auto", turn.session_id)
    with pytest.raises(NotFound):
        await AgentOSService(stranger.principal).ask("auto", Ask(regenerate_of=result.message_id))
    with pytest.raises(InvalidInput):
        await AgentOSService(person.principal).ask("auto", Ask(" "))


async def test_without_an_agent_for_everything_nobody_is_guessed(ask: Asks, person: Person, auto: Agent) -> None:
    await rows.run(Agent.objects.filter(agent_id="assistant").delete)
    with pytest.raises(Conflict) as refused:
        await ask(person, COOK, "auto")
    assert refused.value.code == "no_agent_fits"
    assert not await rows.run(AgentOSRun.objects.exists)
