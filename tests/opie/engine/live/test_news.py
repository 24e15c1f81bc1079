"""How news of runs gets from one process to another; the other process is a Follower here, which never looks at what this
process has in memory."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.db import connection, transaction

from apps.api.ids import uuid7
from apps.opie import rows
from apps.opie.engine import stream
from apps.opie.engine.live import event_rows, following, here, redis_streams
from apps.opie.events import RunEvent
from apps.opie.models import AgentOSRun
from tests.opie.engine.conftest import Asks, all_events, until
from tests.opie.engine.scripted import Script
from tests.opie.people import Person

SOON = 20  # a safety net: what is waited for comes at once, or never


@pytest.fixture
def nobody_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read when somebody tells of news, and never by the clock."""
    monkeypatch.setattr(following, "POLL_SECONDS", 3600.0)
    monkeypatch.setattr(following, "POLL_WHEN_TOLD_SECONDS", 3600.0)


@pytest.fixture
def with_redis(settings: Any, valkey_url: str) -> Iterator["redis.Redis"]:
    settings.REDIS_URL = valkey_url
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def with_silent_redis(settings: Any) -> Iterator[None]:
    """A Redis that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield


async def elsewhere(run_id: Any, after: int = 0) -> list[RunEvent]:
    """All events of a run, as another process reads them."""
    follower = here.following().add(run_id, after)
    try:
        return [event async for batch in follower.read(after) for event in batch]
    finally:
        follower.leave()


async def is_told() -> None:
    """Whoever tells of news is there."""
    while not here.following().is_told:  # noqa: ASYNC110 - it is the process's own, and tells nobody
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("nobody_polls")
async def test_notices_wake_readers(ask: Asks, person: Person, script: Script) -> None:
    script.will(["One ", 0.5, "two ", 0.5, "three."])
    await is_told()
    turn = await ask(person)
    near, far = await asyncio.wait_for(asyncio.gather(all_events(turn), elsewhere(turn.run_id)), SOON)
    assert near == far


@pytest.mark.usefixtures("nobody_polls")
async def test_who_listens_connects_again(ask: Asks, person: Person, script: Script) -> None:
    script.will(["One ", 3.0, "two."])
    turn = await ask(person)
    await until(turn, "message.delta")
    reading = asyncio.ensure_future(elsewhere(turn.run_id))
    await is_told()
    await rows.run(_end_listening_connections)
    assert await asyncio.wait_for(reading, SOON) == await all_events(turn)


def _end_listening_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN %%' AND pid <> pg_backend_pid()"
        )
        assert len(cursor.fetchall()) == 1


async def test_without_anybody_telling_rows_are_read_by_the_clock(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_rows, "CHANNEL", "nobody_listens_here")
    script.will(["One ", 0.5, "two."])
    turn = await ask(person)
    assert await asyncio.wait_for(elsewhere(turn.run_id), SOON) == await all_events(turn)


@pytest.mark.usefixtures("with_redis", "nobody_polls")
async def test_redis_brings_what_no_row_holds_yet(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT_SECONDS", 3600.0)
    heard = asyncio.Event()
    script.will(["One ", "two ", heard.wait, "three."])
    turn = await ask(person)
    follower = here.following().add(turn.run_id, 0)
    seen: list[RunEvent] = []
    async with asyncio.timeout(SOON):
        async for batch in follower.read(0):
            seen += batch
            if [event.type for event in seen].count("message.delta") == 2:
                assert not await rows.run(AgentOSRun.objects.filter(event_batches__isnull=False).exists)
                heard.set()
    assert seen == await all_events(turn)


async def test_a_stream_in_redis_is_bounded_and_goes_away(
    ask: Asks, person: Person, script: Script, with_redis: "redis.Redis"
) -> None:
    turn = await ask(person)
    assert await asyncio.wait_for(elsewhere(turn.run_id), SOON) == await all_events(turn)
    key = redis_streams.KEY.format(turn.run_id.hex)
    await here.close()  # what was said last is sent by then
    assert 0 < with_redis.ttl(key) <= redis_streams.KEPT_AFTER_THE_END_SECONDS  # type: ignore[operator]
    assert with_redis.xlen(key) <= redis_streams.MOST_ENTRIES  # type: ignore[operator]


@pytest.mark.usefixtures("with_redis")
async def test_what_redis_has_lost_comes_from_rows(
    ask: Asks, person: Person, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_streams, "MOST_ENTRIES", 1)
    real = redis_streams.Publisher._add

    def forgetful(self: Any, pipeline: Any, *rest: Any) -> None:
        real(self, pipeline, *rest)
        pipeline.xtrim(redis_streams.KEY.format(rest[0].stream.run_id.hex), maxlen=1, approximate=False)

    monkeypatch.setattr(redis_streams.Publisher, "_add", forgetful)
    script.will([*(step for number in range(12) for step in (f"{number} ", 0.1)), "end."])
    turn = await ask(person)
    late = asyncio.create_task(_after(0.6, elsewhere(turn.run_id)))
    early = elsewhere(turn.run_id)
    first, second = await asyncio.wait_for(asyncio.gather(early, late), SOON)
    assert first == second == await all_events(turn)


async def _after(seconds: float, reading: Any) -> Any:
    await asyncio.sleep(seconds)
    return await reading


@pytest.mark.usefixtures("with_silent_redis")
async def test_a_redis_that_does_not_answer_holds_nothing_up(ask: Asks, person: Person, script: Script) -> None:
    script.will(["One ", 0.5, "two."])
    turn = await ask(person)
    near, far = await asyncio.wait_for(asyncio.gather(all_events(turn), elsewhere(turn.run_id)), SOON)
    assert near == far
    assert here.following().is_told is False
    assert (await turn.result()).status == "completed"


@pytest.mark.usefixtures("with_redis")
async def test_nonsense_in_redis_is_left_to_the_rows(
    ask: Asks, person: Person, script: Script, with_redis: "redis.Redis"
) -> None:
    script.will(["One ", 1.0, "two."])
    turn = await ask(person)
    await until(turn, "message.delta")
    key = redis_streams.KEY.format(turn.run_id.hex)
    with_redis.delete(key)
    with_redis.xadd(key, {"before": "0", "events": "nonsense"}, id="1-0")
    assert await asyncio.wait_for(elsewhere(turn.run_id), SOON) == await all_events(turn)


@pytest.mark.usefixtures("with_redis")
async def test_two_hundred_readers_share_one_connection(
    ask: Asks, person: Person, script: Script, with_redis: "redis.Redis"
) -> None:
    script.will(["One ", 1.5, "two."])
    turn = await ask(person)
    reading = asyncio.gather(*(elsewhere(turn.run_id) for _ in range(200)))
    await is_told()
    # One reads, one publishes, one is this test's own; those of tests before may still be about to go.
    # A connection for each reader would be 200.
    assert len(with_redis.client_list(_type="normal")) < 50  # type: ignore[arg-type]
    everything = await all_events(turn)
    assert all(seen == everything for seen in await asyncio.wait_for(reading, SOON))


async def test_a_run_that_waits_is_followed_to_where_it_goes_on(agents: Any, person: Person) -> None:
    run = await rows.run(_waiting_run, person)
    reading = asyncio.ensure_future(_all(stream.read_events(run.pk)))
    await is_told()
    assert not reading.done()
    task = asyncio.current_task()
    assert task is not None
    await rows.run(AgentOSRun.objects.filter(pk=run.pk).update, status="running")
    live = stream.open_stream(run.pk, task, after=2)
    live.publish("message.delta", {"text": "Yes."})
    live.publish("run.finished", {})
    live.beats = False
    assert [event.number for event in await asyncio.wait_for(reading, SOON)] == [1, 2, 3, 4]
    # Who comes now reads the older ones from rows and the others from the stream.
    assert [event.number for event in await _all(stream.read_events(run.pk, 1))] == [2, 3, 4]
    stream.close_stream(live)


async def test_readers_of_a_run_that_begins_to_wait_stay(agents: Any, person: Person) -> None:
    run = await rows.run(_waiting_run, person)
    task = asyncio.current_task()
    assert task is not None
    live = stream.open_stream(run.pk, task)
    live.beats = False
    live.publish("run.started", {})
    live.publish("approval.required", {})
    reading = asyncio.ensure_future(_all(stream.read_events(run.pk)))
    await asyncio.sleep(0)
    stream.hand_over(live)
    await is_told()
    assert not reading.done()
    await rows.run(_end, run)
    assert [event.type for event in await asyncio.wait_for(reading, SOON)] == [
        *("run.started", "approval.required", "run.cancelled")
    ]


async def _all(reading: Any) -> list[RunEvent]:
    return [event async for batch in reading for event in batch]


@transaction.atomic
def _waiting_run(person: Person) -> AgentOSRun:
    run = AgentOSRun.objects.create(id=uuid7(), user=person.user, team=person.team, status="waiting")
    run.event_batches.create(
        first_number=1, last_number=2, events=[[1, "run.started", {}], [2, "approval.required", {}]]
    )
    return run


@transaction.atomic
def _end(run: AgentOSRun) -> None:
    from django.utils import timezone

    run.event_batches.create(first_number=3, last_number=3, events=[[3, "run.cancelled", {}]])
    AgentOSRun.objects.filter(pk=run.pk).update(status="cancelled", finished_at=timezone.now())
    event_rows.tell([run.pk])


def test_a_notice_of_strangers_is_passed_over() -> None:
    known = uuid4()
    assert event_rows.ids_in(f"nonsense,{known.hex},,'; DROP TABLE x") == {known}
