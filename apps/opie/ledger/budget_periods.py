"""The periods of budgets: days and months of UTC, and ever."""

from datetime import UTC, date, datetime, timedelta

from apps.opie.models.budgets import BudgetPeriodKind

EVER = date(1, 1, 1)
LONGER_THAN_A_MONTH = timedelta(days=32)


def starts_on(kind: str, now: datetime) -> date:
    """The first day of the period that a moment is in."""
    today = now.astimezone(UTC).date()
    if kind == BudgetPeriodKind.DAY:
        return today
    return today.replace(day=1) if kind == BudgetPeriodKind.MONTH else EVER


def ends_in(kind: str, now: datetime) -> float | None:
    """Seconds until the next period begins; None for the one that never ends."""
    if kind == BudgetPeriodKind.EVER:
        return None
    start = starts_on(kind, now)
    if kind == BudgetPeriodKind.DAY:
        following = start + timedelta(days=1)
    else:
        following = (start + LONGER_THAN_A_MONTH).replace(day=1)
    return (datetime(following.year, following.month, following.day, tzinfo=UTC) - now).total_seconds()
