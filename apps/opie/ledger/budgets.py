"""Budgets: money is held before a call and settled after it, so that parallel calls cannot overspend.

The books of a period are `spent` and `reserved`. Both change by single UPDATEs whose condition is checked by the
database under the row's lock: two calls cannot both take the last cent. A reservation ends once, settled or released;
who comes second changes nothing. So for every period: reserved = Σ held amounts, spent = Σ settled costs.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded
from apps.opie.ledger.notices import tell_managers
from apps.opie.models import AgentOSUsage, Budget, BudgetPeriod, BudgetReservation
from apps.opie.models.budgets import BudgetPeriodKind, ReservationState
from apps.opie.models.usage import CallOutcome

WARN_AT = Decimal("0.8")
HELD_AT_MOST = timedelta(hours=6)
EVER = date(1, 1, 1)


def reserve(principal: Principal, call_id: UUID, most: Decimal | None, now: datetime | None = None) -> None:
    """Hold `most`, the dearest the call can get, in every budget that it must fit into; within the caller's transaction.

    `most` is None when the price is unknown: such a call is let through only where each budget allows it. Raises
    BudgetExceeded, with Retry-After where waiting helps; the caller's transaction then undoes what was held.
    """
    now = now or timezone.now()
    for budget in Budget.objects.applying_to(principal).order_by("pk"):
        period = _period(budget, now)
        if most is None:
            _let_unpriced_through(budget, period)
            continue
        room = BudgetPeriod.objects.filter(pk=period.pk, spent__lte=budget.amount - most - F("reserved"))
        if not room.update(reserved=F("reserved") + most):
            raise _exceeded(budget, period, most, now)
        BudgetReservation.objects.create(period=period, call_id=call_id, amount=most)


def settle(call_id: UUID, cost: Decimal | None, now: datetime | None = None) -> None:
    """Turn what was held for a call into what it cost. A cost that nobody knows is released: it is not guessed."""
    for reservation in _held(call_id):
        _end(
            reservation,
            ReservationState.RELEASED if cost is None else ReservationState.SETTLED,
            cost or Decimal(0),
            now,
        )


def release(call_ids: Iterable[UUID], now: datetime | None = None) -> None:
    """Give back what was held for calls that cost nothing, or of which nobody will ever know."""
    for call_id in call_ids:
        settle(call_id, None, now)


def refund(call_id: UUID, difference: Decimal) -> None:
    """Correct what a settled call cost, by a difference of either sign; a period's spending never falls below 0."""
    for reservation in BudgetReservation.objects.filter(call_id=call_id, state=ReservationState.SETTLED):
        corrected = max(Decimal(0), (reservation.cost or Decimal(0)) + difference)
        change = corrected - (reservation.cost or Decimal(0))
        same = BudgetReservation.objects.filter(pk=reservation.pk, cost=reservation.cost)
        with transaction.atomic():
            if same.update(cost=corrected):
                BudgetPeriod.objects.filter(pk=reservation.period_id).update(spent=F("spent") + change)


def release_stale(now: datetime | None = None) -> int:
    """Finish reservations whose call has ended without them, or that are older than any call can be."""
    now = now or timezone.now()
    released = 0
    held = BudgetReservation.objects.filter(state=ReservationState.HELD, held_at__lt=now - timedelta(minutes=1))
    for reservation in held[:1000]:
        call = AgentOSUsage.objects.filter(pk=reservation.call_id).first()
        if call is not None and call.outcome == CallOutcome.OPEN and reservation.held_at > now - HELD_AT_MOST:
            continue
        settle(reservation.call_id, call.cost if call else None, now)
        released += 1
    return released


def refuse_when_spent(principal: Principal, now: datetime | None = None) -> None:
    """Refuse before anything is stored when a budget has nothing left at all. Raises BudgetExceeded."""
    now = now or timezone.now()
    for budget in Budget.objects.applying_to(principal):
        period = BudgetPeriod.objects.filter(budget=budget, starts_on=_starts_on(budget, now)).first()
        if budget.amount == 0 or (period is not None and period.spent >= budget.amount):
            raise _exceeded(budget, period or BudgetPeriod(budget=budget), Decimal(0), now)


def period_in_force(budget: Budget, now: datetime | None = None) -> BudgetPeriod:
    """The books of the period that is now; empty, unsaved ones when nothing was spent in it yet."""
    starts_on = _starts_on(budget, now or timezone.now())
    found = BudgetPeriod.objects.filter(budget=budget, starts_on=starts_on).first()
    return found or BudgetPeriod(budget=budget, starts_on=starts_on)


def _held(call_id: UUID) -> list[BudgetReservation]:
    held = BudgetReservation.objects.filter(call_id=call_id, state=ReservationState.HELD)
    return list(held.select_related("period__budget").order_by("period_id"))


@transaction.atomic
def _end(reservation: BudgetReservation, state: ReservationState, cost: Decimal, now: datetime | None) -> None:
    now = now or timezone.now()
    still_held = BudgetReservation.objects.filter(pk=reservation.pk, state=ReservationState.HELD)
    if not still_held.update(state=state, cost=cost, ended_at=now):
        return
    books = BudgetPeriod.objects.filter(pk=reservation.period_id)
    books.update(reserved=F("reserved") - reservation.amount, spent=F("spent") + cost)
    if cost:
        _warn(reservation.period.budget, reservation.period_id, now)


def _warn(budget: Budget, period_id: int, now: datetime) -> None:
    """Once a period, when four fifths are spent: whoever loses the race to say so says nothing."""
    reached = BudgetPeriod.objects.filter(pk=period_id, warned_at=None, spent__gte=budget.amount * WARN_AT)
    if reached.update(warned_at=now):
        spent = BudgetPeriod.objects.values_list("spent", flat=True).get(pk=period_id)
        tell_managers(
            budget.team_id,
            permission="manage_budgets",
            subject=f"{spent / budget.amount:.0%} of a budget is spent" if budget.amount else "A budget is spent",
            text=f"Of {subject_of(budget)} ({budget}), {spent:.2f} {budget.currency} are spent. When it is used up, "
            "calls are refused until the period ends or the budget is raised.",
        )


def _period(budget: Budget, now: datetime) -> BudgetPeriod:
    BudgetPeriod.objects.bulk_create(
        [BudgetPeriod(budget=budget, starts_on=_starts_on(budget, now))], ignore_conflicts=True
    )
    return BudgetPeriod.objects.get(budget=budget, starts_on=_starts_on(budget, now))


def _starts_on(budget: Budget, now: datetime) -> date:
    today = now.astimezone(UTC).date()
    return {BudgetPeriodKind.DAY: today, BudgetPeriodKind.MONTH: today.replace(day=1)}.get(
        BudgetPeriodKind(budget.period), EVER
    )


def _ends_in(budget: Budget, now: datetime) -> float | None:
    start = _starts_on(budget, now)
    if budget.period == BudgetPeriodKind.EVER:
        return None
    following = start + timedelta(days=1 if budget.period == BudgetPeriodKind.DAY else 32)
    if budget.period == BudgetPeriodKind.MONTH:
        following = following.replace(day=1)
    return (datetime(following.year, following.month, following.day, tzinfo=UTC) - now).total_seconds()


def _let_unpriced_through(budget: Budget, period: BudgetPeriod) -> None:
    if not budget.allows_unpriced:
        message = (
            f"The price of this model is unknown, and {subject_of(budget)} only takes calls of known price. "
            "Choose a priced model, enter a price, or allow unpriced calls in the budget."
        )
        raise BudgetExceeded(message, code="price_unknown")
    BudgetPeriod.objects.filter(pk=period.pk).update(unpriced_calls=F("unpriced_calls") + 1)


def _exceeded(budget: Budget, period: BudgetPeriod, most: Decimal, now: datetime) -> BudgetExceeded:
    # What is only held may come free in a moment; what is spent is gone until the period ends.
    only_held = budget.amount > 0 and period.spent + most <= budget.amount
    wait = 1.0 if only_held else _ends_in(budget, now)
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    why = "is held by calls under way" if only_held else "is used up"
    message = (
        f"{subject_of(budget).capitalize()} ({budget}) {why}: this call could cost up to {most:.4f} {budget.currency}. "
        "Wait, or ask whoever manages budgets in your team to raise it."
    )
    return BudgetExceeded(message, headers=headers)


def subject_of(budget: Budget) -> str:
    """Whose budget it is, in words."""
    if budget.api_key_id:
        return "the budget of this API key"
    return "your budget" if budget.user_id else "your team's budget"
