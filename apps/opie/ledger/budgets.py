"""Budgets: money is held before a call and settled after it, so that parallel calls cannot overspend.

The books of a period are `spent` and `reserved`. Both change only under the lock of their row: two calls cannot both
take the last cent. A reservation ends once, settled or released; who comes second changes nothing. So for every period:
reserved = Σ held amounts, spent = Σ settled costs. Every call passes here: what it needs is one statement before it and
one after it, together with its row (models/call_functions.py).

Locks are always taken in the same order: budgets by id, and the periods of those budgets in that order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.opie.ledger.budget_periods import starts_on
from apps.opie.ledger.budget_refusals import nothing_set_aside, refusal_of, shown, used_up
from apps.opie.ledger.notices import tell_managers
from apps.opie.models import AgentOSUsage, Budget, BudgetPeriod, BudgetReservation, call_functions
from apps.opie.models.budgets import BudgetPeriodKind, ReservationState
from apps.opie.models.usage import CallOutcome

WARN_AT = Decimal("0.8")
HELD_AT_MOST = timedelta(hours=6)
AT_ONCE = 1000
STEP = Decimal("0.0000000001")  # the scale of the books


def reserve(principal: Principal, call_id: UUID, most: Decimal | None, now: datetime | None = None) -> None:
    """Hold `most`, the dearest the call can get, in every budget that it must fit into: in all of them or in none.

    `most` is None when the price is unknown: such a call is let through only where each budget allows it, and holds
    nothing. Raises BudgetExceeded, with Retry-After where waiting helps; the caller's transaction can go on.
    """
    now = now or timezone.now()
    hold = holding(principal, call_id, most, now)
    refused = call_functions.admit(hold=hold)
    if refused is not None and refused.budget is not None:
        raise refusal_of(refused.budget, hold["most"], now)


def holding(principal: Principal, call_id: UUID, most: Decimal | None, now: datetime) -> dict[str, Any]:
    """What `call_functions.admit` needs to hold money for a call."""
    return {
        "call": call_id,
        "team": principal.team_id,
        "user": principal.user_id,
        "key": principal.api_key_id,
        # The database would round it to its scale, and reserved could then differ from the sum of what is held.
        "most": None if most is None else most.quantize(STEP, ROUND_UP),
        "starts": {kind: starts_on(kind, now) for kind in BudgetPeriodKind.values},
        "held_at": timezone.now(),
    }


def settle(call_id: UUID, cost: Decimal | None, now: datetime | None = None) -> None:
    """Turn what was held for a call into what it cost. A cost that nobody knows is released: it is not guessed."""
    now = now or timezone.now()
    warn(call_functions.settle(hold=ending_of(call_id, cost, now)).to_warn, now)


def ending_of(call_id: UUID, cost: Decimal | None, now: datetime) -> dict[str, Any]:
    """What `call_functions.settle` needs to end what is held for a call."""
    return {
        "call": call_id,
        "state": ReservationState.RELEASED if cost is None else ReservationState.SETTLED,
        "cost": None if cost is None else cost.quantize(STEP),
        "warn_at": WARN_AT,
        "now": now,
    }


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
            raise nothing_set_aside(budget)
        period = period_in_force(budget, now)
        if period.spent >= budget.amount:
            raise used_up(budget, now)


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


def warn(periods: list[int], now: datetime) -> None:
    """Tell those who can raise a budget, once a period, that four fifths of it are spent. Who is killed before this has
    warned nobody: the next call that is settled does."""
    if periods:
        _warn(periods, now)


@transaction.atomic
def _warn(periods: list[int], now: datetime) -> None:
    untold = BudgetPeriod.objects.filter(pk__in=periods, warned_at=None).select_related("budget")
    for period in untold.select_for_update(of=("self",)).order_by("budget_id"):
        BudgetPeriod.objects.filter(pk=period.pk).update(warned_at=now)
        budget, spent = period.budget, period.spent
        tell_managers(
            budget.team_id,
            permission="manage_budgets",
            subject=f"{spent / budget.amount:.0%} of a budget is spent" if budget.amount else "A budget is spent",
            text=f"Of the budget of {_named(budget)} ({budget}), {shown(spent)} {budget.currency} are spent. When it "
            "is used up, calls are refused until the period ends or the budget is raised.",
        )


def _named(budget: Budget) -> str:
    """Whose budget it is, for those who manage it."""
    if budget.api_key:
        return f"the API key {budget.api_key.prefix}… ({budget.api_key.name})"
    return budget.user.email if budget.user else "your team"
