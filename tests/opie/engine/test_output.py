"""Answers that have to fit a shape: good at once, repaired, and never; streamed, taken up by a worker, in every session."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, model_validator

from apps.api.errors import PlatformFailed
from apps.opie import rows
from apps.opie.agentos.config import agent_os_config
from apps.opie.engine import approvals, background, execution_engine, settling
from apps.opie.engine import turn as turns
from apps.opie.engine.continuing import continue_run
from apps.opie.engine.outcome import result_of_run
from apps.opie.engine.served import served_agent
from apps.opie.models import Agent, AgentOSError, AgentOSMessage, AgentOSRun, AgentOSUsage
from apps.opie.models.runs import RunStatus
from tests.opie.engine.conftest import Asks, all_events
from tests.opie.engine.scripted import SILENCE, Script, Tool
from tests.opie.people import Person

FOX: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "legs": {"type": "integer"}},
    "required": ["name", "legs"],
}
GOOD = '{"name": "fox", "legs": 4}'
HALF = '{"name": "fox", "le'
WRONG = '{"name": "fox", "legs": "four"}'
FOX_INPUT = {"animal": "fox", "output_format": FOX}


async def shaped(agent: Agent) -> None:
    await rows.run(Agent.objects.filter(pk=agent.pk).update, output_schema=FOX)


async def calls_of(run_id: UUID) -> list[str]:
    return await rows.run(lambda: [row.outcome for row in AgentOSUsage.objects.filter(run_id=run_id).order_by("id")])


async def test_a_good_answer_is_read(agents: Any, person: Person, script: Script) -> None:
    script.will([f"Sure:\n```json\n{GOOD}\n```"])
    result = await execution_engine.execute_agent("scripted", FOX_INPUT, person.principal)
    assert (result.success, result.output, result.error) == (True, {"name": "fox", "legs": 4}, None)
    assert "refused" not in result.metadata
    assert await calls_of(result.execution_id) == ["succeeded"]
    told = script.heard[0][0].get_content_string()
    assert json.dumps(FOX) in told
    assert "markdown" not in told.lower()
    assert "output_format" not in script.heard[0][-1].get_content_string()


@pytest.mark.parametrize("bad", [HALF, WRONG, "A fox has four legs."])
async def test_a_bad_answer_is_asked_for_again_in_the_same_run(
    agents: Any, person: Person, script: Script, bad: str
) -> None:
    script.will([bad], [GOOD])
    result = await execution_engine.execute_agent("scripted", FOX_INPUT, person.principal)
    assert (result.success, result.output, result.text) == (True, {"name": "fox", "legs": 4}, GOOD)
    assert await calls_of(result.execution_id) == ["succeeded", "succeeded"]
    assert (result.tokens_used, result.cost) == (28, None)
    [refused] = result.metadata["refused"]
    assert (refused["text"], len(refused["problems"])) == (bad, 1)
    asked = script.heard[1]
    assert [message.role for message in asked] == ["system", "user", "assistant", "user"]
    assert asked[2].get_content_string() == bad
    assert refused["problems"][0] in asked[3].get_content_string()


async def test_nothing_is_no_answer_at_all(agents: Any, person: Person, script: Script) -> None:
    """A platform that says nothing has failed, and is asked again by the rules of platforms."""
    script.will([""], [GOOD])
    result = await execution_engine.execute_agent("scripted", FOX_INPUT, person.principal)
    assert (result.output, "refused" in result.metadata) == ({"name": "fox", "legs": 4}, False)
    assert await calls_of(result.execution_id) == ["failed", "succeeded"]


async def test_twice_wrong_is_a_clear_failure_with_the_text_kept(agents: Any, person: Person, script: Script) -> None:
    await rows.run(Agent.objects.filter(agent_id="scripted").update, kind="task")
    script.will([HALF], [WRONG])
    result = await execution_engine.execute_agent("scripted", FOX_INPUT, person.principal)
    assert result.error is not None
    assert (result.success, result.status, result.error["code"]) == (False, "failed", "output_invalid")
    assert "legs: 'four' is not of type 'integer'" in result.error["message"]
    assert (result.output, result.text) == (WRONG, WRONG)
    assert [one["text"] for one in result.metadata["refused"]] == [HALF, WRONG]
    with pytest.raises(PlatformFailed, match="shape"):
        result.raise_for_failure()
    run = await rows.run(AgentOSRun.objects.get, pk=result.execution_id)
    assert run.output["content"] == WRONG
    assert await calls_of(result.execution_id) == ["succeeded", "succeeded"]
    assert await rows.run(AgentOSError.objects.filter(code="output_invalid").count) == 1
    again = await execution_engine.get_execution_status(result.execution_id, person.principal)
    assert (again.output, again.error) == (WRONG, result.error)


async def test_readers_are_told_what_does_not_count(ask: Asks, agents: Any, person: Person, script: Script) -> None:
    await shaped(agents["scripted"])
    script.will(
        ["Let me count.", Tool("calculate", {"expression": "2+2"})],
        ["Four", " legs."],
        ['{"name": "fox",', ' "legs": 4}'],
    )
    turn = await ask(person, "Describe a fox")
    events = await all_events(turn)
    result = await turn.result()
    place = next(at for at, event in enumerate(events) if event.type == "output.invalid")
    assert events[place].data["problems"] == ["It is not JSON: Expecting value in line 1, column 1."]
    text = events[place].data["text"]
    text += "".join(event.data["text"] for event in events[place:] if event.type == "message.delta")
    assert text == result.content == f"Let me count.\n\n{GOOD}"
    assert result.as_json()["output"] == {"name": "fox", "legs": 4}
    assert events[-1].data == result.as_json() == (await rows.run(result_of_run, turn.run_id)).as_json()
    kept = await rows.run(lambda: list(AgentOSMessage.objects.filter(run_id=turn.run_id).order_by("number")))
    assert [(row.role, row.content) for row in kept] == [
        ("user", "Describe a fox"),
        ("assistant", "Let me count."),
        ("tool", "4"),
        ("assistant", GOOD),
    ]
    assert not any(message.role == "tool" for message in script.heard[2])


async def test_the_next_turn_is_given_the_good_answer_alone(
    ask: Asks, agents: Any, person: Person, script: Script
) -> None:
    await shaped(agents["scripted"])
    script.will([WRONG], [GOOD], [GOOD])
    first = await ask(person, "Describe a fox")
    await first.result()
    await (await ask(person, "Again", session_id=first.session_id)).result()
    said = [message.get_content_string() for message in script.heard[2]]
    assert said[1:] == ["Describe a fox", GOOD, "Again"]


async def test_a_worker_that_takes_it_up_asks_for_the_same(agents: Any, person: Person, script: Script) -> None:
    script.will([WRONG], [GOOD])
    left = await execution_engine.execute_agent("scripted", FOX_INPUT, person.principal, background=True)
    assert (left.success, left.status, left.output) == (None, "pending", "")
    assert script.heard == []
    await background.run_to_end(left.execution_id)
    result = await execution_engine.get_execution_status(left.execution_id, person.principal)
    assert (result.success, result.output) == (True, {"name": "fox", "legs": 4})


async def test_a_worker_that_died_over_the_second_round_is_followed_by_another(
    agents: Any, person: Person, script: Script
) -> None:
    script.will([WRONG], ['{"name": ', SILENCE])
    left = await execution_engine.execute_agent("scripted", FOX_INPUT, person.principal, background=True)
    turn = await turns.take_up(left.execution_id)
    assert turn is not None
    async for batch in turn.events():
        if any(event.data.get("text") == '{"name": ' for event in batch):
            break
    left_over = list(turns._tasks)
    for task in left_over:
        task.cancel()
    await asyncio.gather(*left_over, return_exceptions=True)
    script.will([WRONG], [GOOD])
    await rows.run(AgentOSRun.objects.filter(pk=left.execution_id).update, not_before=None)
    await background.run_to_end(left.execution_id)
    result = await execution_engine.get_execution_status(left.execution_id, person.principal)
    assert (result.success, result.output) == (True, {"name": "fox", "legs": 4})


async def test_a_run_that_waited_for_a_yes_answers_in_its_shape(agents: Any, person: Person, script: Script) -> None:
    await rows.run(
        Agent.objects.filter(agent_id="scripted").update, tools=["rename_this_chat"], approvals={"rename_this_chat": {}}
    )
    script.will([Tool("rename_this_chat", {"title": "Foxes"})], [WRONG], [GOOD])
    waits = await execution_engine.execute_agent("scripted", FOX_INPUT, person.principal)
    assert (waits.success, waits.status) == (None, "waiting")
    [asked] = waits.metadata["approvals"]
    await rows.run(approvals.decide, person.principal, UUID(asked["approval_id"]), "approve")
    turn = await continue_run(waits.execution_id)
    assert turn is not None
    await turn.result()
    result = await execution_engine.get_execution_status(waits.execution_id, person.principal)
    assert (result.success, result.output) == (True, {"name": "fox", "legs": 4})


@pytest.mark.parametrize("stream", [False, True])
async def test_agentos_passes_on_nothing_that_is_ours(
    agents: Any, person: Person, script: Script, stream: bool
) -> None:
    await shaped(agents["scripted"])
    script.will([WRONG], [GOOD])
    agent = await rows.run(served_agent, person.principal, "scripted")
    assert agent is not None
    built = await rows.run(agent_os_config().create_agent_from_django, agent, person.principal, None)
    if not stream:
        assert (await built.arun("Describe a fox")).content == GOOD
        return
    events = [event async for event in built.arun("Describe a fox", stream=True, stream_events=True)]
    kinds = [event.event for event in events]
    assert (kinds[-1], kinds.count("RunCompleted"), events[-1].content) == ("RunCompleted", 1, GOOD)
    assert not [kind for kind in kinds if kind.startswith("Output")]


def test_what_is_left_of_a_dead_run_begins_where_the_text_that_counts_begins() -> None:
    said = [
        [1, "message.delta", {"text": "Let me see.\n\nFour"}],
        [2, "output.invalid", {"text": "Let me see.", "problems": []}],
        [3, "message.delta", {"text": '\n\n{"na'}],
    ]
    assert settling._text_of_last_attempt(said) == 'Let me see.\n\n{"na'


class Animal(BaseModel):
    name: str
    legs: int

    @model_validator(mode="after")
    def _even(self) -> "Animal":
        if self.legs % 2:
            raise ValueError("nothing has an odd number of legs")
        return self


async def test_a_pydantic_model_comes_back_as_one(agents: Any, person: Person, script: Script) -> None:
    script.will(['{"name": "fox", "legs": 3}'], [GOOD])
    result = await execution_engine.execute_agent(
        "scripted", {"animal": "fox"}, person.principal, {"output_format": Animal}
    )
    assert result.output == Animal(name="fox", legs=4)
    assert "odd number" in script.heard[1][-1].get_content_string()
    assert result.as_json()["output"] == {"name": "fox", "legs": 4}


@pytest.mark.parametrize(("wanted", "output"), [("text", "Hello."), ("json", None)])
async def test_words_for_a_format(agents: Any, person: Person, script: Script, wanted: str, output: Any) -> None:
    await shaped(agents["scripted"])
    script.will(["Hello."], ['{"any": "object"}'])
    result = await execution_engine.execute_agent(
        "scripted", {"animal": "fox", "output_format": wanted}, person.principal
    )
    assert result.output == (output or {"any": "object"})


async def test_the_offline_responder_answers_in_the_shape(agents: Any, person: Person) -> None:
    result = await execution_engine.execute_agent("helper", FOX_INPUT, person.principal)
    assert result.success
    assert "offline responder" in result.output["name"]
    assert result.output["legs"] == 0
    assert result.status == RunStatus.COMPLETED
