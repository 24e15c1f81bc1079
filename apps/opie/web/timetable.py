"""Times of a schedule as people choose and read them; underneath they are a cron line."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Self

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

REPEATS = (
    ("daily", gettext_lazy("Every day")),
    ("weekdays", gettext_lazy("Monday to Friday")),
    ("weekly", gettext_lazy("Once a week")),
    ("monthly", gettext_lazy("Once a month")),
    ("hourly", gettext_lazy("Every hour")),
    ("custom", gettext_lazy("Another rhythm (cron)")),
)
WEEKDAYS = (
    ("1", gettext_lazy("Monday")),
    ("2", gettext_lazy("Tuesday")),
    ("3", gettext_lazy("Wednesday")),
    ("4", gettext_lazy("Thursday")),
    ("5", gettext_lazy("Friday")),
    ("6", gettext_lazy("Saturday")),
    ("0", gettext_lazy("Sunday")),
)
LAST_DAY = "L"
MONTH_DAYS = (*((str(day), str(day)) for day in range(1, 29)), (LAST_DAY, gettext_lazy("The last day")))
_NAMES = {"SUN": "0", "MON": "1", "TUE": "2", "WED": "3", "THU": "4", "FRI": "5", "SAT": "6", "7": "0"}
_AT = re.compile(r"(\d{1,2}) (\d{1,2}) (\S+) \* (\S+)")
_HOURLY = re.compile(r"(\d{1,2}) \* \* \* \*")


@dataclass(frozen=True, slots=True)
class Timetable:
    """A rhythm with its details; those that a rhythm does not need are ignored. `cron` is for the custom one."""

    repeat: str = "daily"
    at: time = time(9)
    weekday: str = "1"
    month_day: str = "1"
    cron: str = ""

    @classmethod
    def of(cls, cron: str) -> Self:
        """The rhythm of a cron line; custom when no other says the same."""
        line = " ".join(cron.split()).upper()
        if (hourly := _HOURLY.fullmatch(line)) and int(hourly[1]) < 60:
            return cls("hourly", time(0, int(hourly[1])), cron=cron)
        found = _AT.fullmatch(line)
        if not found or int(found[1]) > 59 or int(found[2]) > 23:
            return cls("custom", cron=cron)
        at, day, weekday = time(int(found[2]), int(found[1])), found[3], _NAMES.get(found[4], found[4])
        if day == "*" and weekday == "*":
            return cls("daily", at, cron=cron)
        if day == "*" and weekday in ("1-5", "MON-FRI"):
            return cls("weekdays", at, cron=cron)
        if day == "*" and weekday in dict(WEEKDAYS):
            return cls("weekly", at, weekday=weekday, cron=cron)
        if weekday == "*" and day in dict(MONTH_DAYS):
            return cls("monthly", at, month_day=day, cron=cron)
        return cls("custom", cron=cron)

    def as_cron(self) -> str:
        """The line that means this rhythm."""
        at = f"{self.at.minute} {self.at.hour}"
        return {
            "daily": f"{at} * * *",
            "weekdays": f"{at} * * 1-5",
            "weekly": f"{at} * * {self.weekday}",
            "monthly": f"{at} {self.month_day} * *",
            "hourly": f"{self.at.minute} * * * *",
        }.get(self.repeat, self.cron.strip())

    def in_words(self) -> str:
        """The rhythm as one says it; a custom one as its line."""
        values = {
            "time": self.at.strftime("%H:%M"),
            "minute": self.at.strftime("%M"),
            "weekday": dict(WEEKDAYS).get(self.weekday, self.weekday),
            "day": self.month_day,
        }
        if self.repeat == "monthly" and self.month_day == LAST_DAY:
            return _("On the last day of every month at %(time)s") % values
        known = {
            "daily": _("Every day at %(time)s"),
            "weekdays": _("Monday to Friday at %(time)s"),
            "weekly": _("Every %(weekday)s at %(time)s"),
            "monthly": _("On day %(day)s of every month at %(time)s"),
            "hourly": _("Every hour, %(minute)s minutes past"),
        }
        return known[self.repeat] % values if self.repeat in known else self.cron
