"""Why a budget lets a call not through, in words for the person who runs into it."""

from datetime import datetime
from decimal import ROUND_UP, Decimal
from typing import Any

from apps.api.errors import BudgetExceeded
from apps.opie.ledger.budget_periods import ends_in
from apps.opie.models import Budget

SHOWN_STEP = Decimal("0.000001")
_ASK = "Ask whoever manages budgets in your team to raise it."


def refusal_of(row: dict[str, Any], most: Decimal | None, now: datetime) -> BudgetExceeded:
    """Why a call that may cost `most` does not fit into this budget: its row, with what is spent and reserved of it."""
    budget = Budget(**{name: value for name, value in row.items() if name not in {"spent", "reserved"}})
    if most is None:
        return _price_unknown(budget)
    if most > budget.amount:
        return _too_dear(budget, most)
    if row["spent"] + most > budget.amount:
        return used_up(budget, now, most)
    return _held_by_others(budget, most)


def nothing_set_aside(budget: Budget) -> BudgetExceeded:
    """Of a budget of 0, which lets nothing through that costs anything."""
    return BudgetExceeded(f"{_at_start(subject_of(budget))} is 0. {_ASK}")


def subject_of(budget: Budget) -> str:
    """Whose budget it is, in words for the person who runs into it."""
    if budget.api_key_id:
        return "the budget of this API key"
    return "your budget" if budget.user_id else "your team's budget"


def _price_unknown(budget: Budget) -> BudgetExceeded:
    message = (
        f"The price of this model is unknown, and {subject_of(budget)} only takes calls of known price. "
        "Choose a priced model, enter a price, or allow unpriced calls in the budget."
    )
    return BudgetExceeded(message, code="price_unknown")


def _too_dear(budget: Budget, most: Decimal) -> BudgetExceeded:
    return BudgetExceeded(
        f"This call could cost up to {shown(most)} {budget.currency}, which is more than all of {subject_of(budget)} "
        f"({budget}). Ask for less at once, or choose a cheaper model. {_ASK}"
    )


def _held_by_others(budget: Budget, most: Decimal) -> BudgetExceeded:
    # What is only held comes free when the calls that hold it end.
    message = (
        f"What is left of {subject_of(budget)} ({budget}) is held by calls under way, and this call could cost up to "
        f"{shown(most)} {budget.currency}. Try again in a moment. {_ASK}"
    )
    return BudgetExceeded(message, headers={"Retry-After": "1"})


def used_up(budget: Budget, now: datetime, most: Decimal | None = None) -> BudgetExceeded:
    """Of a budget that has nothing left, or less than `most`; says when its next period begins."""
    wait = ends_in(budget.period, now)
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    why = "" if most is None else f"This call could cost up to {shown(most)} {budget.currency}. "
    until = "" if wait is None else f"It begins anew with the next {budget.period}. "
    left = "is used up" if most is None else "has less left than that"
    return BudgetExceeded(f"{why}{_at_start(subject_of(budget))} ({budget}) {left}. {until}{_ASK}", headers=headers)


def _at_start(text: str) -> str:
    return text[0].upper() + text[1:]


def shown(amount: Decimal) -> str:
    """A sum of money, rounded up, without digits that say nothing."""
    return format(amount.quantize(SHOWN_STEP, ROUND_UP).normalize(), "f")
