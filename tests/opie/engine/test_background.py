"""Runs on the worker: opened with their job, run once, tried again by rule, found again when they are lost."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import openai
import pytest
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.models import Membership
from apps.opie import rows
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine import background, opening, queue, recording, recovery, settling, stream
from apps.opie.engine import turn as turns
from apps.opie.engine.opening import Ask
from apps.opie.engine.outcome import result_of_run
from apps.opie.events import RunEvent
from apps.opie.models import Agent, AgentOSError, AgentOSMessage, AgentOSRun, AgentOSUsage
from apps.opie.models.runs import RunStatus
from apps.opie.tools import registry
from tests.opie.engine.conftest import Asks
from tests.opie.engine.scripted import SILENCE, Script, Tool
from tests.opie.people import Person

DOWN = ConnectionError("nobody is there")


def vendor_says(status: int, **headers: str) -> openai.APIStatusError:
    response = httpx.Response(status, headers=headers, request=httpx.Request("POST", "http://vendor"))
    return openai.APIStatusError("no", response=response, body=None)


async def task(person: Person, text: str = "Do it", agent: str = "scripted", **how: Any) -> UUID:
    """A task that was left to the worker."""
    turn = await AgentOSService(person.principal).open_task(agent, text, background=True, **how)
    assert not turn.may_begin
    return turn.run_id


async def said(run_id: UUID) -> list[RunEvent]:
    """All events there are in rows; the run may go on."""
    found = await rows.run(
        lambda: [
            RunEvent(run_id, *event)
            for batch in AgentOSRun.objects.get(pk=run_id).event_batches.all()
            for event in batch.events
        ]
    )
    # Where a process died, numbers are left out: its readers may have seen more than it wrote.
    assert sorted({event.number for event in found}) == [event.number for event in found]
    return found


async def read(run_id: UUID) -> AgentOSRun:
    return await rows.run(AgentOSRun.objects.get, pk=run_id)


async def make_due(run_id: UUID) -> None:
    await rows.run(AgentOSRun.objects.filter(pk=run_id).update, not_before=timezone.now())


def jobs_of(run_id: UUID) -> list[ProcrastinateJob]:
    return list(ProcrastinateJob.objects.filter(task_name="opie.run", args={"run_id": str(run_id)}).order_by("id"))


async def test_a_task_is_left_to_the_worker_and_run_once(ask: Asks, person: Person, script: Script) -> None:
    run_id = await task(person)
    (job,) = await rows.run(jobs_of, run_id)
    assert (job.queue_name, job.status, job.scheduled_at) == ("runs", "todo", None)
    assert (await read(run_id)).status == RunStatus.PENDING
    await asyncio.gather(background.run_to_end(run_id), background.run_to_end(run_id))
    await background.run_to_end(run_id)
    result = await rows.run(result_of_run, run_id)
    assert (result.status, result.content, result.session_id, result.message_id) == (
        "completed",
        "Hello there.",
        None,
        None,
    )
    assert (await read(run_id)).output["content"] == "Hello there."  # type: ignore[index]
    assert len(script.heard) == 1
    assert [event.type for event in await said(run_id)] == [
        "run.started",
        "message.delta",
        "message.delta",
        "run.finished",
    ]
    assert not await rows.run(AgentOSMessage.objects.exists)


def test_a_task_in_the_foreground(agents: Any, person: Person) -> None:
    result = AgentOSService(person.principal).run_task("helper", "What is 2 + 3?")
    assert (result.status, "5" in result.content) == ("completed", True)
    run = AgentOSRun.objects.get(pk=result.run_id)
    assert (run.session, run.is_background, run.input, run.most_attempts) == (
        None,
        False,
        {"message": "What is 2 + 3?"},
        1,
    )
    again = result_of_run(run.pk)
    assert (again.tools, again.content) == (result.tools, result.content)
    assert [tool["name"] for tool in again.tools] == ["calculate"]


def test_what_is_rolled_back_is_not_done(agents: Any, person: Person) -> None:
    agent = Agent.objects.get(agent_id="helper")
    with transaction.atomic():
        opened = opening.open_turn(person.principal, agent, Ask("Do it", on_its_own=True, in_background=True))
        assert len(jobs_of(opened.run_id)) == 1
        transaction.set_rollback(True)
    assert not AgentOSRun.objects.exists()
    assert jobs_of(opened.run_id) == []


async def test_a_failure_that_may_be_mended_is_tried_again(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Half of ", DOWN], ["The whole answer."])
    run_id = await task(person)
    await background.run_to_end(run_id)
    run = await read(run_id)
    assert (run.status, run.attempt, run.finished_at, run.error_code) == (RunStatus.PENDING, 2, None, "")
    assert run.not_before is not None
    first, second = await rows.run(jobs_of, run_id)
    assert (first.scheduled_at, second.scheduled_at) == (None, run.not_before)
    assert timezone.now() < run.not_before <= timezone.now() + timedelta(seconds=10)
    await background.run_to_end(run_id)  # before its time
    assert (await read(run_id)).status == RunStatus.PENDING
    await make_due(run_id)
    await background.run_to_end(run_id)
    result = await rows.run(result_of_run, run_id)
    assert (result.status, result.content, result.error) == ("completed", "The whole answer.", None)
    kinds = [event.type for event in await said(run_id)]
    assert kinds == ["run.started", "message.delta", "run.retrying", "run.started", "message.delta", "run.finished"]
    told = (await said(run_id))[2].data
    assert (told["attempt"], told["most_attempts"], told["error"]["code"]) == (2, 3, "platform_interrupted")
    assert await rows.run(AgentOSUsage.objects.filter(run_id=run_id).count) == 2
    assert await rows.run(AgentOSError.objects.filter(code="platform_interrupted").count) == 1


async def test_readers_go_along_to_the_next_attempt(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Half", DOWN], ["Whole."])
    run_id = await task(person)
    reading = asyncio.create_task(_read_all(run_id))
    await background.run_to_end(run_id)
    await make_due(run_id)
    await background.run_to_end(run_id)
    live = await asyncio.wait_for(reading, 30)
    assert live == await said(run_id)


async def _read_all(run_id: UUID) -> list[RunEvent]:
    return [event async for batch in stream.read_events(run_id) for event in batch]


async def test_the_last_attempt_is_the_end(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Half", DOWN])
    run_id = await task(person, most_attempts=2)
    for _ in range(3):
        await make_due(run_id)
        await background.run_to_end(run_id)
    run = await read(run_id)
    assert (run.status, run.attempt, run.error_code) == (RunStatus.INTERRUPTED, 2, "platform_interrupted")
    assert len(script.heard) == 2


@pytest.mark.parametrize("status", [400, 401, 402])
async def test_what_was_refused_is_not_tried_again(ask: Asks, person: Person, script: Script, status: int) -> None:
    script.will([vendor_says(status)])
    run_id = await task(person)
    await background.run_to_end(run_id)
    run = await read(run_id)
    assert (run.status, run.attempt) == (RunStatus.FAILED, 1)


async def test_who_waits_for_an_answer_is_told_at_once(ask: Asks, person: Person, script: Script) -> None:
    script.will([vendor_says(500)])
    turn = await ask(person)
    assert (await turn.result()).status == RunStatus.FAILED


async def test_a_platform_is_asked_again_when_it_wants_to_be(ask: Asks, person: Person, script: Script) -> None:
    script.will([vendor_says(429, **{"retry-after": "600"})])
    run_id = await task(person)
    await background.run_to_end(run_id)
    run = await read(run_id)
    assert run.not_before is not None
    assert timedelta(seconds=590) < run.not_before - timezone.now() <= timedelta(seconds=600)


async def test_a_platform_that_wants_to_be_left_alone_for_hours_is_not_waited_for(
    ask: Asks, person: Person, script: Script
) -> None:
    script.will([vendor_says(429, **{"retry-after": "7200"})])
    run_id = await task(person)
    await background.run_to_end(run_id)
    assert (await read(run_id)).status == RunStatus.FAILED


@pytest.mark.parametrize("reads_only", [True, False])
async def test_nothing_is_done_twice(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch, reads_only: bool
) -> None:
    """A tool that may change something ends the tries, even if it failed itself; one that only reads does not."""
    calls: list[str] = []

    def touch() -> str:
        """Touch it."""
        calls.append("touched")
        raise RuntimeError("after the deed")

    monkeypatch.setattr(registry, "TOOLS", dict(registry.TOOLS))
    registry.register_tool(touch, label="Touch", reads_only=reads_only)
    registry._callable_for_model.cache_clear()
    await rows.run(Agent.objects.filter(agent_id="scripted").update, tools=["touch"])
    script.will([Tool("touch", {})], ["So ", DOWN], [Tool("touch", {})], ["Done."])
    run_id = await task(person)
    await background.run_to_end(run_id)
    run = await read(run_id)
    assert run.status == (RunStatus.PENDING if reads_only else RunStatus.INTERRUPTED)
    assert (run.has_acted, calls) == (not reads_only, ["touched"])


async def test_a_worker_that_died_is_made_up_for(ask: Asks, person: Person, script: Script) -> None:
    run_id = await task(person)
    await rows.run(_die_with, run_id, "Half of it")
    assert await rows.run(lambda: recovery.interrupt_silent(recovery.silent_runs())) == [run_id]
    run = await read(run_id)
    assert (run.status, run.attempt) == (RunStatus.PENDING, 2)
    assert len(await rows.run(jobs_of, run_id)) == 2
    await rows.run(_die_with, run_id, "Again half")
    assert await rows.run(lambda: recovery.interrupt_silent(recovery.silent_runs())) == [run_id]
    await make_due(run_id)
    await rows.run(_die_with, run_id, "And again")
    await rows.run(lambda: recovery.interrupt_silent(recovery.silent_runs()))
    result = await rows.run(result_of_run, run_id)
    assert (result.status, result.content) == ("interrupted", "And again")
    kinds = [event.type for event in await said(run_id)]
    assert kinds == ["message.delta", "run.retrying"] * 2 + ["message.delta", "run.interrupted"]


def _die_with(run_id: UUID, words: str) -> None:
    """A worker takes the run up, says something, and is killed."""
    claimed = queue.claim(run_id)
    assert claimed is not None
    recording.beat({run_id: [(claimed.opened.last_event + 1, "message.delta", {"text": words})]})
    recording.forget(run_id)
    old = timezone.now() - recording.STALE_AFTER - timedelta(seconds=1)
    AgentOSRun.objects.filter(pk=run_id).update(heartbeat_at=old)


async def test_a_worker_that_was_only_slow_writes_nothing_into_the_next_attempt(
    ask: Asks, person: Person, script: Script
) -> None:
    """Its process was stopped for a minute, or its database away: it comes back while another has the run."""
    script.will(["The old one.", 1.5, "Late."], ["The new one."])
    run_id = await task(person)
    slow = asyncio.create_task(background.run_to_end(run_id))
    async for batch in stream.read_events(run_id):
        if any(event.type == "message.delta" for event in batch):
            break
    await rows.run(_take_for_dead, run_id)
    await asyncio.wait_for(slow, 30)
    run = await read(run_id)
    assert (run.status, run.attempt, run.output) == (RunStatus.RUNNING, 2, None)
    assert [event.type for event in await said(run_id)][-1] == "run.retrying"


def _take_for_dead(run_id: UUID) -> None:
    """Another process, which knows nothing of the slow one's turn, puts the run back and claims it."""
    mine = recording._recording.pop(run_id)
    assert settling.interrupt(run_id) is not None
    assert queue.claim(run_id) is not None
    recording.begin(run_id, mine)


def test_of_many_workers_one_has_the_run(agents: Any, person: Person) -> None:
    agent = Agent.objects.get(agent_id="helper")
    opened = opening.open_turn(person.principal, agent, Ask("Do it", on_its_own=True, in_background=True))

    def claim(_: int) -> bool:
        try:
            return queue.claim(opened.run_id) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(claim, range(8))) == 1
    recording.forget(opened.run_id)


async def test_a_background_message_waits_its_turn_in_a_session(ask: Asks, person: Person, script: Script) -> None:
    script.will(["First ", 0.3, "answer."], ["Second answer."])
    turn = await ask(person, "One")
    later = await AgentOSService(person.principal).ask(
        "scripted", Ask("Two", session_id=turn.session_id, in_background=True, most_attempts=3)
    )
    await background.run_to_end(later.run_id)  # too early: there is nothing to do yet
    assert (await read(later.run_id)).status == RunStatus.PENDING
    await turn.result()
    await _until_told(later.run_id, 2)
    await background.run_to_end(later.run_id)
    result = await later.result()
    assert (result.content, result.status) == ("Second answer.", "completed")
    told = await rows.run(lambda: list(AgentOSMessage.objects.order_by("number").values_list("content", flat=True)))
    assert told == ["One", "First answer.", "Two", "Second answer."]


async def _until_told(run_id: UUID, jobs: int) -> None:
    async with asyncio.timeout(30):
        while len(await rows.run(jobs_of, run_id)) < jobs:  # noqa: ASYNC110 - what is waited for is a row
            await asyncio.sleep(0.05)


async def test_whoever_comes_later_waits_behind_a_run_that_is_tried_again(
    ask: Asks, person: Person, script: Script
) -> None:
    first = await AgentOSService(person.principal).ask("scripted", Ask("One", in_background=True, most_attempts=3))
    await rows.run(_die_with, first.run_id, "Half")
    second = await ask(person, "Two", session_id=first.session_id)
    assert not second.may_begin
    assert (await read(first.run_id)).attempt == 2
    await background.run_to_end(first.run_id)
    assert (await second.result()).status == "completed"
    messages = await rows.run(
        lambda: {message.pk: message for message in AgentOSMessage.objects.filter(session_id=first.session_id)}
    )
    head = next(message for message in messages.values() if message.run_id == second.run_id and message.is_answer)
    branch = [head]
    while branch[-1].parent_id:
        branch.append(messages[branch[-1].parent_id])
    assert [message.content for message in reversed(branch)] == ["One", "Hello there.", "Two", "Hello there."]


async def test_it_runs_with_the_rights_of_now(ask: Asks, person: Person, member: Person, script: Script) -> None:
    gone = await task(member)
    await rows.run(Membership.objects.filter(user=member.user).update, role="viewer")
    withdrawn = await task(person)
    await background.run_to_end(gone)
    await rows.run(Agent.objects.filter(agent_id="scripted").update, status="withdrawn")
    await background.run_to_end(withdrawn)
    runs = [await read(gone), await read(withdrawn)]
    assert [(run.status, run.error_code) for run in runs] == [("failed", "not_allowed"), ("failed", "agent_not_found")]
    assert script.heard == []


async def test_one_that_waits_is_cancelled_at_once(ask: Asks, person: Person, script: Script) -> None:
    run_id = await task(person)
    await turns.stop(person.principal, run_id)
    assert (await read(run_id)).status == RunStatus.CANCELLED
    await background.run_to_end(run_id)
    assert script.heard == []


async def test_one_that_was_asked_to_stop_is_not_tried_again(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Half", SILENCE])
    run_id = await task(person)
    running = asyncio.create_task(background.run_to_end(run_id))
    async for batch in stream.read_events(run_id):
        if any(event.type == "message.delta" for event in batch):
            break
    await turns.stop(person.principal, run_id)
    await asyncio.wait_for(running, 30)
    run = await read(run_id)
    assert (run.status, run.attempt, run.output) == (RunStatus.CANCELLED, 1, run.output | {"content": "Half"})  # type: ignore[operator]


async def test_a_job_that_was_lost_is_missed(ask: Asks, person: Person, script: Script) -> None:
    run_id = await task(person)
    later = timezone.now() + timedelta(minutes=1)
    assert await rows.run(background.tell_worker_again, later) == []  # it has its job
    await rows.run(_lose_jobs)
    assert await rows.run(background.tell_worker_again) == []  # perhaps it is being picked up
    assert await rows.run(background.tell_worker_again, later) == [run_id]
    assert await rows.run(background.tell_worker_again, later) == []


def _lose_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'opie.run'")
