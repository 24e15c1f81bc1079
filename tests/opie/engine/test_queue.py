"""Messages sent while an answer is being written: they wait their turn, stop it, or are refused."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.models import Membership
from apps.accounts.principal import find_membership, principal_of_membership
from apps.api.errors import Conflict
from apps.opie import rows
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine import opening, queue, recording, recovery, settling
from apps.opie.engine import turn as turns
from apps.opie.engine.opening import Ask
from apps.opie.engine.settling import Ending
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.runs import RunStatus
from tests.opie.engine.conftest import Asks, all_events, until
from tests.opie.engine.scripted import SILENCE, Script
from tests.opie.people import Person, make_key


async def test_messages_wait_their_turn_in_order(ask: Asks, person: Person, script: Script) -> None:
    script.will(["First ", 0.2, "answer."], ["Second answer."], ["Third answer."])
    first = await ask(person, "One")
    second = await ask(person, "Two", session_id=first.session_id)
    third = await ask(person, "Three", session_id=first.session_id)
    assert (second.may_begin, third.may_begin) == (False, False)
    live = await all_events(second)
    assert [event.type for event in live][:2] == ["run.queued", "run.started"]
    assert [event.number for event in live] == list(range(1, len(live) + 1))
    results = [await turn.result() for turn in (first, second, third)]
    assert [result.content for result in results] == ["First answer.", "Second answer.", "Third answer."]
    assert [event.data["position"] for event in (await all_events(third))[:1]] == [2]
    assert await rows.run(_branch, first.session_id) == [
        "One", "First answer.", "Two", "Second answer.", "Three", "Third answer.",
    ]  # fmt: skip


async def test_many_at_once_never_interleave(ask: Asks, person: Person, script: Script) -> None:
    first = await ask(person)
    await first.result()
    script.will([0.05, "Yes."])
    asked = await asyncio.gather(*(ask(person, str(number), session_id=first.session_id) for number in range(6)))
    assert sum(turn.may_begin for turn in asked) == 1
    for turn in asked:
        assert (await turn.result()).status == RunStatus.COMPLETED
    said = await rows.run(_branch, first.session_id)
    assert said[3::2] == ["Yes."] * 6
    assert sorted(said[2::2]) == [str(number) for number in range(6)]


async def test_a_session_may_refuse(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Wait ", 0.2, "for me."])
    turn = await ask(person)
    await rows.run(AgentOSSession.objects.filter(pk=turn.session_id).update, when_busy="refuse")
    with pytest.raises(Conflict) as refused:
        await ask(person, "And now?", session_id=turn.session_id)
    assert refused.value.code == "session_busy"
    await turn.result()
    assert await rows.run(AgentOSMessage.objects.filter(session_id=turn.session_id).count) == 2


async def test_a_session_may_be_steered(ask: Asks, person: Person, script: Script) -> None:
    script.will(["I go on and ", SILENCE], ["As you wish."])
    turn = await ask(person, "Tell me everything")
    await until(turn, "message.delta")
    await rows.run(AgentOSSession.objects.filter(pk=turn.session_id).update, when_busy="steer")
    steered = await ask(person, "In short, please", session_id=turn.session_id)
    assert (await steered.result()).content == "As you wish."
    stopped = await turn.result()
    assert (stopped.status, stopped.content) == (RunStatus.CANCELLED, "I go on and ")


def test_an_answer_ends_while_somebody_steers_past_it(person: Person, agents: dict[str, Any]) -> None:
    """Both lock the session first: in different orders they would wait for each other, and one would be refused."""
    opened = opening.open_turn(person.principal, agents["scripted"], Ask("One"))
    answer = AgentOSMessage(role="assistant", content="Done.", is_answer=True)
    ended: list[Any] = []

    def end() -> None:
        try:
            ended.append(settling.settle(opened.run_id, Ending(RunStatus.COMPLETED, [answer]), [], 1))
        finally:
            connection.close()

    with transaction.atomic():
        AgentOSSession.objects.select_for_update(no_key=True).get(pk=opened.session_id)
        thread = threading.Thread(target=end)
        thread.start()
        while not _somebody_waits_for_a_lock():
            assert thread.is_alive()
        AgentOSRun.objects.filter(pk=opened.run_id).update(cancel_requested_at=timezone.now())
    thread.join()
    assert ended[0] is not None
    assert AgentOSRun.objects.get(pk=opened.run_id).status == RunStatus.COMPLETED


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


async def test_no_more_than_so_many_wait(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MOST_WAITING", 1)
    script.will([SILENCE])
    turn = await ask(person)
    await ask(person, "Next", session_id=turn.session_id)
    with pytest.raises(Conflict, match="1 messages are waiting"):
        await ask(person, "And next", session_id=turn.session_id)


async def test_one_that_waits_is_cancelled_at_once_and_the_others_go_on(
    ask: Asks, person: Person, script: Script
) -> None:
    script.will(["First ", SILENCE], ["Third answer."])
    first = await ask(person, "One")
    await until(first, "message.delta")
    second = await ask(person, "Two", session_id=first.session_id)
    third = await ask(person, "Three", session_id=first.session_id)
    await turns.stop(person.principal, second.run_id)
    assert (await second.result()).status == RunStatus.CANCELLED
    assert [event.type for event in await all_events(second)] == ["run.queued", "run.cancelled"]
    await turns.stop(person.principal, first.run_id)
    assert (await third.result()).content == "Third answer."
    assert await rows.run(_branch, first.session_id) == ["One", "First ", "Three", "Third answer."]


@pytest.mark.usefixtures("script")
async def test_whoever_finds_it_left_behind_begins_it(ask: Asks, agents: dict[str, Any], person: Person) -> None:
    """The process that should have begun it is gone: the worker's sweep finds it, and so does the next message."""
    dead = await rows.run(opening.open_turn, person.principal, agents["scripted"], Ask("One"))
    waiting = await rows.run(
        opening.open_turn, person.principal, agents["scripted"], Ask("Two", session_id=dead.session_id)
    )
    assert await rows.run(recovery.left_waiting) == []
    recording.forget(dead.run_id)
    old = timezone.now() - recording.STALE_AFTER - timedelta(seconds=1)
    await rows.run(AgentOSRun.objects.filter(pk=dead.run_id).update, heartbeat_at=old)
    assert await rows.run(lambda: recovery.interrupt_silent(recovery.silent_runs())) == [dead.run_id]
    assert await rows.run(recovery.left_waiting) == [waiting.run_id]
    last = await ask(person, "Three", session_id=dead.session_id)
    assert (await last.result()).content == "Hello there."
    assert (await rows.run(AgentOSRun.objects.get, pk=waiting.run_id)).status == RunStatus.COMPLETED


async def test_two_claim_it_and_one_gets_it(ask: Asks, agents: dict[str, Any], person: Person) -> None:
    asked = Ask("On its own", on_its_own=True, in_background=True)
    opened = await rows.run(opening.open_turn, person.principal, agents["scripted"], asked)
    claimed = await asyncio.gather(*(rows.run(queue.claim, opened.run_id) for _ in range(4)))
    assert sum(one is not None for one in claimed) == 1
    recording.forget(opened.run_id)


async def test_rights_are_those_of_the_moment_it_begins(ask: Asks, person: Person, script: Script) -> None:
    script.will(["First ", 0.2, "answer."])
    first = await ask(person, "One")
    second = await ask(person, "Two", session_id=first.session_id)
    await rows.run(Membership.objects.filter(user=person.user).update, role="viewer")
    result = await second.result()
    assert (result.status, result.error and result.error["code"]) == (RunStatus.FAILED, "not_allowed")


async def test_a_key_that_is_deleted_takes_its_waiting_runs_along(
    ask: Asks, person: Person, agents: dict[str, Any], script: Script
) -> None:
    """Not the person's own rights, which may be more, take the place of the key's."""
    script.will(["First ", 0.2, "answer."])
    first = await ask(person, "One")
    key, _ = await rows.run(make_key, person)
    with_key = principal_of_membership(person.user, await rows.run(find_membership, person.user), key)
    second = await AgentOSService(with_key).open_turn("scripted", "Two", first.session_id)
    await rows.run(key.delete)
    result = await second.result()
    assert (result.status, result.error and result.error["code"]) == (RunStatus.FAILED, "not_allowed")


async def test_a_run_on_its_own_leaves_no_session(person: Person, agents: dict[str, Any], script: Script) -> None:
    turn = await AgentOSService(person.principal).ask("scripted", Ask("What is it?", on_its_own=True))
    result = await turn.result()
    assert (result.status, result.session_id) == (RunStatus.COMPLETED, None)
    run = await rows.run(AgentOSRun.objects.get)
    assert (run.input, run.output) == (
        {"message": "What is it?"},
        {"content": "Hello there.", "reasoning": "", "tools": [], "citations": [], "metadata": {}},
    )
    assert not await rows.run(AgentOSSession.objects.exists)


def _branch(session_id: Any) -> list[str]:
    """What is said in the branch that is shown, in order."""
    by_id = {message.pk: message for message in AgentOSMessage.objects.filter(session=session_id)}
    message = by_id.get(AgentOSSession.objects.get(pk=session_id).head_id)  # type: ignore[arg-type]
    said = []
    while message is not None:
        said.append(message.content)
        message = by_id.get(message.parent_id)  # type: ignore[arg-type]
    return said[::-1]
