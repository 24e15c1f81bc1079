"""One turn, end to end: what is in the rows before, while and after an agent answers."""

from typing import Any

import pytest

from apps.opie import rows
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine.outcome import result_of_run
from apps.opie.models import AgentOSMessage, AgentOSPerformance, AgentOSRun, AgentOSUsage, RunEventBatch
from apps.opie.models.runs import RunStatus
from apps.opie.models.usage import CallOutcome
from tests.opie.engine.conftest import Asks, all_events
from tests.opie.engine.scripted import Script, Think, Tool
from tests.opie.people import Person


def said(run_id: Any) -> list[AgentOSMessage]:
    return list(AgentOSMessage.objects.filter(run_id=run_id).order_by("number"))


def events_in_rows(run_id: Any) -> list[tuple[int, str, dict[str, Any]]]:
    return [
        (number, kind, data)
        for batch in RunEventBatch.objects.filter(run_id=run_id).order_by("first_number")
        for number, kind, data in batch.events
    ]


async def test_a_plain_answer_is_all_in_the_rows(ask: Asks, person: Person) -> None:
    turn = await ask(person, "What can you do?", "helper")
    live = await all_events(turn)
    result = await turn.result()

    assert result.status == RunStatus.COMPLETED
    assert "".join(event.data["text"] for event in live if event.type == "message.delta") == result.content
    question, answer = await rows.run(said, turn.run_id)
    assert (question.role, question.content, question.number) == ("user", "What can you do?", 1)
    assert (answer.role, answer.content, answer.number, answer.is_answer) == ("assistant", result.content, 2, True)
    usage = await rows.run(AgentOSUsage.objects.get, run_id=turn.run_id)
    assert (usage.outcome, usage.platform_name, usage.cost) == (CallOutcome.SUCCEEDED, "offline", 0)
    assert usage.finished_at is not None
    performance = await rows.run(AgentOSPerformance.objects.get, run_id=turn.run_id)
    assert performance.duration_ms >= (performance.time_to_first_token_ms or 0)
    run = await rows.run(AgentOSRun.objects.get, pk=turn.run_id)
    assert run.finished_at is not None
    assert run.agent_version == 1


async def test_events_in_rows_are_the_live_ones_and_the_last_is_the_result(ask: Asks, person: Person) -> None:
    turn = await ask(person, "What is 17 * 23?", "helper")
    live = await all_events(turn)
    result = await turn.result()

    assert [event.number for event in live] == list(range(1, len(live) + 1))
    assert await rows.run(events_in_rows, turn.run_id) == [(e.number, e.type, e.data) for e in live]
    assert live[0].type == "run.started"
    assert live[-1].type == "run.finished"
    assert live[-1].data == result.as_json() == (await rows.run(result_of_run, turn.run_id)).as_json()


async def test_a_tool_round_is_kept_as_the_model_saw_it(ask: Asks, person: Person) -> None:
    turn = await ask(person, "What is 17 * 23?", "helper")
    live = await all_events(turn)
    result = await turn.result()

    question, asked, tool, answer = await rows.run(said, turn.run_id)
    assert [row.number for row in (question, asked, tool, answer)] == [1, 2, 3, 4]
    assert [(call["name"], call["arguments"]) for call in asked.tool_calls] == [
        ("calculate", {"expression": "17 * 23"})
    ]
    assert (tool.role, tool.content, tool.tool_failed) == ("tool", "391", False)
    assert tool.tool_call_id == asked.tool_calls[0]["id"]
    assert "391" in answer.content
    assert [row.is_answer for row in (question, asked, tool, answer)] == [False, False, False, True]
    started = next(event for event in live if event.type == "tool.started")
    finished = next(event for event in live if event.type == "tool.finished")
    assert started.data["tool_call_id"] == finished.data["tool_call_id"] == tool.tool_call_id
    assert [shown | {"duration_ms": 0} for shown in result.tools] == [finished.data | {"duration_ms": 0}]


async def test_the_question_and_the_run_are_committed_before_the_model_is_called(
    ask: Asks, person: Person, script: Script
) -> None:
    seen: list[Any] = []

    def look() -> None:
        run = AgentOSRun.objects.get()
        seen.append((run.status, [row.content for row in said(run.pk)]))
        seen.append(AgentOSUsage.objects.get(run=run).outcome)

    async def on_another_connection() -> None:
        await rows.run(look)

    script.will([on_another_connection, "Done."])
    turn = await ask(person, "Are you there?")
    await turn.result()
    assert seen == [(RunStatus.RUNNING, ["Are you there?"]), CallOutcome.OPEN]


async def test_messages_are_numbered_without_gaps_over_turns(ask: Asks, person: Person) -> None:
    turn = await ask(person, "What is 2 + 2?", "helper")
    await turn.result()
    for text in ("Hello", "What is 3 + 3?"):
        await (await ask(person, text, "helper", turn.session_id)).result()

    numbers = await rows.run(
        lambda: list(AgentOSMessage.objects.filter(session_id=turn.session_id).values_list("number", flat=True))
    )
    assert sorted(numbers) == list(range(1, 11))


async def test_history_reaches_the_model(ask: Asks, person: Person, script: Script) -> None:
    turn = await ask(person, "My dog is called Rex.")
    await turn.result()
    await (await ask(person, "What is it called?", session_id=turn.session_id)).result()
    contents = [message.get_content_string() for message in script.heard[-1]]
    assert "My dog is called Rex." in contents
    assert "Hello there." in contents
    assert contents[-1] == "What is it called?"


async def test_text_around_a_tool_and_reasoning_add_up(ask: Asks, person: Person, script: Script) -> None:
    script.will(
        [Think("Let me "), Think("see."), "I will ", "count. ", Tool("calculate", {"expression": "1+1"})],
        [Think("Good."), "It is ", "2."],
    )
    turn = await ask(person)
    live = await all_events(turn)
    result = await turn.result()
    assert "".join(e.data["text"] for e in live if e.type == "message.delta") == result.content
    assert result.content == "I will count. \n\nIt is 2."
    assert "".join(e.data["text"] for e in live if e.type == "reasoning.delta").replace("see.Good", "see.\n\nGood") == (
        result.reasoning
    )
    assert result.usage == {
        "input_tokens": 20, "output_tokens": 8, "total_tokens": 28, "cached_tokens": 0, "reasoning_tokens": 0,
    }  # fmt: skip


@pytest.mark.parametrize("nasty", ["NUL \x00 in the middle", "half \ud83d a pair", "all \U0001f600 fine"])
async def test_what_postgresql_cannot_keep_does_not_end_a_run(
    ask: Asks, person: Person, script: Script, nasty: str
) -> None:
    script.will([Think(nasty), nasty, Tool("calculate", {"expression": nasty})], [nasty])
    turn = await ask(person)
    live = await all_events(turn)
    result = await turn.result()
    assert result.status == RunStatus.COMPLETED
    assert "".join(e.data["text"] for e in live if e.type == "message.delta") == result.content
    assert await rows.run(events_in_rows, turn.run_id) == [(e.number, e.type, e.data) for e in live]


def test_the_sync_door_waits_for_the_answer(agents: Any, person: Person) -> None:
    service = AgentOSService(person.user)
    first = service.send_message("helper", "What is 6 * 7?")
    assert "42" in first.content
    second = service.send_message(agent_id="helper", session_id=first.session_id, message="Hello")
    assert second.session_id == first.session_id
    session = service.create_session(agent_id="helper", title="A plan")
    third = service.send_message(agent_id="helper", session_id=str(session.pk), message="Hello")
    session.refresh_from_db()
    assert (third.session_id, session.title, session.message_count) == (session.pk, "A plan", 2)


async def test_the_sync_door_says_so_in_async_code(agents: Any, person: Person) -> None:
    with pytest.raises(RuntimeError, match="async"):
        AgentOSService(person.principal).send_message("helper", "Hello")
