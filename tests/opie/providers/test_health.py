"""The circuit breaker: platforms that keep failing rest, for all processes, and come back by themselves."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.api.errors import PlatformFailed
from apps.opie import rows
from apps.opie.models import AgentOSRun, AIPlatform, PlatformHealth
from apps.opie.models.platforms import ApiType
from apps.opie.providers import failures, health
from apps.opie.providers.metered import MeteredModel
from apps.opie.providers.snapshot import PlatformSnapshot
from apps.opie.providers.trial import try_platform
from tests.opie.providers.asking import add_platform, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.opie.providers.storm import one_answer
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rests]

DOWN = Reply(status=500)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What managers were told."""
    notices: list[dict[str, Any]] = []
    monkeypatch.setattr(health, "tell_managers", lambda team_id, **words: notices.append({"team_id": team_id} | words))
    return notices


async def health_of(model: MeteredModel) -> PlatformHealth:
    return await rows.run(PlatformHealth.objects.get, pk=model.candidates[0].platform.id)


async def is_over(model: MeteredModel) -> None:
    """The rest is over, and everybody has seen it."""
    past = timezone.now() - timedelta(seconds=1)
    await rows.run(PlatformHealth.objects.filter(pk=model.candidates[0].platform.id).update, rested_until=past)
    as_another_process()


def as_another_process() -> None:
    """Forget what this process knows; the rows say it."""
    health._known.unwell, health._known.read_at = {}, float("-inf")


async def code(model: MeteredModel) -> str:
    try:
        await one_answer(model, stream=False)
    except PlatformFailed as error:
        return error.code
    return ""


async def test_five_failures_in_a_row_are_a_rest_for_every_process(
    vendor: VendorServer, run: AgentOSRun, scoped: Scoped, told: list[Any]
) -> None:
    model = await metered(ApiType.OPENAI, vendor.will(DOWN).url)
    with scoped():
        assert [await code(model) for _ in range(3)] == ["platform_failed"] * 3
        as_another_process()
        with pytest.raises(PlatformFailed, match="left alone for a while because it failed too often") as caught:
            await one_answer(model, stream=True)
    assert caught.value.code == "platform_resting"
    assert 25 <= int(caught.value.headers["Retry-After"]) <= 30
    assert len(vendor.asked) == len(await usage_rows(run)) == 5, "the fifth attempt's second try was not made"
    assert told == []


async def test_after_the_rest_one_asks_and_heals(vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(ApiType.OPENAI, vendor.will(DOWN).url)
    with scoped():
        for _ in range(3):
            await code(model)
        await is_over(model)
        vendor.will(Reply()).asked.clear()
        vendor.released = asyncio.Event()
        asking = [asyncio.create_task(code(model)) for _ in range(10)]
        refused = [await one for _, one in zip(range(9), asyncio.as_completed(asking), strict=False)]
        assert refused == ["platform_resting"] * 9
        vendor.released.set()
        assert sorted(await asyncio.gather(*asking)) == ["", *refused]
        assert len(vendor.asked) == 1
        assert await code(model) == ""
    row = await health_of(model)
    assert (row.failures_in_a_row, row.rests_in_a_row, row.rested_until) == (0, 0, None)


def test_who_waits_while_another_takes_the_probe_does_not_get_it(transactional_db: None) -> None:
    platform = add_platform(ApiType.OPENAI, "http://127.0.0.1:1")
    past = timezone.now() - timedelta(seconds=1)
    row = PlatformHealth.objects.create(
        platform=platform, rested_until=past, reason="x", last_failure_at=timezone.now()
    )

    def claim() -> bool:
        try:
            return health._claim_probe(row.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            assert health._claim_probe(row.pk)
            other = threads.submit(claim)
            wait_for_somebody_to_be_locked_out()
        assert not other.result(10)


def wait_for_somebody_to_be_locked_out() -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    pytest.fail("nobody waits for the row")


async def test_a_probe_that_fails_doubles_the_rest_up_to_ten_minutes(vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(ApiType.OPENAI, vendor.will(DOWN).url)
    rests = []
    with scoped():
        for _ in range(3):
            await code(model)
        for _ in range(7):
            row = await health_of(model)
            assert row.rested_until
            rests.append(round((row.rested_until - timezone.now()).total_seconds() / 10) * 10)
            await is_over(model)
            vendor.asked.clear()
            assert await code(model) == "platform_failed"
            assert len(vendor.asked) == 1, "a probe is one attempt"
    assert rests == [30, 60, 120, 240, 480, 600, 600]


async def test_a_success_in_between_starts_the_count_anew(vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(ApiType.OPENAI, vendor.will(*[DOWN] * 4, Reply(), *[DOWN] * 4, Reply()).url)
    with scoped():
        assert [await code(model) for _ in range(6)] == ["platform_failed"] * 2 + [""] + ["platform_failed"] * 2 + [""]


@pytest.mark.parametrize("status", [401, 402])
async def test_a_bad_key_rests_at_once_and_is_told_once(
    status: int, vendor: VendorServer, scoped: Scoped, told: list[dict[str, Any]]
) -> None:
    model = await metered(ApiType.OPENAI, vendor.will(Reply(status=status)).url)
    with scoped():
        await code(model)
        assert await code(model) == "platform_resting"
        assert len(told) == 1
        await is_over(model)
        await code(model)
    assert len(told) == 1, "once for as long as it lasts"
    assert told[0]["permission"] == "manage_platforms"
    row = await health_of(model)
    assert row.rested_until
    assert timedelta(minutes=9) < row.rested_until - timezone.now() <= timedelta(minutes=10)


async def test_a_resting_platform_is_passed_over(vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    async with VendorServer() as second:
        model = await metered(ApiType.OPENAI, vendor.will(Reply(status=401)).url)
        other = await metered(ApiType.OLLAMA, second.url)
        both = MeteredModel((*model.candidates, *other.candidates))
        with scoped():
            for _ in range(3):
                assert await code(both) == ""
    assert (len(vendor.asked), len(second.asked)) == (1, 3)


async def test_a_new_key_is_tried_at_once(vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(ApiType.OPENAI, vendor.will(Reply(status=401)).url)
    with scoped():
        await code(model)
        assert await code(model) == "platform_resting"
        vendor.will(Reply())

        def enter_new_key() -> None:
            row = AIPlatform.objects.get(pk=model.candidates[0].platform.id)
            row.api_key = "canary-new-key"
            row.save()

        await rows.run(enter_new_key)
        as_another_process()
        assert await code(model) == ""
    assert (await health_of(model)).rested_until is None


async def test_trying_a_platform_out_wakes_it(vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(ApiType.OPENAI, vendor.will(Reply(status=401)).url)
    with scoped() as scope:
        await code(model)
        vendor.will(Reply())
        row = await rows.run(AIPlatform.objects.get, pk=model.candidates[0].platform.id)
        assert (await try_platform(scope.principal, row))["ok"]
        assert await code(model) == ""


async def test_a_platform_that_is_well_costs_no_query(vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(ApiType.OPENAI, vendor.url)
    with scoped():
        await one_answer(model, stream=False)
        health._known.read_at = asyncio.get_running_loop().time() + 10
        platform = model.candidates[0].platform
        for _ in range(100):
            assert await health.permit_for(platform) is health.ASK
            await health.note_success(platform)
    assert await rows.run(PlatformHealth.objects.count) == 0


def test_one_reading_serves_many(transactional_db: None) -> None:
    as_another_process()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(50):
            health.read_if_old()
    assert len(queries) == 1


def test_a_deleted_platform_is_let_go_of(transactional_db: None) -> None:
    row = add_platform(ApiType.OPENAI, "http://127.0.0.1:9")
    snapshot = PlatformSnapshot.of(row)
    row.delete()
    assert health.record_failure(replace(snapshot), failures.BUSY) == (None, "")
