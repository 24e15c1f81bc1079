"""When a cron line is due, in somebody's time zone.

Five fields: minute, hour, day of the month, month, day of the week. Where clocks are put forward, a time that the day
does not have is due right after the gap; where they are put back, a time that comes twice is due once. Lines whose
minute or hour begins with * run on through both, as cron does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from apps.api.errors import InvalidInput

FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
FORM = "Write five fields: minute, hour, day of the month, month, day of the week. 30 8 * * MON-FRI is half past eight on working days."
NEVER = "No day there is fits this line."
_RANGES = {
    "minute": "a minute from 0 to 59",
    "hour": "an hour from 0 to 23",
    "day-of-month": "a day of the month from 1 to 31, or L for the last",
    "month": "a month from 1 to 12, or JAN to DEC",
    "day-of-week": "a day of the week from 0 (Sunday) to 6, or SUN to SAT",
}


def times_after(cron: str, time_zone: str, after: datetime, count: int) -> list[datetime]:
    """The next times of a checked line, in UTC, later than `after`; fewer where the line ends."""
    return [moment.astimezone(UTC) for moment in islice(_times(cron, time_zone, after), count)]


def check_schedule(cron: str, time_zone: str, now: datetime) -> None:
    """Raises InvalidInput that says what is wrong with the zone or the line."""
    problems = {}
    if zone := _problem_of_zone(time_zone):
        problems["time_zone"] = [zone]
    if line := _problem_of_line(cron, "UTC" if zone else time_zone, now):
        problems["cron"] = [line]
    if problems:
        raise InvalidInput(fields=problems)


def _times(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    last = after
    for moment in CronSim(cron, after.astimezone(ZoneInfo(time_zone))):
        # In the hour that comes twice, a fixed time is found again, at its first coming; several in a gap are one.
        if moment.astimezone(UTC) > last.astimezone(UTC):
            yield moment
            last = moment


def _problem_of_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "There is no such time zone. Give its name of the tz database, such as Europe/Berlin or UTC."
    return ""


def _problem_of_line(cron: str, time_zone: str, now: datetime) -> str:
    # A sixth field would be seconds: a schedule is due once a minute at most.
    if len(cron.split()) != len(FIELDS):
        return FORM
    try:
        return "" if times_after(cron, time_zone, now, 1) else NEVER
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        if field == "day-of-month" and _fits_alone(cron):
            return NEVER
        return f"The {field.replace('-', ' ')} cannot be read. Give {_RANGES[field]}, a range, a list or */n."


def _fits_alone(cron: str) -> bool:
    """Whether the day can be read, and only no month has it."""
    minute, hour, day, _, weekday = cron.split()
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", datetime.now(UTC))
    except CronSimError:
        return False
    return True
