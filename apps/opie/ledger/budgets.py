"""Budgets: money is held before a call and settled after it, so that parallel calls cannot overspend.

The books of a period are `spent` and `reserved`. Both change only under the lock of their row: two calls cannot both
take the last cent. A reservation ends once, settled or released; who comes second changes nothing. So for every period:
reserved = Σ held amounts, spent = Σ settled costs. Every call passes here, so it is a few statements of plain SQL.

Locks are always taken in the same order: budgets by id, and the periods of those budgets in that order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
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
        who = {"team": principal.team_id, "user": principal.user_id, "key": principal.api_key_id}
        asked = list(Budget.objects.raw(_LOCK_APPLYING, who))
        refused = _refused(asked, call_id, held, now) if asked else None
    # Not raised within: the caller's transaction goes on, with a smaller sum or without the call.
    if refused is not None:
        raise refused


def _refused(asked: list[Budget], call_id: UUID, held: Decimal | None, now: datetime) -> BudgetExceeded | None:
    """Hold it in all of these, or say what it does not fit into and hold nothing."""
    books = _locked_books(asked, now)
    try:
        for budget in asked:
            _require_room(budget, books[budget.pk], held, now)
    except BudgetExceeded as refusal:
        return refusal
    _hold([books[budget.pk].id for budget in asked], call_id, held)
    return None


def settle(call_id: UUID, cost: Decimal | None, now: datetime | None = None) -> None:
    """Turn what was held for a call into what it cost. A cost that nobody knows is released: it is not guessed."""
    state = ReservationState.RELEASED if cost is None else ReservationState.SETTLED
    ending: dict[str, Any] = {
        "state": state,
        "cost": None if cost is None else cost.quantize(STEP),
        "now": now or timezone.now(),
    }
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_LOCK_HELD, [call_id])
        locked = [reservation for (reservation,) in cursor.fetchall()]
        if not locked:
            return
        cursor.execute(_END, {"ids": locked} | ending)
        to_warn = [period for (period,) in cursor.fetchall()]
        if cost and to_warn:
            _warn(to_warn, ending["now"])


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


# BudgetQuerySet.applying_to, locked.
_LOCK_APPLYING = """
    SELECT * FROM opie_budget
    WHERE team_id = %(team)s AND is_enabled AND ((user_id IS NULL AND api_key_id IS NULL)
        OR user_id = %(user)s OR api_key_id = %(key)s)
    ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_BOOKS = """
    SELECT id, budget_id, spent, reserved FROM opie_budgetperiod
    WHERE (budget_id, starts_on) IN (SELECT * FROM unnest(%(budgets)s::uuid[], %(starts)s::date[]))
    ORDER BY budget_id FOR NO KEY UPDATE
"""
_HOLD = """
    WITH held AS (
        INSERT INTO opie_budgetreservation (period_id, call_id, amount, state, held_at)
        SELECT id, %(call)s, %(most)s, 'held', %(now)s FROM unnest(%(periods)s::bigint[]) id
    )
    UPDATE opie_budgetperiod SET reserved = reserved + %(most)s, unpriced_calls = unpriced_calls + %(unpriced)s
    WHERE id = ANY(%(periods)s)
"""
_LOCK_HELD = """
    SELECT r.id FROM opie_budgetreservation r JOIN opie_budgetperiod p ON p.id = r.period_id
    WHERE r.call_id = %s AND r.state = 'held' ORDER BY p.budget_id FOR NO KEY UPDATE OF r, p
"""
# Answers the periods of which four fifths are spent, and nobody was told.
_END = f"""
    WITH ended AS (
        UPDATE opie_budgetreservation SET state = %(state)s, cost = %(cost)s, ended_at = %(now)s
        WHERE id = ANY(%(ids)s) RETURNING period_id, amount
    ), books AS (
        UPDATE opie_budgetperiod p SET reserved = p.reserved - ended.amount, spent = p.spent + COALESCE(%(cost)s, 0)
        FROM ended WHERE p.id = ended.period_id RETURNING p.id, p.budget_id, p.spent, p.warned_at
    )
    SELECT books.id FROM books JOIN opie_budget b ON b.id = books.budget_id
    WHERE books.warned_at IS NULL AND b.is_enabled AND books.spent >= b.amount * {WARN_AT} ORDER BY b.id
"""  # noqa: S608 - a constant of this module


@dataclass(frozen=True, slots=True)
class _Books:
    """A period's row, locked."""

    id: int
    spent: Decimal
    reserved: Decimal


def _locked_books(asked: list[Budget], now: datetime) -> dict[UUID, _Books]:
    starts = {budget.pk: starts_on(budget.period, now) for budget in asked}
    found = _lock_books(starts)
    missing = [BudgetPeriod(budget_id=pk, starts_on=starts[pk]) for pk in starts if pk not in found]
    if not missing:
        return found
    BudgetPeriod.objects.bulk_create(missing)
    return _lock_books(starts)


def _lock_books(starts: Mapping[UUID, date]) -> dict[UUID, _Books]:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_BOOKS, {"budgets": list(starts), "starts": list(starts.values())})
        return {budget: _Books(pk, spent, reserved) for pk, budget, spent, reserved in cursor.fetchall()}


def _require_room(budget: Budget, books: _Books, most: Decimal | None, now: datetime) -> None:
    if most is None:
        if not budget.allows_unpriced:
            raise _price_unknown(budget)
    elif most > budget.amount:
        raise _too_dear(budget, most)
    elif books.spent + most > budget.amount:
        raise _used_up(budget, now, most)
    elif books.spent + books.reserved + most > budget.amount:
        raise _held_by_others(budget, most)


def _hold(periods: list[int], call_id: UUID, most: Decimal | None) -> None:
    values: dict[str, Any] = {"periods": periods, "call": call_id, "most": most or Decimal(0)}
    values |= {"unpriced": 1 if most is None else 0, "now": timezone.now()}
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, values)


def _warn(periods: list[int], now: datetime) -> None:
    """Tell those who can raise a budget, once a period, that four fifths of it are spent. Its row is locked."""
    for period in BudgetPeriod.objects.filter(pk__in=periods).select_related("budget"):
        BudgetPeriod.objects.filter(pk=period.pk).update(warned_at=now)
        budget, spent = period.budget, period.spent
        tell_managers(
            budget.team_id,
            permission="manage_budgets",
            subject=f"{spent / budget.amount:.0%} of a budget is spent" if budget.amount else "A budget is spent",
            text=f"Of the budget of {_named(budget)} ({budget}), {_shown(spent)} {budget.currency} are spent. When it "
            "is used up, calls are refused until the period ends or the budget is raised.",
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


def _held_by_others(budget: Budget, most: Decimal) -> BudgetExceeded:
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
