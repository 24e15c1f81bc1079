"""Statements whose plans are kept."""

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.api.statements import prepared_cursor

pytestmark = pytest.mark.django_db

ASKED = "SELECT %s::integer + 1 AS asked_all_the_time"


def _ask(number: str) -> int:
    with prepared_cursor() as cursor:
        cursor.execute(ASKED, [number])
        return int(cursor.fetchone()[0])


def test_a_statement_that_comes_often_is_prepared() -> None:
    assert [_ask(str(number)) for number in range(8)] == list(range(1, 9))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE position('asked_all_the_time' IN statement) > 0"
        )
        assert cursor.fetchone() == (1,)


def test_errors_and_logs_are_django_s() -> None:
    with pytest.raises(DataError), transaction.atomic():
        _ask("one")
    with CaptureQueriesContext(connection) as seen:
        _ask("1")
    assert "asked_all_the_time" in seen[0]["sql"]
