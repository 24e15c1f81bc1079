"""Monthly partitions of the ledger: a table partitioned on its UUIDv7 id, whose first bits are the time."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection, migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from apps.api.ids import uuid7_floor

USAGE_TABLE = "opie_agentosusage"
MONTHS_AHEAD = 3


class CreatePartitionedModel(migrations.CreateModel):
    """CreateModel for a table that is partitioned by range of its id, with a default partition that loses nothing."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = plain + " PARTITION BY RANGE (id)"
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = plain
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        schema_editor.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def ensure_usage_partitions(now: datetime | None = None) -> list[str]:
    """Make the partitions of this month and the next few; answers the names of those that were missing."""
    month = (now or datetime.now(UTC)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    made = []
    for _ in range(MONTHS_AHEAD + 1):
        if _make_partition(partition_name(month), month, month_after(month)):
            made.append(partition_name(month))
        month = month_after(month)
    return made


def partition_name(month: datetime) -> str:
    return f"{USAGE_TABLE}_{month:%Y%m}"


def month_after(month: datetime) -> datetime:
    """The first moment of the month after one that is given by its own first moment."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _make_partition(name: str, first: datetime, following: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        # Names and bounds are made here from a date; DDL takes no parameters.
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {USAGE_TABLE} "
            f"FOR VALUES FROM ('{uuid7_floor(first)}') TO ('{uuid7_floor(following)}')"
        )
    return True
