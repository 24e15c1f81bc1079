"""Numbers read the same from the server as from the browser: frontend/tests/format.test.ts has the same cases."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.opie.web.templatetags import figures


def test_tokens() -> None:
    counts = [0, 999, 1000, 1234, 9949, 9950, 12_400, None]
    assert [figures.tokens(count) for count in counts] == ["0", "999", "1.0 k", "1.2 k", "9.9 k", "10 k", "12 k", ""]


def test_durations() -> None:
    times = [0, 870, 1234, 59_940, 125_000, 311.5, None]
    assert [figures.duration(time) for time in times] == [
        "0 ms",
        "870 ms",
        "1.2 s",
        "59.9 s",
        "2 min 5 s",
        "312 ms",
        "",
    ]


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00 USD"),
        ("0.0001234000", "0.00012 USD"),
        ("0.25", "0.25 USD"),
        ("3.5", "3.50 USD"),
        ("0.0000000001", "0.000000 USD"),
    ],
)
def test_money_keeps_the_digits_that_say_something(amount: str, shown: str) -> None:
    assert figures.money(Decimal(amount), "USD") == shown


def test_an_unknown_cost_is_not_zero() -> None:
    assert figures.money(None, "USD") == "cost unknown"


def test_times_say_how_long_ago_and_exactly_when() -> None:
    moment = timezone.now() - timedelta(minutes=5)
    html = figures.ago(moment)
    assert f'datetime="{moment.isoformat()}"' in html
    assert moment.strftime("%Y-%m-%d %H:%M UTC") in html
    assert ">5\xa0minutes ago<" in html
    assert figures.ago(None) == ""


def test_shares() -> None:
    assert [figures.percent(share) for share in (1, 0.987, 0.33333, None)] == ["100 %", "98.7 %", "33.33 %", ""]
