"""The time that a page of statistics is about: read from its address, and cut into days, weeks, months or years."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import formats
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.opie.metrics.conversations import UNITS

ALL, USUAL = "all", "30"
PERIODS: Mapping[str, Any] = {
    "7": gettext_lazy("7 days"),
    USUAL: gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    ALL: gettext_lazy("All time"),
}
# As many as a plot can show apart; a longer time is cut into longer pieces.
MOST_PIECES = 92


@dataclass(frozen=True, slots=True)
class Period:
    """`days` is one of PERIODS, or empty where days are named; `since` and `until` are its first and last day, in UTC, where
    it has some. `problems` are by the name of their field: the usual period stands in then, and `named` is what was
    named, as far as it could be read."""

    days: str
    since: date | None
    until: date | None = None
    named: tuple[date | None, date | None] | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def since_moment(self) -> datetime | None:
        return None if self.since is None else _midnight(self.since)

    @property
    def until_moment(self) -> datetime | None:
        """The end of its last day."""
        return None if self.until is None or self.until == date.max else _midnight(self.until + timedelta(days=1))

    @property
    def query(self) -> str:
        """Itself as a part of an address."""
        if self.days:
            return urlencode({"days": self.days})
        return urlencode({name: day for name, day in (("from", self.since), ("to", self.until)) if day})

    @property
    def shown_first(self) -> str:
        """As the field of a form is given it."""
        return _typed(self.named[0] if self.named else self.since)

    @property
    def shown_last(self) -> str:
        return _typed(self.named[1] if self.named else self.until)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A period cut up: the unit, and the first day of each piece."""

    unit: str
    first_days: list[date]

    def label(self, first_day: date) -> str:
        """The piece in a few letters, for an axis."""
        if self.unit == "year":
            return f"{first_day:%Y}"
        return formats.date_format(first_day, "M Y" if self.unit == "month" else "j M")

    def name(self, first_day: date) -> str:
        """The piece in full."""
        if self.unit == "year":
            return f"{first_day:%Y}"
        if self.unit == "month":
            return formats.date_format(first_day, "F Y")
        day = formats.date_format(first_day, "j M Y")
        return _("Week of %(day)s") % {"day": day} if self.unit == "week" else day


def read_period(asked: Mapping[str, str], today: date) -> Period:
    """From `days`, or `from` and `to`. What cannot be understood is told in `problems`; an unknown `days` is the usual one."""
    first, last = (asked.get(name, "").strip()[:32] for name in ("from", "to"))
    if not first and not last:
        days = asked.get("days", "")
        return _of_days(days if days in PERIODS else USUAL, today)
    problems: dict[str, str] = {}
    since, until = (_day(text, name, problems) for text, name in ((first, "from"), (last, "to")))
    if since and until and since > until:
        problems["to"] = _("The last day is before the first.")
    if problems:
        return replace(_of_days(USUAL, today), named=(since, until), problems=problems)
    return Period("", since, until)


def cut(period: Period, begun: date | None, today: date) -> Pieces:
    """The shortest pieces of which there are not too many. What is before anything was (`begun`) or to come is left out
    of a time that is longer than the plot."""
    last = min(period.until or today, today)
    first = period.since or min(begun or last, last)
    if (last - first).days >= MOST_PIECES and begun:
        first = max(first, min(begun, last))
    first = min(first, last)
    for unit in UNITS:
        pieces = Pieces(unit, list(_first_days(unit, first, last)))
        if len(pieces.first_days) <= MOST_PIECES:
            break
    return pieces


def _of_days(days: str, today: date) -> Period:
    return Period(days, None if days == ALL else today - timedelta(days=int(days) - 1), None if days == ALL else today)


def _day(text: str, name: str, problems: dict[str, str]) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if text and day is None:
        problems[name] = _("“%(text)s” is no day. Give one like 2026-01-31.") % {"text": text}
    return day


def _typed(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _first_days(unit: str, first: date, last: date) -> Iterator[date]:
    day = {"day": first, "week": first - timedelta(days=first.weekday())}.get(unit) or first.replace(day=1)
    day = day.replace(month=1) if unit == "year" else day
    for _number in range(MOST_PIECES + 1):
        if day > last:
            return
        yield day
        day = _next(unit, day)


def _next(unit: str, day: date) -> date:
    if unit in ("day", "week"):
        return day + timedelta(days=1 if unit == "day" else 7)
    if unit == "year" or day.month == 12:
        return date(day.year + 1, day.month if unit == "year" else 1, 1)
    return day.replace(month=day.month + 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
