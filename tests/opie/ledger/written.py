"""Rows of the ledger as tests need them: of any moment, by whomever, without calling anything."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, connections

from apps.accounts.principal import Principal
from apps.api.ids import uuid7, uuid7_floor
from apps.opie.models import AgentOSUsage
from apps.opie.models.partitions import USAGE_TABLE, ensure_usage_partitions
from apps.opie.models.usage import CallOutcome, Certainty

T = TypeVar("T")


def write_call(principal: Principal, moment: datetime | None = None, **fields: Any) -> AgentOSUsage:
    """A settled call of 1000 tokens in and 100 out for 0.5, unless said otherwise. Its id is of its moment."""
    moment = moment or datetime.now(UTC)
    random = uuid7().int & ((1 << 62) - 1)
    values: dict[str, Any] = {
        "id": UUID(int=uuid7_floor(moment).int | random),
        "team_id": principal.team_id,
        "user_id": principal.user_id,
        "platform_name": "openai",
        "model": "gpt-test",
        "input_tokens": 1000,
        "output_tokens": 100,
        "cached_tokens": 10,
        "reasoning_tokens": 20,
        "cost": Decimal("0.5"),
        "certainty": Certainty.REPORTED,
        "outcome": CallOutcome.SUCCEEDED,
        "finished_at": moment,
    }
    row = AgentOSUsage.objects.create(**(values | fields))
    AgentOSUsage.objects.filter(pk=row.pk).update(created_at=moment)
    row.created_at = moment
    return row


def make_partition(month: datetime) -> None:
    """The partitions from that month on, which a test of the past needs."""
    ensure_usage_partitions(month)


def drop_partitions_before(month: str) -> None:
    """Take away what `make_partition` made, by the month as YYYYMM."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [USAGE_TABLE])
        for (name,) in cursor.fetchall():
            number = name.removeprefix(f"{USAGE_TABLE}_")
            if number.isdigit() and number < month:
                cursor.execute(f"DELETE FROM opie_usagecorrection WHERE usage_id IN (SELECT id FROM {name})")
                cursor.execute(f"ALTER TABLE {USAGE_TABLE} DETACH PARTITION {name}")
                cursor.execute(f"DROP TABLE {name}")


def at_once(number: int, work: Callable[[int], T], threads: int = 8) -> list[T]:
    """The answers of so many calls of `work`, in threads with connections of their own."""

    def one(place: int) -> T:
        try:
            return work(place)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(number)))
