"""Runs whose process died, lost its connection or was taken for dead: the books are finished once, and right."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.opie import rows
from apps.opie.engine import opening, recording, recovery, settling, stream
from apps.opie.engine.opening import Ask
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSUsage
from apps.opie.models.messages import MessageStatus
from apps.opie.models.runs import RunStatus
from apps.opie.models.usage import CallOutcome
from tests.opie.engine.conftest import Asks, all_events, until
from tests.opie.engine.scripted import SILENCE, Script
from tests.opie.people import Person


def dead_run(person: Person, said: str, **fields: Any) -> AgentOSRun:
    """A run whose process was killed in the middle of its answer."""
    agent = Agent.objects.get(agent_id="scripted")
    opened = opening.open_turn(person.principal, agent, Ask("Tell me"))
    recording.beat({opened.run_id: [(1, "run.started", {}), (2, "message.delta", {"text": said})]})
    AgentOSUsage.objects.create(run_id=opened.run_id, team=person.team, user=person.user, platform_name="x", model="x")
    recording.forget(opened.run_id)
    old = timezone.now() - recording.STALE_AFTER - timedelta(seconds=1)
    AgentOSRun.objects.filter(pk=opened.run_id).update(heartbeat_at=old, **fields)
    return AgentOSRun.objects.get(pk=opened.run_id)


def sweep() -> list[UUID]:
    """Both looks, without the time between them."""
    return recovery.interrupt_silent(recovery.silent_runs())


def test_a_dead_run_is_finished_by_recovery(agents: Any, person: Person) -> None:
    run = dead_run(person, "So far")
    assert sweep() == [run.pk]
    assert sweep() == []
    run.refresh_from_db()
    assert run.status == RunStatus.INTERRUPTED
    answer = AgentOSMessage.objects.get(run=run, is_answer=True)
    assert (answer.content, answer.status, answer.number) == ("So far", MessageStatus.INTERRUPTED, 2)
    assert AgentOSUsage.objects.get(run=run).outcome == CallOutcome.INTERRUPTED
    batch = run.event_batches.last()
    assert batch is not None
    assert batch.events[-1][:2] == [100_002, "run.interrupted"]


def test_a_run_of_this_process_or_with_a_heartbeat_is_left_alone(agents: Any, person: Person) -> None:
    run = dead_run(person, "So far")
    recording.begin(run.pk)
    assert sweep() == []
    recording.forget(run.pk)
    AgentOSRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now())
    assert sweep() == []


def test_a_run_that_is_heard_of_at_the_second_look_is_left_alone(agents: Any, person: Person) -> None:
    """The database was away, and the process beats again."""
    run = dead_run(person, "So far")
    silent = recovery.silent_runs()
    recording.beat({run.pk: [(3, "message.delta", {"text": ", and on"})]})
    assert list(silent) == [run.pk]
    assert recovery.interrupt_silent(silent) == []
    assert sweep() == []


async def test_readers_ahead_of_the_rows_are_told_that_it_broke_off(
    agents: Any, person: Person, script: Script
) -> None:
    """They had read from the process that died what it never wrote."""
    run = await rows.run(dead_run, person, "So far")
    reading = asyncio.ensure_future(anext(stream.read_events(run.pk, after=40)))
    await rows.run(sweep)
    assert [event.type for event in await asyncio.wait_for(reading, 20)] == ["run.interrupted"]


async def test_a_new_message_finishes_a_dead_run_first(ask: Asks, person: Person, script: Script) -> None:
    run = await rows.run(dead_run, person, "So far")
    turn = await ask(person, "Go on", session_id=run.session_id)
    await turn.result()
    kept = await rows.run(
        lambda: list(AgentOSMessage.objects.filter(session_id=run.session_id).values_list("number", "content"))
    )
    assert kept == [(1, "Tell me"), (2, "So far"), (3, "Go on"), (4, "Hello there.")]


async def test_a_process_that_lost_its_run_tells_what_the_rows_say(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Half", SILENCE])
    turn = await ask(person)
    await until(turn, "message.delta")
    await asyncio.sleep(0.6)
    await rows.run(settling.interrupt, turn.run_id)  # another process took it for dead
    live = await all_events(turn)
    assert (live[-1].type, live[-1].data["status"]) == ("run.interrupted", "interrupted")
    assert (await turn.result()).status == RunStatus.INTERRUPTED
    assert (await rows.run(AgentOSMessage.objects.get, run_id=turn.run_id, is_answer=True)).content == "Half"


async def test_the_database_comes_back_in_time(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = rows.run, [OperationalError("the server closed the connection"), OperationalError("again")]

    async def sometimes(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if function is settling.settle and failures:
            raise failures.pop()
        return await real(function, *args, **kwargs)

    monkeypatch.setattr(rows, "run", sometimes)
    turn = await ask(person)
    result = await turn.result()
    assert (failures, result.status, result.content) == ([], RunStatus.COMPLETED, "Hello there.")


async def test_a_try_whose_answer_was_lost_is_not_made_twice(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = rows.run, []

    async def lost(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        answer = await real(function, *args, **kwargs)
        if function is settling.settle:
            tries.append(answer)
            if len(tries) == 1:
                raise OperationalError("the connection broke after COMMIT")
        return answer

    monkeypatch.setattr(rows, "run", lost)
    turn = await ask(person)
    live = await all_events(turn)
    assert (live[-1].type, live[-1].data["content"]) == ("run.finished", "Hello there.")
    assert await real(AgentOSMessage.objects.filter(run_id=turn.run_id).count) == 2


async def test_the_beat_survives_a_database_that_refuses(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = rows.run, [OperationalError("away"), OperationalError("still away")]

    async def sometimes(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if function is recording.beat and failures:
            raise failures.pop()
        return await real(function, *args, **kwargs)

    monkeypatch.setattr(rows, "run", sometimes)
    script.will(["Word ", 1.2, "by word."])
    turn = await ask(person)
    await asyncio.sleep(1)
    assert failures == []
    assert await real(AgentOSRun.objects.filter(event_batches__isnull=False).count) == 1
    assert (await turn.result()).content == "Word by word."
