"""Re-rating: entries beside the old ones, once, with the budgets behind them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.opie.ledger import budgets, rerating
from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.ledger.rerating import Rerating, rerate
from apps.opie.metrics.usage import UsageQuestion, report_usage
from apps.opie.models import AgentOSUsage, AIPlatform, Budget, BudgetPeriod, UsageCorrection
from apps.opie.models.usage import CallOutcome
from tests.opie.ledger.written import at_once, write_call
from tests.opie.people import Person

NOW = datetime.now(UTC).replace(microsecond=0)
SINCE, UNTIL = NOW - timedelta(days=1), NOW + timedelta(hours=1)


def dearer(person: Person, **fields: Any) -> None:
    """1000 tokens in and 100 out come to 1.2, cached ones cost as others."""
    values: dict[str, Any] = {"input": Decimal(1000), "output": Decimal(2000), "valid_from": SINCE}
    set_price(person.principal, NewPrice("openai", "gpt-test", **(values | fields)))


def again(person: Person, **more: Any) -> Rerating:
    return rerate(person.principal, SINCE, UNTIL, **more)


def cost(person: Person) -> Decimal:
    return report_usage(person.principal, UsageQuestion()).totals.cost


def test_the_old_row_stays_and_the_report_follows_the_new_one(person: Person) -> None:
    call = write_call(person.principal, unit_prices={"input": "1"})
    dearer(person)
    assert cost(person) == Decimal("0.5")
    found = again(person, reason="list was old")
    assert (found.calls, found.corrected, found.difference) == (1, 1, Decimal("0.7"))
    entry = UsageCorrection.objects.get()
    assert (entry.cost_before, entry.cost, entry.reason) == (Decimal("0.5"), Decimal("1.2"), "list was old")
    assert (entry.unit_prices["input"], entry.author, entry.batch) == ("1000.00000000", person.user, found.batch)
    call.refresh_from_db()
    assert (call.cost, call.unit_prices) == (Decimal("0.5"), {"input": "1"})
    assert cost(person) == Decimal("1.2")


def test_a_second_time_corrects_nothing_and_a_third_price_corrects_the_second(person: Person) -> None:
    write_call(person.principal)
    dearer(person)
    assert [again(person).corrected for _ in range(3)] == [1, 0, 0]
    dearer(person, input=Decimal(0), output=Decimal(0))
    found = again(person)
    assert (found.corrected, found.difference) == (1, Decimal("-1.2"))
    assert cost(person) == 0
    assert UsageCorrection.objects.count() == 2


def test_a_trial_changes_nothing(person: Person) -> None:
    write_call(person.principal)
    dearer(person)
    found = again(person, dry_run=True)
    assert (found.corrected, found.difference) == (1, Decimal("0.7"))
    assert not UsageCorrection.objects.exists()


def test_an_unknown_cost_becomes_known(person: Person) -> None:
    write_call(person.principal, cost=None)
    write_call(person.principal, cost=None, input_tokens=None)
    assert report_usage(person.principal, UsageQuestion()).totals.unpriced_calls == 2
    dearer(person)
    assert again(person).corrected == 1  # nobody knows what the other one took
    totals = report_usage(person.principal, UsageQuestion()).totals
    assert (totals.cost, totals.unpriced_calls) == (Decimal("1.2"), 1)


def test_a_published_price_is_enough(person: Person) -> None:
    platform = AIPlatform.objects.create(platform_name="local", api_type="ollama", default_model="x")
    write_call(person.principal, cost=None, platform=platform, platform_name="local", model="x")
    assert again(person).corrected == 1
    assert cost(person) == 0


def test_budgets_follow_the_difference(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=10, allows_unpriced=True)
    known, unknown = (write_call(person.principal, cost=known) for known in (Decimal("0.5"), None))
    budgets.reserve(person.principal, known.pk, Decimal(1))
    budgets.settle(known.pk, Decimal("0.5"))
    budgets.reserve(person.principal, unknown.pk, None)
    budgets.settle(unknown.pk, None)
    dearer(person)
    again(person)
    again(person)
    assert BudgetPeriod.objects.get(budget=budget).spent == Decimal("2.4")
    dearer(person, input=Decimal(0), output=Decimal(0))
    again(person)
    assert BudgetPeriod.objects.get(budget=budget).spent == 0


def test_only_what_was_asked_for_is_priced_anew(person: Person, stranger: Person) -> None:
    inside = write_call(person.principal)
    others = [
        write_call(person.principal, SINCE - timedelta(milliseconds=1)),
        write_call(person.principal, UNTIL),
        write_call(stranger.principal),
        write_call(person.principal, outcome=CallOutcome.UNSENT),
        write_call(person.principal, outcome=CallOutcome.OPEN, finished_at=None),
    ]
    dearer(person, valid_from=SINCE - timedelta(days=9))
    assert again(person, model="another").calls == 0
    assert again(person, platform_name="another").calls == 0
    assert again(person, model="gpt-test", platform_name="openai").calls == 1
    assert UsageCorrection.objects.get().usage_id == inside.pk
    assert AgentOSUsage.objects.count() == 1 + len(others)


def test_each_call_by_the_price_of_its_moment(person: Person) -> None:
    for hours in (1, 3):
        write_call(person.principal, NOW - timedelta(hours=hours))
    dearer(person)
    dearer(person, valid_from=NOW - timedelta(hours=2), input=Decimal(0), output=Decimal(0))
    again(person)
    assert set(UsageCorrection.objects.values_list("cost", flat=True)) == {Decimal(0), Decimal("1.2")}


@pytest.mark.parametrize("at_most", [1, 3, 500])
def test_a_large_period_goes_in_chunks_and_many_at_once_count_once(
    person: Person, monkeypatch: pytest.MonkeyPatch, at_most: int
) -> None:
    monkeypatch.setattr(rerating, "BATCH_SIZE", at_most)
    budget = Budget.objects.create(team=person.team, amount=100)
    for _ in range(10):
        call = write_call(person.principal)
        budgets.reserve(person.principal, call.pk, Decimal(1))
        budgets.settle(call.pk, Decimal("0.5"))
    dearer(person)
    found = at_once(4, lambda _: again(person), threads=4)
    assert sum(one.corrected for one in found) == 10
    assert all(one.calls == 10 for one in found)
    assert BudgetPeriod.objects.get(budget=budget).spent == 12


def test_any_period_can_be_asked_for(person: Person) -> None:
    write_call(person.principal)
    dearer(person)
    found = rerate(person.principal, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
    assert found.corrected == 1
