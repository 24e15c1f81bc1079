"""Old months of the ledger, rolled up by day and taken out of the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.opie.models.partitions import USAGE_TABLE, month_after, partition_name

# No call takes as long; one that is still open then was made by a process that is gone.
ABANDONED_AFTER = timedelta(days=1)
# Whoever wants to write to the ledger waits behind the one that wants to take a part of it away.
LOCK_TIMEOUT = "10s"

# Sums of what is known, as metrics/usage.py adds them up: a call without a price is counted as such and adds nothing.
_ROLL_UP = """
    INSERT INTO opie_usagerollup (day, team_id, user_id, api_key_id, agent_id, platform_name, model, calls, failed_calls,
        unpriced_calls, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost, currency)
    SELECT (u.created_at AT TIME ZONE 'UTC')::date, u.team_id, u.user_id, u.api_key_id, COALESCE(a.agent_id, ''),
        u.platform_name, u.model, COUNT(*), COUNT(*) FILTER (WHERE u.outcome <> 'succeeded'),
        COUNT(*) FILTER (WHERE COALESCE(c.cost, u.cost) IS NULL),
        COALESCE(SUM(u.input_tokens), 0), COALESCE(SUM(u.output_tokens), 0), COALESCE(SUM(u.cached_tokens), 0),
        COALESCE(SUM(u.reasoning_tokens), 0), COALESCE(SUM(COALESCE(c.cost, u.cost)), 0), u.currency
    FROM {partition} u
    LEFT JOIN opie_agent a ON a.id = u.agent_id
    LEFT JOIN LATERAL (
        SELECT cost FROM opie_usagecorrection WHERE usage_id = u.id ORDER BY id DESC LIMIT 1
    ) c ON true
    WHERE u.outcome NOT IN ('unsent', 'open')
    GROUP BY 1, 2, 3, 4, 5, 6, 7, u.currency
    -- A call at midnight may be in the partition of the month before its day.
    ON CONFLICT (day, team_id, user_id, api_key_id, agent_id, platform_name, model, currency) DO UPDATE SET
        calls = opie_usagerollup.calls + excluded.calls,
        failed_calls = opie_usagerollup.failed_calls + excluded.failed_calls,
        unpriced_calls = opie_usagerollup.unpriced_calls + excluded.unpriced_calls,
        input_tokens = opie_usagerollup.input_tokens + excluded.input_tokens,
        output_tokens = opie_usagerollup.output_tokens + excluded.output_tokens,
        cached_tokens = opie_usagerollup.cached_tokens + excluded.cached_tokens,
        reasoning_tokens = opie_usagerollup.reasoning_tokens + excluded.reasoning_tokens,
        cost = opie_usagerollup.cost + excluded.cost
"""


@dataclass(frozen=True, slots=True)
class Trimmed:
    """One month: how many rows its partition held, and how many lines of the roll-up they became."""

    month: date
    rows: int
    lines: int


def months_before(month: date) -> list[date]:
    """The months before that one which have a partition, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [USAGE_TABLE])
        names = [name.removeprefix(f"{USAGE_TABLE}_") for (name,) in cursor.fetchall()]
    found = [date(int(name[:4]), int(name[4:]), 1) for name in names if name.isdigit()]
    return sorted(one for one in found if one < month.replace(day=1))


def trim_months(before: date) -> Iterator[Trimmed]:
    """Trim every month before that one, each in a transaction of its own. Raises as `trim_month` does."""
    for month in months_before(before):
        yield trim_month(month)


def rows_of(month: date) -> int:
    """How many rows the month's partition holds. Raises LookupError when it has none."""
    with connection.cursor() as cursor:
        return _count(cursor, _partition_of(cursor, month))


def trim_month(month: date) -> Trimmed:
    """Roll a past month up and drop its partition: both, or neither.

    Raises ValueError for a month that is not over or has calls under way, LookupError for one that has no partition,
    and OperationalError when the ledger is too busy to let go of it within ten seconds.
    """
    if month_after(_first_of(month)) > datetime.now(UTC):
        raise ValueError(f"{month:%Y-%m} is not over.")
    with transaction.atomic(), connection.cursor() as cursor:
        partition = _partition_of(cursor, month)
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        # Who reads may go on reading while the month is added up; nobody may change it.
        cursor.execute(f"LOCK TABLE ONLY {partition} IN SHARE ROW EXCLUSIVE MODE")
        _close_abandoned(cursor, partition, month)
        rows = _count(cursor, partition)
        cursor.execute(_ROLL_UP.format(partition=partition))
        lines = cursor.rowcount
        cursor.execute(f"DELETE FROM opie_usagecorrection WHERE usage_id IN (SELECT id FROM {partition})")  # noqa: S608
        # Checks that were put off until the commit would stand in the way of taking the table apart.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {USAGE_TABLE} DETACH PARTITION {partition}")
        cursor.execute(f"DROP TABLE {partition}")
    return Trimmed(month.replace(day=1), rows, lines)


def _close_abandoned(cursor: CursorWrapper, partition: str, month: date) -> None:
    cursor.execute(
        f"UPDATE {partition} SET outcome = 'interrupted', certainty = 'unknown', finished_at = now() "  # noqa: S608
        "WHERE outcome = 'open' AND created_at < %s",
        [datetime.now(UTC) - ABANDONED_AFTER],
    )
    cursor.execute(f"SELECT COUNT(*) FROM {partition} WHERE outcome = 'open'")  # noqa: S608
    under_way = cursor.fetchone()[0]
    if under_way:
        raise ValueError(f"{month:%Y-%m} has {under_way} calls under way. Try again tomorrow.")


def _partition_of(cursor: CursorWrapper, month: date) -> str:
    # The name is made of a date, not of anything that somebody wrote.
    partition = partition_name(_first_of(month))
    cursor.execute("SELECT to_regclass(%s)", [partition])
    if cursor.fetchone()[0] is None:
        raise LookupError(f"There is no partition for {month:%Y-%m}: it was trimmed, or never held a call.")
    return partition


def _count(cursor: CursorWrapper, partition: str) -> int:
    cursor.execute(f"SELECT COUNT(*) FROM {partition}")  # noqa: S608
    return int(cursor.fetchone()[0])


def _first_of(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)
