"""What of a conversation a model is given: what it heard, what is kept about it, and what it costs to read."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper

from apps.opie import rows
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine.opening import Ask
from apps.opie.models import Agent, AgentMember, AgentOSRun, AgentOSSession, AgentOSSummary, AIPlatform
from apps.opie.models.agents import AgentKind
from tests.opie.engine.conftest import Asks
from tests.opie.engine.conversations import Conversation, conversation
from tests.opie.engine.scripted import Script, Tool
from tests.opie.people import Person
from tests.opie.rest.caller import call


@pytest.fixture
def agent(agents: dict[str, Agent]) -> Agent:
    return agents["scripted"]


def set_up(agent: Agent, **values: Any) -> None:
    for name, value in values.items():
        setattr(agent, name, value)
    agent.save()


def heard(script: Script, call: int = -1) -> list[str]:
    """What the model was given beside its instructions."""
    return [
        message.get_content_string() or f"calls {[one['function']['name'] for one in message.tool_calls or []]}"
        for message in script.heard[call]
        if message.role != "system"
    ]


async def asked(ask: Asks, person: Person, of: Conversation, text: str = "And now?") -> AgentOSRun:
    turn = await ask(person, text, session_id=of.session.pk)
    await turn.result()
    return await rows.run(AgentOSRun.objects.get, pk=turn.run_id)


async def test_the_newest_messages_are_sent_and_what_is_left_out_is_said(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    await rows.run(set_up, agent, history_length=4)
    talk = await rows.run(conversation, person, agent, 6)
    run = await asked(ask, person, talk)
    assert heard(script) == ["question 5", "answer 5", "question 6", "answer 6", "And now?"]
    assert run.context == {
        "messages_sent": 4, "messages_left_out": 8, "estimated_tokens": run.context["estimated_tokens"],
        "summary_id": None, "first_message_id": str(talk.rows[8].pk),
    }  # fmt: skip
    assert 0 < run.context["estimated_tokens"] < 40
    again = await asked(ask, person, talk, "And then?")
    assert heard(script) == ["question 6", "answer 6", "And now?", "Hello there.", "And then?"]
    assert (again.context["messages_sent"], again.context["messages_left_out"]) == (4, 10)


async def test_history_is_not_stored_a_second_time(ask: Asks, person: Person, agent: Agent, script: Script) -> None:
    talk = await rows.run(conversation, person, agent, 3)
    run = await asked(ask, person, talk)
    assert await rows.run(lambda: list(run.messages.order_by("number").values_list("content", flat=True))) == [
        "And now?", "Hello there.",
    ]  # fmt: skip
    assert (await rows.run(AgentOSSession.objects.get, pk=talk.session.pk)).message_count == 8


async def test_agents_of_short_memory(ask: Asks, person: Person, agent: Agent, script: Script) -> None:
    talk = await rows.run(conversation, person, agent, 3)
    await rows.run(set_up, agent, history_length=0)
    run = await asked(ask, person, talk)
    assert heard(script) == ["And now?"]
    assert (run.context["messages_sent"], run.context["messages_left_out"]) == (0, 6)
    await rows.run(set_up, agent, history_length=10, history_tokens=0)
    await asked(ask, person, talk, "And?")
    assert heard(script) == ["And?"]
    # Half a turn is not sent.
    await rows.run(set_up, agent, history_length=3, history_tokens=1000)
    await asked(ask, person, talk, "Next?")
    assert heard(script) == ["And?", "Hello there.", "Next?"]


@pytest.mark.parametrize(
    ("length", "sent"),
    [
        (8, ["first", "1st", "sum?", "calls ['calculate']", "2", "It is 2.", "thanks", "welcome"]),
        (7, ["sum?", "calls ['calculate']", "2", "It is 2.", "thanks", "welcome"]),
        (6, ["sum?", "calls ['calculate']", "2", "It is 2.", "thanks", "welcome"]),
        # The round of the tool does not fit: question and answer do.
        (5, ["sum?", "It is 2.", "thanks", "welcome"]),
        (4, ["sum?", "It is 2.", "thanks", "welcome"]),
        (3, ["thanks", "welcome"]),
    ],
)
async def test_a_call_of_a_tool_is_never_torn_from_its_result(
    ask: Asks, person: Person, agent: Agent, script: Script, length: int, sent: list[str]
) -> None:
    await rows.run(set_up, agent, history_length=length)

    def write() -> Conversation:
        talk = conversation(person, agent)
        talk.turn("first", "1st")
        talk.turn("sum?", "It is 2.", tools=["2"])
        talk.turn("thanks", "welcome")
        talk.save()
        return talk

    run = await asked(ask, person, await rows.run(write))
    assert heard(script) == [*sent, "And now?"]
    calls = [call["id"] for message in script.heard[-1] for call in message.tool_calls or []]
    assert calls == [message.tool_call_id for message in script.heard[-1] if message.role == "tool"]
    assert run.context["messages_left_out"] == 8 - len(sent)


async def test_a_round_of_tools_of_a_real_turn_is_history(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    script.will([Tool("calculate", {"expression": "1+1"})], ["It is 2."], ["Yes."])
    turn = await ask(person, "sum?")
    await turn.result()
    await (await ask(person, "Sure?", session_id=turn.session_id)).result()
    assert heard(script) == ["sum?", "calls ['calculate']", "2", "It is 2.", "Sure?"]


async def test_no_more_tokens_than_the_agent_has_for_history(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    await rows.run(set_up, agent, history_tokens=300)

    def write() -> Conversation:
        talk = conversation(person, agent)
        for number in range(1, 5):
            talk.turn(f"question {number}", f"{number}" * 500)
        talk.save()
        return talk

    run = await asked(ask, person, await rows.run(write))
    assert [text[:10] for text in heard(script)] == ["question 3", "3333333333", "question 4", "4444444444", "And now?"]
    assert 250 < run.context["estimated_tokens"] <= 300
    assert run.context["messages_left_out"] == 4


async def test_one_long_text_does_not_cost_the_model_everything(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    await rows.run(set_up, agent, history_tokens=500)

    def write() -> Conversation:
        talk = conversation(person, agent, 2)
        talk.turn("Beginning " + "x" * 50_000 + " end", "A long text.")
        talk.save()
        return talk

    run = await asked(ask, person, await rows.run(write))
    pasted, answer, question = heard(script)
    assert pasted.startswith("Beginning xxx")
    assert pasted.endswith("xxx end")
    assert " characters left out …]" in pasted
    assert (answer, question) == ("A long text.", "And now?")
    assert run.context["shortened"] is True
    assert run.context["estimated_tokens"] <= 500


async def test_what_was_stopped_is_history_and_what_failed_is_not(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    def write() -> Conversation:
        talk = conversation(person, agent)
        talk.turn("tell", "Once upon", status="cancelled", tools=["half a round"])
        talk.turn("break", "a time", status="interrupted")
        talk.turn("stop", "", status="cancelled")
        message = "The answer broke off."
        talk.turn("nothing", message, status="interrupted", metadata={"error": {"code": "x", "message": message}})
        talk.turn("fail", "Something went wrong.", status="failed")
        talk.save()
        return talk

    run = await asked(ask, person, await rows.run(write), "Go on")
    assert heard(script) == ["tell", "Once upon", "break", "a time", "Go on"]
    assert (run.context["messages_sent"], run.context["messages_left_out"]) == (4, 8)


async def test_a_branch_knows_its_own_ancestors_only(ask: Asks, person: Person, agent: Agent, script: Script) -> None:
    service = AgentOSService(person.principal)
    first = await ask(person, "I like tea.")
    answer = await first.result()
    script.will(["Noted."])
    await (await ask(person, "And cake.", session_id=first.session_id)).result()
    assert heard(script) == ["I like tea.", "Hello there.", "And cake."]

    edited = await service.ask("scripted", Ask("I like coffee.", edit_of=await question_of(answer.run_id)))
    await edited.result()
    assert heard(script) == ["I like coffee."]
    await (await ask(person, "With milk.", session_id=first.session_id)).result()
    assert heard(script) == ["I like coffee.", "Noted.", "With milk."]
    again = await service.ask("scripted", Ask(regenerate_of=answer.message_id))
    await again.result()
    assert heard(script) == ["I like tea."]


async def question_of(run_id: Any) -> Any:
    return (await rows.run(AgentOSRun.objects.get, pk=run_id)).question_id


async def test_the_leader_of_a_team_knows_what_was_said(
    ask: Asks, person: Person, agents: dict[str, Agent], script: Script
) -> None:
    def of_a_team() -> Conversation:
        leader = agents["scripted"]
        set_up(leader, kind=AgentKind.TEAM, history_length=2)
        member = Agent.objects.create(
            agent_id="scout", name="Scout", owner=leader.owner, team=leader.team, visibility="team", status="published"
        )
        member.models.create(platform=AIPlatform.objects.get(platform_name="scripted"), position=0)
        AgentMember.objects.create(agent=leader, member=member, position=0)
        return conversation(person, leader, 4)

    run = await asked(ask, person, await rows.run(of_a_team))
    assert heard(script) == ["question 4", "answer 4", "And now?"]
    assert run.context["messages_left_out"] == 6


async def test_a_summary_stands_for_what_is_left_out_of_its_branches(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    await rows.run(set_up, agent, history_length=4)

    def summed_up(talk: Conversation, up_to: int, text: str) -> AgentOSSummary:
        return AgentOSSummary.objects.create(
            session=talk.session, up_to=talk.rows[up_to - 1], message_count=up_to, text=text
        )

    talk = await rows.run(conversation, person, agent, 8)
    await rows.run(summed_up, talk, 4, "They began.")
    newer = await rows.run(summed_up, talk, 8, "They spoke of tea.")
    run = await asked(ask, person, talk)
    first, *others = heard(script)
    assert "They spoke of tea." in first
    assert "They began." not in str(heard(script))
    assert first.endswith("question 7")
    assert others == ["answer 7", "question 8", "answer 8", "And now?"]
    assert run.context == run.context | {
        "messages_sent": 4, "messages_left_out": 12, "summary_id": str(newer.pk),
        "first_message_id": str(talk.rows[12].pk),
    }  # fmt: skip

    # One branch goes through both summaries, the other through the first alone.
    service = AgentOSService(person.principal)
    other = await service.ask("scripted", Ask("Back to the fifth", edit_of=talk.rows[12].pk))
    await other.result()
    assert heard(script)[0].endswith("question 5")
    assert "They spoke of tea." in heard(script)[0]
    assert heard(script)[1:] == ["answer 5", "question 6", "answer 6", "Back to the fifth"]
    early = await service.ask("scripted", Ask("Back to the fourth", edit_of=talk.rows[6].pk))
    await early.result()
    assert heard(script)[0].endswith("question 2")
    assert "They began." in heard(script)[0]
    assert "tea" not in str(heard(script))


async def test_a_summary_is_not_sent_where_nothing_is_left_out(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    talk = await rows.run(conversation, person, agent, 3)
    await rows.run(
        lambda: AgentOSSummary.objects.create(session=talk.session, up_to=talk.rows[1], message_count=2, text="Short.")
    )
    run = await asked(ask, person, talk)
    assert heard(script)[0] == "question 1"
    assert run.context["summary_id"] is None


async def test_the_context_is_shown_with_the_run(ask: Asks, person: Person, agent: Agent, script: Script) -> None:
    talk = await rows.run(conversation, person, agent, 7)
    run = await asked(ask, person, talk)
    shown = (await rows.run(call, "GET", f"agentos/runs/{run.pk}/", None, person.headers)).json()
    assert shown["context"] == run.context | {"summary": None}
    assert shown["context"]["messages_left_out"] == 4


# Written and read once in a while, whatever a turn does.
BY_THE_CLOCK = ("pg_notify", "opie_runeventbatch", "opie_platformhealth", 'heartbeat_at" = ', "FOR NO KEY UPDATE OF")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement of every thread, until the end."""
    seen: list[str] = []
    lock, execute = threading.Lock(), CursorWrapper.execute

    def noting(self: Any, sql: Any, params: Any = None) -> Any:
        with lock:
            seen.append(str(sql))
        return execute(self, sql, params)

    CursorWrapper.execute = noting  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        CursorWrapper.execute = execute  # type: ignore[method-assign]


async def test_a_turn_asks_the_database_as_often_at_the_300th_as_at_the_10th(
    ask: Asks, person: Person, agent: Agent, script: Script
) -> None:
    await rows.run(set_up, agent, summarize_history=False)
    counted = []
    for turns in (10, 300):
        talk = await rows.run(conversation, person, agent, turns)
        await asked(ask, person, talk, "Warm up")
        with statements() as seen:
            turn = await ask(person, "Once more", session_id=talk.session.pk)
            await turn.result()
        counted.append(
            Counter(" ".join(sql.split())[:80] for sql in seen if not any(one in sql for one in BY_THE_CLOCK))
        )
        assert len([sql for sql in seen if "RECURSIVE" in sql]) == 1
        assert len(script.heard[-1]) == len(script.heard[0])
    assert counted[0] == counted[1]
