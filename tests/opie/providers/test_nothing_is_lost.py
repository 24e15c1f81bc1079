"""No call without a row, no row without a call, and never one too many for a budget: against a platform that fails in
every way, with books of its own. benchmarks/faults.py does the same with 2,000 calls."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded, PlatformFailed
from apps.opie import rows
from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.models import AgentOSRun, AgentOSUsage, Budget, BudgetPeriod, BudgetReservation
from apps.opie.models.budgets import BudgetPeriodKind
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.clients import close_clients
from apps.opie.providers.metered import MeteredModel
from tests.opie.providers.asking import metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.opie.providers.storm import candidates, ledger_of, one_answer, storm
from tests.vendors.faulty import ANSWERS, MIX, FaultyServer
from tests.vendors.reply import Reply, Usage
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

SEED = 20261121
LENGTH = 256
PER_TOKEN = Decimal("0.001")


@pytest.fixture
async def faulty() -> AsyncIterator[FaultyServer]:
    async with FaultyServer(SEED) as server:
        yield server
        await close_clients()


async def test_both_sides_have_the_same_books(faulty: FaultyServer, run: AgentOSRun, scoped: Scoped) -> None:
    everyone = await rows.run(candidates, faulty.url)
    with scoped():
        seen = await storm(everyone, calls=200, seed=SEED)
    books, ledger = faulty.books, await rows.run(ledger_of, run.id)
    assert seen.answered + sum(seen.failed.values()) == 200
    assert seen.answered > 100
    assert set(MIX) <= set(books.kinds), "every kind of failure has happened"
    assert (ledger.open, ledger.unknown) == (0, 0)
    assert ledger.sent == books.calls
    assert (ledger.reported, ledger.input, ledger.output) == (books.reported, books.input, books.output)
    assert ledger.kinds["succeeded"] == seen.answered
    estimated = await rows.run(
        lambda: list(AgentOSUsage.objects.filter(run=run, certainty=Certainty.ESTIMATED, input_tokens=None))
    )
    assert estimated == []


async def priced(principal: Principal, url: str, calls: int) -> MeteredModel:
    """A model whose answers cost exactly what is held for them, and a budget for so many of them."""
    model = await metered(ApiType.OPENAI_COMPATIBLE, url, max_tokens=LENGTH)
    (candidate,) = model.candidates
    price = NewPrice(candidate.platform.platform_name, candidate.model, Decimal(0), PER_TOKEN * 1_000_000)
    await rows.run(set_price, principal, price)
    amount = calls * LENGTH * PER_TOKEN
    await rows.run(Budget.objects.create, team_id=principal.team_id, amount=amount, period=BudgetPeriodKind.DAY)
    return MeteredModel((candidate.__class__(candidate.platform, candidate.model, LENGTH),))


async def books_of_the_day() -> tuple[Decimal, Decimal]:
    period = await rows.run(BudgetPeriod.objects.get)
    return period.spent, period.reserved


async def test_a_budget_for_twenty_of_fifty_at_once(
    vendor: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.pause = 0.01
    model = await priced(principal, vendor.will(Reply(usage=Usage(100, 0, 0, LENGTH, 0))).url, calls=20)

    refused: list[BudgetExceeded] = []

    async def call() -> str:
        try:
            return await one_answer(model, stream=True)
        except BudgetExceeded as error:
            refused.append(error)
            return ""

    with scoped():
        said = await asyncio.gather(*(call() for _ in range(50)))
    assert sum(map(bool, said)) == len(vendor.asked) == len(await usage_rows(run)) == 20
    assert {(error.code, "Retry-After" in error.headers) for error in refused} == {("budget_exceeded", True)}
    assert await books_of_the_day() == (20 * LENGTH * PER_TOKEN, 0)


async def test_all_twenty_go_through_in_the_end_although_the_platform_fails(
    principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    kinds = {"answer": 5, "reset_at_once": 2, "status": 2}
    async with FaultyServer(SEED, kinds) as faulty:
        faulty.lot = _EvenLot(SEED)
        model = await priced(principal, faulty.url, calls=20)
        answered = 0

        async def call() -> None:
            nonlocal answered
            while answered < 20:
                try:
                    await one_answer(model, stream=False)
                    answered += 1
                except (PlatformFailed, BudgetExceeded):
                    await asyncio.sleep(0.01)

        with scoped():
            await asyncio.gather(*(call() for _ in range(50)))
        await close_clients()
    spent, reserved = await books_of_the_day()
    assert (answered, reserved) == (20, 0)
    assert spent == 20 * LENGTH * PER_TOKEN
    succeeded = [row for row in await usage_rows(run) if row.outcome == CallOutcome.SUCCEEDED]
    assert len(succeeded) == 20
    assert faulty.books.kinds.keys() >= ANSWERS & kinds.keys()


class _EvenLot(random.Random):
    """Every answer is as long as was held for; what else happens is drawn."""

    def randint(self, a: int, b: int) -> int:
        return LENGTH

    def choice(self, seq):  # type: ignore[no-untyped-def]
        return 503 if 503 in seq else super().choice(seq)


async def test_calls_that_are_killed_midway_keep_their_rows_and_give_back_what_they_held(
    vendor: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    """Cancelled at every moment of a call, from before its row to the middle of its answer."""
    vendor.pause = 0.1
    model = await priced(principal, vendor.url, calls=1000)
    with scoped():
        calls = [asyncio.create_task(one_answer(model, stream=True)) for _ in range(30)]
        for call in calls[:10]:
            await asyncio.sleep(0.002)
            call.cancel()
        async with asyncio.timeout(20):
            while not vendor.asked:  # noqa: ASYNC110 - a server of the tests, without events
                await asyncio.sleep(0.01)
        for call in calls[10:]:
            await asyncio.sleep(0.02)
            call.cancel()
        for call in calls:
            with contextlib.suppress(asyncio.CancelledError):
                await call
    async with asyncio.timeout(5):
        while await rows.run(AgentOSUsage.objects.filter(outcome=CallOutcome.OPEN).exists):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    found = await usage_rows(run)
    outcomes = {row.outcome for row in found}
    assert outcomes <= {CallOutcome.CANCELLED, CallOutcome.UNSENT, CallOutcome.SUCCEEDED}
    assert CallOutcome.CANCELLED in outcomes
    assert len([row for row in found if row.outcome != CallOutcome.UNSENT]) >= len(vendor.asked)
    assert not await rows.run(BudgetReservation.objects.filter(state="held").exists)
    spent, reserved = await books_of_the_day()
    assert (spent, reserved) == (sum(row.cost or 0 for row in found), 0)


async def test_an_answer_is_shortened_to_what_the_budget_has_left(
    vendor: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    """A budget for 600 tokens: of 1024 that were asked for, 512 fit; a second answer, of 256 at least, does not."""
    model = await priced(principal, vendor.will(Reply(usage=Usage(100, 0, 0, 400, 0))).url, calls=1)
    await rows.run(Budget.objects.update, amount=600 * PER_TOKEN)
    (candidate,) = model.candidates
    wide = replace(candidate, platform=replace(candidate.platform, max_tokens=1024), max_tokens=1024)
    with scoped():
        await one_answer(MeteredModel((wide,)), stream=False)
        with pytest.raises(BudgetExceeded) as caught:
            await one_answer(MeteredModel((wide,)), stream=False)
    assert [asked.body["max_tokens"] for asked in vendor.asked] == [512]
    assert caught.value.code == "budget_exceeded"
    assert await books_of_the_day() == (400 * PER_TOKEN, 0)


async def test_a_price_that_nobody_knows_is_not_guessed(
    vendor: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    await rows.run(Budget.objects.create, team_id=principal.team_id, amount=100)
    model = await metered(ApiType.OPENAI_COMPATIBLE, vendor.url)
    with scoped(), pytest.raises(BudgetExceeded) as caught:
        await one_answer(model, stream=False)
    assert (caught.value.code, vendor.asked, await usage_rows(run)) == ("price_unknown", [], [])
