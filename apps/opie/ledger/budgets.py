"""Budgets: money is held before a call and settled after it, so that parallel calls cannot overspend.

The books of a period are `spent` and `reserved`. Both change by single UPDATEs whose condition is checked by the
database under the row's lock: two calls cannot both take the last cent. A reservation ends once, settled or released;
who comes second changes nothing. So for every period: reserved = Σ held amounts, spent = Σ settled costs.

Locks are always taken in the same order: budgets by id, and the periods of those budgets in that order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded
from apps.opie.ledger.budget_periods import ends_in, starts_on
from apps.opie.ledger.notices import tell_managers
from apps.opie.models import AgentOSUsage, Budget, BudgetPeriod, BudgetReservation
from apps.opie.models.budgets import ReservationState
from apps.opie.models.usage import CallOutcome

WARN_AT = Decimal("0.8")
HELD_AT_MOST = timedelta(hours=6)
AT_ONCE = 1000
STEP = Decimal("0.0000000001")  # the scale of the books
SHOWN_STEP = Decimal("0.000001")


def reserve(principal: Principal, call_id: UUID, most: Decimal | None, now: datetime | None = None) -> None:
    """Hold `most`, the dearest the call can get, in every budget that it must fit into: in all of them or in none.

    `most` is None when the price is unknown: such a call is let through only where each budget allows it, and holds
    nothing. Raises BudgetExceeded, with Retry-After where waiting helps.
    """
    now = now or timezone.now()
    # The database would round it to its scale, and reserved could then differ from the sum of what is held.
    held = None if most is None else most.quantize(STEP, ROUND_UP)
    with transaction.atomic(savepoint=False):
        # Locked, so that no budget is deleted or lowered between being asked and being held from.
        for budget in Budget.objects.applying_to(principal).select_for_update(no_key=True).order_by("pk"):
            _hold(budget, call_id, held, now)


def settle(call_id: UUID, cost: Decimal | None, now: datetime | None = None) -> None:
    """Turn what was held for a call into what it cost. A cost that nobody knows is released: it is not guessed."""
    for reservation in _held(call_id):
        _end(reservation, None if cost is None else cost.quantize(STEP), now or timezone.now())


def release(call_ids: Iterable[UUID], now: datetime | None = None) -> None:
    """Give back what was held for calls that cost nothing, or of which nobody will ever know."""
    for call_id in call_ids:
        settle(call_id, None, now)


@transaction.atomic
def refund(differences: Mapping[UUID, Decimal]) -> None:
    """Correct what ended calls cost, each by a difference of either sign; what a call cost never falls below 0.

    A call whose cost was unknown is settled by it.
    """
    ended = BudgetReservation.objects.filter(call_id__in=list(differences)).exclude(state=ReservationState.HELD)
    changes: dict[int, Decimal] = defaultdict(Decimal)
    reservations = list(ended.select_for_update(of=("self",)).order_by("period__budget_id", "period_id", "pk"))
    for reservation in reservations:
        before = reservation.cost or Decimal(0)
        reservation.cost = max(Decimal(0), before + differences[reservation.call_id].quantize(STEP))
        reservation.state = ReservationState.SETTLED
        changes[reservation.period_id] += reservation.cost - before
    BudgetReservation.objects.bulk_update(reservations, ["cost", "state"])
    for period_id, change in changes.items():
        BudgetPeriod.objects.filter(pk=period_id).update(spent=F("spent") + change)


def release_stale(now: datetime | None = None) -> int:
    """Finish reservations whose call has ended without them, or that are older than any call can be; says how many
    calls they were for."""
    now = now or timezone.now()
    under_way = AgentOSUsage.objects.filter(pk=OuterRef("call_id"), outcome=CallOutcome.OPEN)
    held = BudgetReservation.objects.filter(state=ReservationState.HELD, held_at__lt=now - timedelta(minutes=1))
    stale = held.filter(Q(held_at__lt=now - HELD_AT_MOST) | ~Exists(under_way)).order_by("held_at")
    calls = list(dict.fromkeys(stale.values_list("call_id", flat=True)[:AT_ONCE]))
    costs = dict(AgentOSUsage.objects.filter(pk__in=calls).values_list("pk", "cost"))
    for call_id in calls:
        settle(call_id, costs.get(call_id), now)
    return len(calls)


def refuse_when_spent(principal: Principal, now: datetime | None = None) -> None:
    """Refuse before anything is stored when a budget has nothing left at all. Raises BudgetExceeded."""
    now = now or timezone.now()
    for budget in Budget.objects.applying_to(principal).order_by("pk"):
        if budget.amount == 0:
            raise BudgetExceeded(f"{_at_start(subject_of(budget))} is 0. {_ASK}")
        period = period_in_force(budget, now)
        if period.spent >= budget.amount:
            raise _used_up(budget, now)


def period_in_force(budget: Budget, now: datetime | None = None) -> BudgetPeriod:
    """The books of the period that is now; empty, unsaved ones when nothing was spent in it yet."""
    return periods_in_force([budget], now)[budget.pk]


def periods_in_force(budgets: Iterable[Budget], now: datetime | None = None) -> dict[UUID, BudgetPeriod]:
    """The same for many budgets, in one query."""
    starts = {budget: starts_on(budget.period, now or timezone.now()) for budget in budgets}
    found = {
        period.budget_id: period
        for period in BudgetPeriod.objects.filter(budget__in=list(starts), starts_on__in=set(starts.values()))
        if any(budget.pk == period.budget_id and start == period.starts_on for budget, start in starts.items())
    }
    return {b.pk: found.get(b.pk) or BudgetPeriod(budget=b, starts_on=start) for b, start in starts.items()}


def forget_warning(budget: Budget) -> None:
    """After a budget was raised: warn again when four fifths of the new amount are spent."""
    periods = BudgetPeriod.objects.filter(budget=budget, spent__lt=budget.amount * WARN_AT)
    periods.exclude(warned_at=None).update(warned_at=None)


def subject_of(budget: Budget) -> str:
    """Whose budget it is, in words for the person who runs into it."""
    if budget.api_key_id:
        return "the budget of this API key"
    return "your budget" if budget.user_id else "your team's budget"


def _hold(budget: Budget, call_id: UUID, most: Decimal | None, now: datetime) -> None:
    period, _ = BudgetPeriod.objects.get_or_create(budget=budget, starts_on=starts_on(budget.period, now))
    books = BudgetPeriod.objects.filter(pk=period.pk)
    if most is None:
        if not budget.allows_unpriced:
            raise _price_unknown(budget)
        books.update(unpriced_calls=F("unpriced_calls") + 1)
    elif most > budget.amount:
        raise _too_dear(budget, most)
    elif not books.filter(spent__lte=budget.amount - most - F("reserved")).update(reserved=F("reserved") + most):
        raise _no_room(budget, books.get(), most, now)
    BudgetReservation.objects.create(period=period, call_id=call_id, amount=most or Decimal(0))


def _held(call_id: UUID) -> list[BudgetReservation]:
    held = BudgetReservation.objects.filter(call_id=call_id, state=ReservationState.HELD)
    return list(held.select_related("period__budget").order_by("period__budget_id"))


@transaction.atomic(savepoint=False)
def _end(reservation: BudgetReservation, cost: Decimal | None, now: datetime) -> None:
    state = ReservationState.RELEASED if cost is None else ReservationState.SETTLED
    still_held = BudgetReservation.objects.filter(pk=reservation.pk, state=ReservationState.HELD)
    if not still_held.update(state=state, cost=cost, ended_at=now):
        return
    books = BudgetPeriod.objects.filter(pk=reservation.period_id)
    books.update(reserved=F("reserved") - reservation.amount, spent=F("spent") + (cost or Decimal(0)))
    if cost:
        _warn(reservation.period.budget, reservation.period_id, now)


def _warn(budget: Budget, period_id: int, now: datetime) -> None:
    """Once a period, when four fifths are spent: whoever loses the race to say so says nothing."""
    reached = BudgetPeriod.objects.filter(pk=period_id, warned_at=None, spent__gte=budget.amount * WARN_AT)
    if not budget.is_enabled or not reached.update(warned_at=now):
        return
    spent = BudgetPeriod.objects.values_list("spent", flat=True).get(pk=period_id)
    tell_managers(
        budget.team_id,
        permission="manage_budgets",
        subject=f"{spent / budget.amount:.0%} of a budget is spent" if budget.amount else "A budget is spent",
        text=f"Of the budget of {_named(budget)} ({budget}), {_shown(spent)} {budget.currency} are spent. When it is "
        "used up, calls are refused until the period ends or the budget is raised.",
    )


_ASK = "Ask whoever manages budgets in your team to raise it."


def _price_unknown(budget: Budget) -> BudgetExceeded:
    message = (
        f"The price of this model is unknown, and {subject_of(budget)} only takes calls of known price. "
        "Choose a priced model, enter a price, or allow unpriced calls in the budget."
    )
    return BudgetExceeded(message, code="price_unknown")


def _too_dear(budget: Budget, most: Decimal) -> BudgetExceeded:
    return BudgetExceeded(
        f"This call could cost up to {_shown(most)} {budget.currency}, which is more than all of {subject_of(budget)} "
        f"({budget}). Ask for less at once, or choose a cheaper model. {_ASK}"
    )


def _no_room(budget: Budget, period: BudgetPeriod, most: Decimal, now: datetime) -> BudgetExceeded:
    if period.spent + most > budget.amount:
        return _used_up(budget, now, most)
    # What is only held comes free when the calls that hold it end.
    message = (
        f"What is left of {subject_of(budget)} ({budget}) is held by calls under way, and this call could cost up to "
        f"{_shown(most)} {budget.currency}. Try again in a moment. {_ASK}"
    )
    return BudgetExceeded(message, headers={"Retry-After": "1"})


def _used_up(budget: Budget, now: datetime, most: Decimal | None = None) -> BudgetExceeded:
    wait = ends_in(budget.period, now)
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    why = "" if most is None else f"This call could cost up to {_shown(most)} {budget.currency}. "
    until = "" if wait is None else f"It begins anew with the next {budget.period}. "
    left = "is used up" if most is None else "has less left than that"
    return BudgetExceeded(f"{why}{_at_start(subject_of(budget))} ({budget}) {left}. {until}{_ASK}", headers=headers)


def _named(budget: Budget) -> str:
    """Whose budget it is, for those who manage it."""
    if budget.api_key:
        return f"the API key {budget.api_key.prefix}… ({budget.api_key.name})"
    return budget.user.email if budget.user else "your team"


def _at_start(text: str) -> str:
    return text[0].upper() + text[1:]


def _shown(amount: Decimal) -> str:
    return format(amount.quantize(SHOWN_STEP, ROUND_UP).normalize(), "f")
