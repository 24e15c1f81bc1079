"""When a cron line is due: time zones, clocks put forward and back, and lines that cannot be used."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.api.errors import InvalidInput
from apps.opie.engine.cron import check_schedule, times_after

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# In Berlin clocks go from 2:00 to 3:00 on 28 March 2027, and from 3:00 back to 2:00 on 31 October 2027.
CLOCKS = [
    # line, after, the times
    ("30 2 * * *", "2027-03-27T00:00+01:00", ["2027-03-27T02:30+01:00", "2027-03-28T03:00+02:00", "2027-03-29T02:30+02:00"]),
    ("15,45 2 * * *", "2027-03-28T00:00+01:00", ["2027-03-28T03:00+02:00", "2027-03-29T02:15+02:00"]),
    ("0 3 * * *", "2027-03-27T12:00+01:00", ["2027-03-28T03:00+02:00", "2027-03-29T03:00+02:00"]),
    ("0 8 * * *", "2027-03-27T09:00+01:00", ["2027-03-28T08:00+02:00", "2027-03-29T08:00+02:00"]),
    ("30 * * * *", "2027-03-28T01:00+01:00", ["2027-03-28T01:30+01:00", "2027-03-28T03:30+02:00"]),
    ("30 2 * * *", "2027-10-30T12:00+02:00", ["2027-10-31T02:30+02:00", "2027-11-01T02:30+01:00"]),
    # Asked for in the second of the two hours: the first one's time is not due again.
    ("30 2 * * *", "2027-10-31T02:15+01:00", ["2027-11-01T02:30+01:00"]),
    ("30 2 * * *", "2027-10-31T02:45+01:00", ["2027-11-01T02:30+01:00"]),
    ("0 3 * * *", "2027-10-31T01:00+02:00", ["2027-10-31T03:00+01:00"]),
    ("0 8 * * *", "2027-10-30T09:00+02:00", ["2027-10-31T08:00+01:00"]),
    ("30 * * * *", "2027-10-31T02:00+02:00", ["2027-10-31T02:30+02:00", "2027-10-31T02:30+01:00", "2027-10-31T03:30+01:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "after", "times"), CLOCKS)
def test_clocks_put_forward_and_back(line: str, after: str, times: list[str]) -> None:
    assert times_after(line, BERLIN, at(after), len(times)) == [at(time) for time in times]


@pytest.mark.parametrize(
    ("line", "zone", "after", "expected"),
    [
        ("0 9 * * MON-FRI", "America/New_York", "2027-01-01T15:00+00:00", "2027-01-04T14:00+00:00"),
        ("0 0 29 2 *", "UTC", "2027-01-01T00:00+00:00", "2028-02-29T00:00+00:00"),
        ("0 12 L * *", "Asia/Kathmandu", "2027-02-01T00:00+00:00", "2027-02-28T06:15+00:00"),
        ("*/5 * * * *", "UTC", "2027-01-01T00:04:59.999+00:00", "2027-01-01T00:05+00:00"),
        ("* * * * *", "UTC", "2027-01-01T00:05:00+00:00", "2027-01-01T00:06+00:00"),
    ],
)
def test_the_next_time(line: str, zone: str, after: str, expected: str) -> None:
    check_schedule(line, zone, at(after))
    assert times_after(line, zone, at(after), 1) == [at(expected)]


@pytest.mark.parametrize(
    ("line", "zone", "fields"),
    [
        ("", "UTC", {"cron": "five fields"}),
        ("@daily", "UTC", {"cron": "five fields"}),
        ("* * * * * *", "UTC", {"cron": "five fields"}),
        ("60 * * * *", "UTC", {"cron": "minute cannot be read"}),
        ("* 24 * * *", "UTC", {"cron": "hour cannot be read"}),
        ("* * 32 * *", "UTC", {"cron": "day of month cannot be read"}),
        ("* * * 13 *", "UTC", {"cron": "month cannot be read"}),
        ("* * * * MONDAY", "UTC", {"cron": "day of week cannot be read"}),
        ("*/0 * * * *", "UTC", {"cron": "minute cannot be read"}),
        ("0 0 31 2 *", "UTC", {"cron": "No day"}),
        ("0 0 * * *", "Berlin", {"time_zone": "Europe/Berlin"}),
        ("0 0 * * *", "../etc/passwd", {"time_zone": "tz database"}),
        ("0 0 * * *", "", {"time_zone": "tz database"}),
        ("nonsense", "Nowhere/Land", {"time_zone": "tz database", "cron": "five fields"}),
    ],
)
def test_what_cannot_be_used_is_refused_with_words_that_help(line: str, zone: str, fields: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_schedule(line, zone, datetime.now(UTC))
    assert refused.value.fields.keys() == fields.keys()
    for name, words in fields.items():
        assert words in refused.value.fields[name][0]


@given(
    st.lists(st.text("0123459*/-,#LWMON٣²", max_size=5), min_size=5, max_size=5).map(" ".join),
    st.sampled_from(["UTC", BERLIN, "Australia/Lord_Howe"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
)
def test_any_line_is_refused_or_has_later_and_later_times(line: str, zone: str, after: datetime) -> None:
    try:
        check_schedule(line, zone, after)
    except InvalidInput:
        return
    times = times_after(line, zone, after, 3)
    assert times == sorted({moment for moment in times if moment > after})
