"""Old months of the ledger, rolled up by day and taken out of the way."""

from datetime import UTC, date, datetime

from django.db import connection, transaction

from apps.opie.models.partitions import USAGE_TABLE, month_after, partition_name

# Sums of what is known: a call without a price is counted as such and adds nothing to the cost.
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
    WHERE u.outcome <> 'unsent'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, u.currency
"""


def trim_month(month: date) -> int:
    """Roll a past month up and drop its partition, in one transaction; answers the number of calls it held.

    Raises ValueError for a month that is not over, and LookupError for one that has no partition.
    """
    first = datetime(month.year, month.month, 1, tzinfo=UTC)
    if month_after(first) > datetime.now(UTC):
        raise ValueError(f"{month:%Y-%m} is not over.")
    partition = partition_name(first)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [partition])
        if cursor.fetchone()[0] is None:
            raise LookupError(f"There is no partition for {month:%Y-%m}: it was trimmed, or never held a call.")
        cursor.execute(f"LOCK TABLE {partition} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"SELECT COUNT(*) FROM {partition}")  # noqa: S608 - the name comes from a date, not from anybody
        calls = int(cursor.fetchone()[0])
        cursor.execute(_ROLL_UP.format(partition=partition))
        cursor.execute(f"DELETE FROM opie_usagecorrection WHERE usage_id IN (SELECT id FROM {partition})")  # noqa: S608
        cursor.execute(f"ALTER TABLE {USAGE_TABLE} DETACH PARTITION {partition}")
        cursor.execute(f"DROP TABLE {partition}")
    return calls
