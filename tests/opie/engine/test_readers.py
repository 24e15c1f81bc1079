"""Readers of a run: they may leave, come back, be many, or sit in another process."""

import asyncio
from typing import Any

import pytest

from apps.opie import rows
from apps.opie.engine import stream
from apps.opie.events import RunEvent
from apps.opie.models import AgentOSMessage, RunEventBatch
from apps.opie.models.runs import RunStatus
from tests.opie.engine.conftest import Asks, all_events, until
from tests.opie.engine.scripted import Script
from tests.opie.people import Person


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read as a process does that does not run the run: from the rows alone."""

    async def read(run_id: Any, after: int = 0) -> list[RunEvent]:
        kept = stream._streams.pop(run_id, None)
        reading = stream.read_events(run_id, after)
        first = await anext(reading, [])
        if kept is not None:
            stream._streams[run_id] = kept
        return first + [event async for batch in reading for event in batch]

    return read


async def test_a_reader_who_leaves_does_not_stop_the_run(ask: Asks, person: Person, script: Script) -> None:
    script.will(["One ", 0.2, "two ", 0.2, "three."])
    turn = await ask(person)
    await until(turn, "message.delta")
    assert (await turn.result()).content == "One two three."
    assert await rows.run(AgentOSMessage.objects.filter(run_id=turn.run_id).count) == 2


async def test_a_run_that_nobody_reads_is_recorded(ask: Asks, person: Person, script: Script) -> None:
    turn = await ask(person)
    assert (await turn.result()).status == RunStatus.COMPLETED


async def test_giving_up_waiting_does_not_stop_the_run(ask: Asks, person: Person, script: Script) -> None:
    script.will(["Slow ", 0.3, "answer."])
    turn = await ask(person)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(turn.result(), 0.05)
    assert (await turn.result()).content == "Slow answer."


async def test_all_readers_see_the_same(ask: Asks, person: Person, script: Script, elsewhere: Any) -> None:
    script.will(["One ", 0.3, "two ", 0.3, "three."])
    turn = await ask(person)
    early, other, far = await asyncio.gather(all_events(turn), all_events(turn), elsewhere(turn.run_id))
    assert early == other == far == await all_events(turn)
    assert [event.number for event in early] == list(range(1, len(early) + 1))


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 5, 99, 10**9 - 1])
async def test_coming_back_goes_on_behind_the_last_event_seen(
    ask: Asks, person: Person, script: Script, elsewhere: Any, after: int
) -> None:
    script.will(["One ", "two ", "three."])
    turn = await ask(person)
    everything = await all_events(turn)
    assert len(everything) == 5
    assert await all_events(turn, after) == everything[after:]
    assert await elsewhere(turn.run_id, after) == everything[after:]


async def test_coming_back_in_the_middle_of_a_live_run(ask: Asks, person: Person, script: Script) -> None:
    script.will(["One ", 0.2, "two ", 0.2, "three."])
    turn = await ask(person)
    seen = await until(turn, "message.delta")
    rest = await all_events(turn, seen[-1].number)
    assert [event.number for event in seen + rest] == [1, 2, 3, 4, 5]


async def test_a_stream_is_forgotten_some_time_after_its_end(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "KEPT_AFTER_THE_END_SECONDS", 0.05)
    turn = await ask(person)
    live = await all_events(turn)
    await turn.result()
    await asyncio.sleep(0.2)
    assert turn.run_id not in stream._streams
    assert await all_events(turn) == live


async def test_who_leaves_while_the_beat_waits_for_its_turn_writes_its_events_alone(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT_SECONDS", 0.05)
    script.will(["Before. ", 30.0, "After."])
    turn = await ask(person)
    await until(turn, "message.delta")
    live, beat = stream._streams[turn.run_id], stream._beats[asyncio.get_running_loop()]
    async with beat.turn:
        live.publish("message.delta", {"text": "Unwritten."})
        leaving = asyncio.ensure_future(stream.leave_the_beat(live))
        await asyncio.sleep(4 * stream.BEAT_SECONDS)  # the beat waits behind it by now
    left = await leaving
    async with beat.turn:
        written = await rows.run(lambda: list(RunEventBatch.objects.filter(run_id=turn.run_id)))
    assert not {event[0] for event in left} & {event[0] for batch in written for event in batch.events}
    live.stop.cancel()
    assert (await turn.result()).status == RunStatus.INTERRUPTED
