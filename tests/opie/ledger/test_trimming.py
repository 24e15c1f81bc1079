"""Trimming: a month becomes sums by day, and no report changes."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.ledger.rerating import rerate
from apps.opie.ledger.trimming import trim_month
from apps.opie.metrics.usage import GROUPS, UsageQuestion, report_usage
from apps.opie.models import Agent, AgentOSUsage, UsageCorrection, UsageRollUp
from apps.opie.models.usage import CallOutcome
from tests.opie.ledger.written import drop_partitions_before, make_partition, write_call
from tests.opie.people import Person, make_key

MARCH = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _past(transactional_db: None) -> Iterator[None]:
    make_partition(MARCH)
    yield
    drop_partitions_before("202601")


@pytest.fixture
def calls(person: Person, member: Person, agents: dict[str, Agent]) -> list[AgentOSUsage]:
    """Of two people, with and without key, agent, price and success, at the edges of the month; half re-rated."""
    key, _ = make_key(member)
    made = []
    for number in range(24):
        who = (person, member)[number % 2]
        fields: dict[str, Any] = {
            "model": ("gpt-test", "other")[number % 3 == 0],
            "agent": agents["helper"] if number % 4 else None,
            "api_key": key if who is member and number % 3 else None,
            "cost": None if number % 5 == 0 else Decimal(number) / 7,
            "outcome": [CallOutcome.SUCCEEDED, CallOutcome.FAILED, CallOutcome.UNSENT][number % 7 % 3],
            "input_tokens": None if number == 8 else number,
        }
        made.append(write_call(who.principal, MARCH + timedelta(hours=31 * number), **fields))
    made.append(write_call(person.principal, MARCH + timedelta(days=31) - timedelta(milliseconds=1)))
    made.append(write_call(person.principal, MARCH + timedelta(days=31)))
    price = NewPrice("openai", "other", Decimal(1), Decimal(1), valid_from=MARCH)
    set_price(person.principal, price)
    assert rerate(person.principal, MARCH, MARCH + timedelta(days=20)).corrected > 2
    return made


def reports(*people: Person) -> list[Any]:
    since, until = MARCH + timedelta(days=5), MARCH + timedelta(days=40)
    questions = [UsageQuestion(group) for group in GROUPS]
    questions += [UsageQuestion(group, since, until) for group in GROUPS]
    questions += [
        UsageQuestion("day", filters=filters)
        for filters in ({"model": "other"}, {"agent": "helper"}, {"agent": ""}, {"user": people[0].user.email})
    ]
    return [report_usage(who.principal, question).as_json() for who in people for question in questions]


def test_every_report_says_the_same_afterwards(
    calls: list[AgentOSUsage], person: Person, member: Person, stranger: Person
) -> None:
    before = reports(person, member, stranger)
    assert any(one["totals"]["unpriced_calls"] for one in before)
    trimmed = trim_month(date(2025, 3, 14))
    assert (trimmed.rows, trimmed.month) == (len(calls) - 1, date(2025, 3, 1))
    assert AgentOSUsage.objects.count() == 1
    assert not UsageCorrection.objects.filter(usage__created_at__lt=MARCH + timedelta(days=31)).exists()
    assert reports(person, member, stranger) == before


def test_what_is_not_over_or_not_there_is_refused(person: Person) -> None:
    today = datetime.now(UTC).date()
    with pytest.raises(ValueError, match="not over"):
        trim_month(today)
    with pytest.raises(LookupError, match="no partition for 2019-01"):
        trim_month(date(2019, 1, 1))
    trim_month(date(2025, 3, 1))
    with pytest.raises(LookupError):
        trim_month(date(2025, 3, 1))


def test_a_call_whose_process_died_is_counted_and_one_under_way_is_waited_for(person: Person) -> None:
    fields = {"outcome": CallOutcome.OPEN, "finished_at": None, "cost": None}
    write_call(person.principal, MARCH, **fields)
    young = write_call(person.principal, MARCH, **fields)
    AgentOSUsage.objects.filter(pk=young.pk).update(created_at=datetime.now(UTC))
    with pytest.raises(ValueError, match="1 calls under way"):
        trim_month(MARCH.date())
    assert AgentOSUsage.objects.filter(outcome=CallOutcome.OPEN).count() == 2  # nothing was half done
    AgentOSUsage.objects.filter(pk=young.pk).delete()
    trim_month(MARCH.date())
    assert UsageRollUp.objects.get().failed_calls == 1


def test_what_no_month_was_made_for_stays(person: Person) -> None:
    write_call(person.principal, datetime(2019, 5, 5, tzinfo=UTC))
    write_call(person.principal, MARCH)
    trimmed("--before", "2025-08")
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM opie_agentosusage_default")
        assert cursor.fetchone() == (1,)
    assert report_usage(person.principal, UsageQuestion()).totals.calls == 2


def trimmed(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("trim_usage", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_command_says_what_it_did(person: Person) -> None:
    for days in (0, 1, 1, 40):
        write_call(person.principal, MARCH + timedelta(days=days))
    assert trimmed("--before", "2025-05", "--dry-run") == [
        "2025-03  3 rows would be added up and dropped",
        "2025-04  1 rows would be added up and dropped",
    ]
    assert AgentOSUsage.objects.count() == 4
    assert trimmed("--before", "2025-05") == [
        "2025-03  3 rows became 2 sums  (1 of 2)",
        "2025-04  1 rows became 1 sums  (2 of 2)",
    ]
    assert trimmed("--before", "2025-05") == ["There is nothing before 2025-05 to trim."]


@pytest.mark.parametrize("month", ["2025", "2025-13", "yesterday", "2999-01", "", "2025-03-01"])
def test_the_command_refuses_what_is_no_past_month(month: str) -> None:
    with pytest.raises(CommandError):
        trimmed("--before", month)
