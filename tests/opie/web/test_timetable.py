"""Rhythms that people choose mean the cron line they say, there and back."""

from datetime import time

import pytest

from apps.opie.web.timetable import Timetable

LINES = {
    "30 8 * * *": ("daily", "Every day at 08:30"),
    "0 9 * * 1-5": ("weekdays", "Monday to Friday at 09:00"),
    "0 9 * * 5": ("weekly", "Every Friday at 09:00"),
    "5 0 1 * *": ("monthly", "On day 1 of every month at 00:05"),
    "59 23 L * *": ("monthly", "On the last day of every month at 23:59"),
    "7 * * * *": ("hourly", "Every hour, 07 minutes past"),
}


@pytest.mark.parametrize("cron", LINES)
def test_lines_that_people_know_are_said_in_words(cron: str) -> None:
    when = Timetable.of(cron)
    assert (when.repeat, when.in_words()) == LINES[cron]
    assert when.as_cron() == cron


@pytest.mark.parametrize(
    ("cron", "same_as"), [("0 9 * * MON-FRI", "0 9 * * 1-5"), ("0 9 * * sun", "0 9 * * 0"), ("0 9 * * 7", "0 9 * * 0")]
)
def test_other_spellings_mean_the_same(cron: str, same_as: str) -> None:
    assert Timetable.of(cron).as_cron() == same_as


@pytest.mark.parametrize(
    "cron", ["*/5 * * * *", "0 9 1 1 *", "0 9 1 * 1", "0 9 31 * *", "0 25 * * *", "99 * * * *", ""]
)
def test_everything_else_stays_the_line_it_is(cron: str) -> None:
    when = Timetable.of(cron)
    assert (when.repeat, when.as_cron(), when.in_words()) == ("custom", cron, cron)


def test_details_that_a_rhythm_does_not_have_say_nothing() -> None:
    assert Timetable("daily", time(7), weekday="3", month_day="9", cron="x").as_cron() == "0 7 * * *"
