"""What a host does before and after each run: through every door, and whatever happens, no run is lost."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from apps.api.errors import NotAllowed
from apps.opie import checks, rows
from apps.opie.agentos.config import agent_os_config
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine import RunAtHand, background, execution_engine, hooks, register_hook
from apps.opie.engine import turn as turns
from apps.opie.engine.outcome import RunResult
from apps.opie.engine.served import served_agent
from apps.opie.models import AgentOSError, AgentOSMessage, AgentOSRun
from tests.opie.engine.conftest import Asks, until
from tests.opie.engine.scripted import SILENCE, Script
from tests.opie.people import Person

pytestmark = pytest.mark.usefixtures("no_hooks_left")


@pytest.fixture
def no_hooks_left() -> Iterator[None]:
    before = list(hooks._hooks)
    yield
    hooks._hooks[:] = before


async def quiet() -> None:
    """Until whatever goes on beside the runs is over."""
    while turns._tasks:
        await asyncio.gather(*turns._tasks, return_exceptions=True)


async def test_they_are_told_of_every_run_whatever_its_door(
    ask: Asks, agents: Any, person: Person, script: Script
) -> None:
    told: list[Any] = []

    async def before(run: RunAtHand) -> None:
        told.append(("before", run.run_id, run.agent_id, run.text))

    def after(run: RunAtHand, result: RunResult) -> None:
        told.append(("after", run.run_id, result.status, threading.current_thread() is threading.main_thread()))
        assert AgentOSRun.objects.get(pk=run.run_id).status == result.status

    register_hook(before=before, after=after)
    chat = await ask(person, "In a chat")
    await chat.result()
    execution = await execution_engine.execute_agent("scripted", {"message": "From Python"}, person.principal)
    left = await execution_engine.execute_agent("scripted", {"message": "Later"}, person.principal, background=True)
    await background.run_to_end(left.execution_id)
    agent = await rows.run(served_agent, person.principal, "scripted")
    assert agent is not None
    built = await rows.run(agent_os_config().create_agent_from_django, agent, person.principal, None)
    output = await built.arun("Through AgentOS")
    await quiet()
    for run_id, text in (
        (str(chat.run_id), "In a chat"),
        (str(execution.execution_id), "From Python"),
        (str(left.execution_id), "Later"),
        (output.run_id, "Through AgentOS"),
    ):
        mine = [one for one in told if str(one[1]) == run_id]
        assert mine == [
            ("before", mine[0][1], "scripted", text),
            ("after", mine[0][1], "completed", False),
        ]
    assert len(told) == 8


async def test_one_before_changes_what_the_model_is_asked_and_not_what_the_person_said(
    ask: Asks, agents: Any, person: Person, script: Script
) -> None:
    register_hook(before=lambda run: run.text + " Please.", agent_id="scripted")
    register_hook(before=lambda run: run.text.upper(), agent_id="scripted")
    register_hook(before=lambda run: "never", agent_id="helper")
    turn = await ask(person, "Sit!")
    await turn.result()
    assert script.heard[0][-1].get_content_string() == "SIT! PLEASE."
    question = await rows.run(lambda: AgentOSMessage.objects.get(run_id=turn.run_id, role="user").content)
    assert question == "Sit!"


async def test_one_that_refuses_ends_the_run_with_its_reason(
    ask: Asks, agents: Any, person: Person, script: Script
) -> None:
    def before(run: RunAtHand) -> None:
        raise NotAllowed("Not on a Sunday.", code="sunday")

    register_hook(before=before)
    result = await (await ask(person, "Work!")).result()
    assert (result.status, result.error) == ("failed", {"code": "sunday", "message": "Not on a Sunday."})
    assert script.heard == []


async def test_those_that_fail_are_recorded_and_lose_no_run(
    ask: Asks, agents: Any, person: Person, script: Script
) -> None:
    seen: list[str] = []

    def broken(*_: Any) -> None:
        raise KeyError("sk-canary-1234567890")

    async def broken_too(*_: Any) -> None:
        raise RuntimeError("no")

    register_hook(before=broken, after=broken_too)
    register_hook(before=broken_too, after=broken)
    register_hook(before=lambda run: seen.append("before"), after=lambda run, result: seen.append(result.status))
    result = await (await ask(person, "Hello")).result()
    await quiet()
    assert (result.status, result.content, seen) == ("completed", "Hello there.", ["before", "completed"])
    errors = await rows.run(lambda: list(AgentOSError.objects.filter(code="hook_failed").order_by("place")))
    assert sum(row.occurrences for row in errors) == 4
    assert {row.place.rpartition(".")[2] for row in errors} == {"broken", "broken_too"}


async def test_those_that_take_too_long_are_left_behind(ask: Asks, agents: Any, person: Person, script: Script) -> None:
    go = threading.Event()

    async def slow(*_: Any) -> str:
        await asyncio.sleep(SILENCE)
        return "never"

    def slow_too(*_: Any) -> str:
        go.wait(30)
        return "never"

    register_hook(before=slow, after=slow, timeout=0.05)
    register_hook(before=slow_too, timeout=0.05)
    try:
        result = await (await ask(person, "Hello")).result()
        await quiet()
    finally:
        go.set()
    assert (result.status, script.heard[0][-1].get_content_string()) == ("completed", "Hello")
    errors = await rows.run(lambda: list(AgentOSError.objects.filter(code="hook_failed")))
    assert {row.detail for row in errors} == {"TimeoutError"}
    assert sum(row.occurrences for row in errors) == 3


async def test_after_is_told_of_failures_and_stops(ask: Asks, agents: Any, person: Person, script: Script) -> None:
    told: list[str] = []
    hook = register_hook(after=lambda run, result: told.append(result.status))
    script.will([ConnectionError("gone")])
    await (await ask(person, "Hello")).result()
    await (await ask(person, "Hello", "broken")).result()
    script.will(["Some", SILENCE])
    turn = await ask(person, "Hello")
    await until(turn, "message.delta")
    await turns.stop(person.principal, turn.run_id)
    await turn.result()
    await quiet()
    assert told == ["failed", "failed", "cancelled"]
    hook.remove()
    await (await ask(person, "Hello", "helper")).result()
    await quiet()
    assert len(told) == 3


def test_hooks_that_are_none_are_said_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_hooks", [])
    register_hook()
    register_hook(before=lambda: None)  # type: ignore[arg-type, misc]
    register_hook(after="after", timeout=0)  # type: ignore[arg-type]
    told = [(one.id, one.msg) for one in checks.what_is_called_around_runs_fits()]
    assert told == [
        ("opie.E012", "register_hook: a hook does something before or after a run. Give before= or after=."),
        ("opie.E012", "register_hook: before does not fit: it is called with (run)."),
        ("opie.E012", "register_hook: after cannot be called: give a function of (run, result), not 'after'."),
        ("opie.E012", "register_hook: timeout is a number of seconds, more than 0."),
    ]


def test_sync_callers_have_them_too(agents: Any, person: Person) -> None:
    told: list[str] = []
    register_hook(before=lambda run: told.append(run.text))
    AgentOSService(person.principal).run_task("helper", "Hello")
    assert told == ["Hello"]
