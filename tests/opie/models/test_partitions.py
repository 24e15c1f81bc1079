"""The ledger's table is partitioned by month, and Agno has no tables of its own."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.api.ids import uuid7_floor
from apps.opie.models import AgentOSUsage
from apps.opie.models.partitions import USAGE_TABLE, ensure_usage_partitions
from tests.opie.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [USAGE_TABLE])
        return {name for (name,) in cursor.fetchall()}


def drop(names: set[str]) -> None:
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"ALTER TABLE {USAGE_TABLE} DETACH PARTITION {name}")
            cursor.execute(f"DROP TABLE {name}")


def month_after(moment: datetime, months: int) -> str:
    number = moment.year * 12 + moment.month - 1 + months
    return f"{USAGE_TABLE}_{number // 12}{number % 12 + 1:02}"


def test_this_month_and_the_next_three_are_there_from_the_first_migration() -> None:
    now = datetime.now(UTC)
    assert {month_after(now, months) for months in range(4)} | {f"{USAGE_TABLE}_default"} <= partitions()
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind::text FROM pg_class WHERE oid = %s::regclass", [USAGE_TABLE])
        assert cursor.fetchone() == ("p",)


def test_making_them_again_makes_nothing() -> None:
    ensure_usage_partitions()
    before = partitions()
    assert ensure_usage_partitions() == []
    assert partitions() == before


def test_they_go_on_across_the_end_of_a_year_and_know_their_rows(person: Person) -> None:
    before = partitions()
    try:
        made = ensure_usage_partitions(datetime(2041, 11, 30, 23, 59, 59, tzinfo=UTC))
        assert made == [f"{USAGE_TABLE}_{month}" for month in ("204111", "204112", "204201", "204202")]
        new_year = datetime(2042, 1, 1, tzinfo=UTC)
        for moment, where in (
            (new_year, "204201"),
            (new_year - timedelta(milliseconds=1), "204112"),
            (datetime(2042, 2, 28, 23, 59, tzinfo=UTC), "204202"),
            (datetime(2042, 3, 1, tzinfo=UTC), "default"),
        ):
            row = AgentOSUsage.objects.create(
                id=uuid7_floor(moment), team=person.team, user=person.user, platform_name="x", model="x"
            )
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT tableoid::regclass::text FROM {USAGE_TABLE} WHERE id = %s", [row.pk])
                assert cursor.fetchone() == (f"{USAGE_TABLE}_{where}",)
    finally:
        drop(partitions() - before)


def test_agno_has_no_tables() -> None:
    tables = connection.introspection.table_names()
    assert [table for table in tables if table.startswith(("agno", "ai_", "agentos_"))] == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname IN ('ai', 'agno')")
        assert cursor.fetchall() == []
