"""Budgets under every order of what can happen to them, and under real threads."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.principal import principal_for
from apps.api.errors import BudgetExceeded
from apps.api.ids import uuid7
from apps.opie.ledger import budgets
from apps.opie.models import Budget, BudgetPeriod, BudgetReservation
from apps.opie.models.usage import CallOutcome
from tests.opie.ledger.written import at_once, write_call
from tests.opie.people import Person, make_key

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
money = st.decimals(min_value=0, max_value=4, places=12)
costs = st.one_of(st.none(), money)


def books_balance(budget: Budget) -> BudgetPeriod | None:
    """Checks the one rule of the books, and gives them back."""
    period = BudgetPeriod.objects.filter(budget=budget).first()
    if period is None:
        return None
    ended = BudgetReservation.objects.filter(period=period)
    held = ended.filter(state="held").aggregate(sum=Sum("amount"))["sum"] or 0
    settled = ended.filter(state="settled").aggregate(sum=Sum("cost"))["sum"] or 0
    assert (period.reserved, period.spent) == (held, settled)
    assert period.reserved >= 0
    assert period.spent >= 0
    return period


steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 5), costs),
        st.tuples(st.just("settle"), st.integers(0, 5), costs),
        st.tuples(st.just("expire"), st.integers(0, 5), st.none()),
        st.tuples(st.just("refund"), st.integers(0, 5), st.decimals(-4, 4, places=12)),
        st.tuples(st.just("release"), st.integers(0, 5), st.none()),
    ),
    max_size=25,
)


@given(steps=steps, is_foreseen=st.booleans())
@PROPERTY
def test_no_order_of_steps_drives_the_books_out_of_balance(person: Person, steps: Any, is_foreseen: bool) -> None:
    Budget.objects.all().delete()
    team = Budget.objects.create(team=person.team, amount=10, allows_unpriced=True)
    own = Budget.objects.create(team=person.team, user=person.user, amount=7, allows_unpriced=True, period="day")
    calls: dict[int, UUID] = {}
    most: dict[int, Decimal] = {}
    was_refunded = False
    for kind, number, amount in steps:
        call = calls.get(number)
        if kind == "reserve":
            calls[number], most[number] = uuid7(), amount or Decimal(0)
            try:
                budgets.reserve(person.principal, calls[number], amount)
            except BudgetExceeded:
                assert not BudgetReservation.objects.filter(call_id=calls[number]).exists()
        elif call is None:
            continue
        elif kind == "settle":
            budgets.settle(call, min(amount, most[number]) if is_foreseen and amount is not None else amount)
        elif kind == "expire":
            old = datetime.now(UTC) - budgets.HELD_AT_MOST - timedelta(minutes=1)
            BudgetReservation.objects.filter(call_id=call, state="held").update(held_at=old)
            budgets.release_stale()
            assert not BudgetReservation.objects.filter(call_id=call, state="held").exists()
        elif kind == "refund":
            budgets.refund({call: amount})
            was_refunded = True
        else:
            budgets.release([call])
        for budget in (team, own):
            period = books_balance(budget)
            if period and is_foreseen and not was_refunded:
                assert period.spent + period.reserved <= budget.amount


def test_a_reservation_ends_once(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=10)
    call = uuid7()
    budgets.reserve(person.principal, call, Decimal(3))
    budgets.settle(call, Decimal(2))
    budgets.settle(call, Decimal(9))
    budgets.release([call])
    assert BudgetPeriod.objects.get(budget=budget).spent == 2


def test_fifty_at_once_get_what_twenty_cost(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=20)

    def one(_: int) -> bool:
        try:
            budgets.reserve(person.principal, uuid7(), Decimal(1))
        except BudgetExceeded as refused:
            return refused.headers["Retry-After"] != "1"
        return True

    assert sum(at_once(50, one)) == 20
    period = books_balance(budget)
    assert period is not None
    assert period.reserved == 20
    assert BudgetReservation.objects.count() == 20


def test_with_retries_all_twenty_go_through_and_never_one_more(person: Person) -> None:
    """Each holds twice what it costs: at first only ten fit."""
    budget = Budget.objects.create(team=person.team, amount=20)
    spent = threading.Event()

    def one(_: int) -> bool:
        call = uuid7()
        while not spent.is_set():
            try:
                budgets.reserve(person.principal, call, Decimal(2) if left() > 1 else Decimal(1))
            except BudgetExceeded as refused:
                if refused.headers.get("Retry-After") != "1":
                    return False
                continue
            budgets.settle(call, Decimal(1))
            return True
        return False

    def left() -> Decimal:
        period = BudgetPeriod.objects.filter(budget=budget).first()
        return budget.amount - period.spent if period else budget.amount

    assert sum(at_once(50, one)) == 20
    period = books_balance(budget)
    assert period is not None
    assert period.spent == 20
    assert period.reserved == 0


def test_several_budgets_never_lock_each_other_out(person: Person, member: Person) -> None:
    """Their periods begin in the opposite order of the budgets, and all kinds of change go on at once."""
    whole = Budget.objects.create(team=person.team, amount=1000)
    apart = [Budget.objects.create(team=person.team, user=who.user, amount=1000) for who in (person, member)]
    for budget in (*apart, whole):
        BudgetPeriod.objects.create(budget=budget, starts_on=datetime.now(UTC).date().replace(day=1))
    ended: list[UUID] = []

    def one(place: int) -> None:
        principal = (person, member)[place % 2].principal
        call = uuid7()
        with transaction.atomic():
            budgets.reserve(principal, call, Decimal(1))
        with transaction.atomic():
            budgets.settle(call, Decimal("0.5"))
        ended.append(call)
        budgets.refund(dict.fromkeys(reversed(ended[-6:]), Decimal("0.1")))

    at_once(120, one)
    for budget in (whole, *apart):
        assert books_balance(budget) is not None


def test_a_refused_call_holds_nothing_in_the_other_budgets(person: Person) -> None:
    roomy = Budget.objects.create(team=person.team, amount=100)
    tight = Budget.objects.create(team=person.team, user=person.user, amount=1)
    with pytest.raises(BudgetExceeded, match="your budget"):
        budgets.reserve(person.principal, uuid7(), Decimal(2))
    assert BudgetReservation.objects.count() == 0
    assert books_balance(roomy) is None or books_balance(roomy).reserved == 0  # type: ignore[union-attr]
    assert budgets.period_in_force(tight).reserved == 0


@pytest.mark.parametrize(
    ("kind", "now", "following", "seconds"),
    [
        ("day", "2026-11-20T23:59:59.5+00:00", "2026-11-21T00:00:00+00:00", "1"),
        ("day", "2026-11-21T01:30:00+02:00", "2026-11-21T02:30:00+02:00", "1800"),
        ("month", "2026-12-31T23:00:00+00:00", "2027-01-01T00:00:00+00:00", "3600"),
        ("month", "2028-02-29T23:00:00+00:00", "2028-03-01T00:00:00+00:00", "3600"),
    ],
)
def test_a_period_ends_at_midnight_of_utc(person: Person, kind: str, now: str, following: str, seconds: str) -> None:
    Budget.objects.create(team=person.team, amount=1, period=kind)
    before, after = datetime.fromisoformat(now), datetime.fromisoformat(following)
    call = uuid7()
    budgets.reserve(person.principal, call, Decimal(1), before)
    budgets.settle(call, Decimal(1), after)  # it was held in the old period, and is paid from it
    with pytest.raises(BudgetExceeded) as refused:
        budgets.reserve(person.principal, uuid7(), Decimal(1), before)
    assert refused.value.headers == {"Retry-After": seconds}
    assert (refused.value.http_status, refused.value.code) == (402, "budget_exceeded")
    assert f"next {kind}" in refused.value.message
    budgets.reserve(person.principal, uuid7(), Decimal(1), after)


def test_for_ever_no_waiting_helps(person: Person) -> None:
    Budget.objects.create(team=person.team, amount=1, period="ever")
    call = uuid7()
    budgets.reserve(person.principal, call, Decimal(1), NOON)
    budgets.settle(call, Decimal(1), NOON)
    with pytest.raises(BudgetExceeded, match="1 USD in all") as refused:
        budgets.reserve(person.principal, uuid7(), Decimal(1), NOON + timedelta(days=4000))
    assert refused.value.headers == {}
    with pytest.raises(BudgetExceeded, match="1 USD in all") as refused:
        budgets.refuse_when_spent(person.principal, NOON)
    assert refused.value.headers == {}


def test_a_call_dearer_than_the_whole_budget_is_not_told_to_wait(person: Person) -> None:
    Budget.objects.create(team=person.team, amount=1)
    with pytest.raises(BudgetExceeded, match="more than all of your team's budget") as refused:
        budgets.reserve(person.principal, uuid7(), Decimal("1.0000000001"))
    assert refused.value.headers == {}


def test_what_is_spent_is_refused_before_anything_is_stored(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=2, period="day")
    budgets.refuse_when_spent(person.principal)
    call = uuid7()
    budgets.reserve(person.principal, call, Decimal(2), NOON)
    budgets.refuse_when_spent(person.principal, NOON)  # held is not spent
    budgets.settle(call, Decimal(2), NOON)
    with pytest.raises(BudgetExceeded) as refused:
        budgets.refuse_when_spent(person.principal, NOON)
    assert refused.value.headers == {"Retry-After": str(12 * 3600)}
    assert "is used up" in refused.value.message
    budgets.refuse_when_spent(person.principal, NOON + timedelta(hours=12))
    Budget.objects.filter(pk=budget.pk).update(amount=0)
    with pytest.raises(BudgetExceeded) as refused:
        budgets.refuse_when_spent(person.principal, NOON + timedelta(days=9))
    assert refused.value.headers == {}


def test_raising_lowering_and_disabling_hold_from_the_next_call_on(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=1)

    def goes() -> bool:
        try:
            budgets.reserve(person.principal, uuid7(), Decimal(1))
        except BudgetExceeded:
            return False
        return True

    assert [goes(), goes()] == [True, False]
    Budget.objects.filter(pk=budget.pk).update(amount=2)
    assert [goes(), goes()] == [True, False]
    Budget.objects.filter(pk=budget.pk).update(amount=1)
    assert not goes()
    Budget.objects.filter(pk=budget.pk).update(is_enabled=False)
    assert goes()
    Budget.objects.filter(pk=budget.pk).update(is_enabled=True, amount=3)
    assert [goes(), goes()] == [True, False]


def test_what_costs_nothing_fits_into_what_is_overspent(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=1)
    first, free = uuid7(), uuid7()
    budgets.reserve(person.principal, first, Decimal(1))
    budgets.settle(first, Decimal(3))
    budgets.reserve(person.principal, free, Decimal(0))
    budgets.settle(free, Decimal(0))
    with pytest.raises(BudgetExceeded):
        budgets.reserve(person.principal, uuid7(), budgets.STEP)
    assert books_balance(budget).spent == 3  # type: ignore[union-attr]


def test_an_unknown_price_is_refused_unless_every_budget_allows_it(person: Person) -> None:
    first = Budget.objects.create(team=person.team, amount=5)
    Budget.objects.create(team=person.team, user=person.user, amount=5, allows_unpriced=True)
    call = uuid7()
    with pytest.raises(BudgetExceeded) as refused:
        budgets.reserve(person.principal, call, None)
    assert (refused.value.code, refused.value.http_status, refused.value.headers) == ("price_unknown", 402, {})
    Budget.objects.filter(pk=first.pk).update(allows_unpriced=True)
    budgets.reserve(person.principal, call, None)
    period = BudgetPeriod.objects.get(budget=first)
    assert period.unpriced_calls == 1
    assert period.reserved == 0
    budgets.settle(call, None)
    budgets.refund({call: Decimal(2)})  # its price became known
    assert books_balance(first).spent == 2  # type: ignore[union-attr]


def test_whose_budgets_a_call_runs_into(person: Person, member: Person, stranger: Person) -> None:
    key, _ = make_key(person)
    by_key = principal_for(person.user, person.team, key)
    Budget.objects.create(team=person.team, api_key=key, amount=1)
    Budget.objects.create(team=person.team, user=member.user, amount=2)
    Budget.objects.create(team=stranger.team, amount=0)
    budgets.reserve(person.principal, uuid7(), Decimal(50))
    with pytest.raises(BudgetExceeded, match="budget of this API key"):
        budgets.reserve(by_key, uuid7(), Decimal(2))
    with pytest.raises(BudgetExceeded, match="your budget"):
        budgets.reserve(member.principal, uuid7(), Decimal(3))
    with pytest.raises(BudgetExceeded):
        budgets.reserve(stranger.principal, uuid7(), Decimal(1))


def test_what_nobody_settled_is_finished_by_the_clock(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=100)
    open_call = write_call(person.principal, outcome=CallOutcome.OPEN, cost=None, finished_at=None)
    ended = write_call(person.principal, cost=Decimal(3))
    for call in (open_call.pk, ended.pk, uuid7()):
        budgets.reserve(person.principal, call, Decimal(10))
    assert budgets.release_stale() == 0  # their transactions may not be over
    later = datetime.now(UTC) + timedelta(minutes=2)
    assert budgets.release_stale(later) == 2
    period = books_balance(budget)
    assert period is not None
    assert period.spent == 3
    assert period.reserved == 10
    assert budgets.release_stale(later) == 0
    assert budgets.release_stale(datetime.now(UTC) + budgets.HELD_AT_MOST + timedelta(minutes=1)) == 1
    assert books_balance(budget).reserved == 0  # type: ignore[union-attr]


def test_a_budget_may_be_deleted_while_calls_hold_its_money(person: Person) -> None:
    budget = Budget.objects.create(team=person.team, amount=1000)

    def one(place: int) -> None:
        call = uuid7()
        if place == 10:
            with transaction.atomic():
                Budget.objects.select_for_update().get(pk=budget.pk).delete()
            return
        with transaction.atomic():
            budgets.reserve(person.principal, call, Decimal(1))
        budgets.settle(call, Decimal(1))

    at_once(40, one)
    assert not Budget.objects.exists()
    assert not BudgetReservation.objects.exists()
