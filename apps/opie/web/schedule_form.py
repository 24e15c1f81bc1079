"""The form that makes and changes a schedule: the fields of the REST API's schedule, for people."""

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.opie.agentos.service import LONGEST_MESSAGE, MOST_ATTEMPTS
from apps.opie.engine.cron import check_schedule, times_after
from apps.opie.models import Agent, AgentOSSchedule
from apps.opie.web.agent_form import Problem
from apps.opie.web.timetable import MONTH_DAYS, REPEATS, WEEKDAYS, Timetable

TIMES_SHOWN = 3
_SELECT = {"class": "select w-full"}
_INPUT = {"class": "input w-full"}


class WhenForm(forms.Form):
    """When it is asked. `timetable()` and `next_times()` are for a valid form."""

    repeat = forms.ChoiceField(label=_("How often"), choices=REPEATS, widget=forms.Select(_SELECT))
    weekday = forms.ChoiceField(label=_("On"), choices=WEEKDAYS, required=False, widget=forms.Select(_SELECT))
    month_day = forms.ChoiceField(label=_("On day"), choices=MONTH_DAYS, required=False, widget=forms.Select(_SELECT))
    at = forms.TimeField(label=_("At"), required=False, widget=forms.TimeInput({**_INPUT, "type": "time"}, "%H:%M"))
    minute = forms.IntegerField(
        label=_("Minutes past the hour"), min_value=0, max_value=59, required=False, widget=forms.NumberInput(_INPUT)
    )
    cron = forms.CharField(
        label=_("Cron line"),
        max_length=100,
        required=False,
        widget=forms.TextInput({"class": "input w-full font-mono", "spellcheck": "false", "dir": "ltr"}),
        help_text=_(
            "Minute, hour, day of the month, month, day of the week. 30 8 * * MON-FRI is 8:30 on working days."
        ),
    )
    time_zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        widget=forms.TextInput({**_INPUT, "list": "time-zones", "autocomplete": "off", "data-own-time-zone": ""}),
    )

    def timetable(self) -> Timetable:
        told = self.cleaned_data
        at = told.get("at") or time(9)
        if told["repeat"] == "hourly":
            at = time(0, told.get("minute") or 0)
        return Timetable(told["repeat"], at, told.get("weekday") or "1", told.get("month_day") or "1", told["cron"])

    def next_times(self, count: int = TIMES_SHOWN) -> list[datetime]:
        return times_after(self.timetable().as_cron(), self.cleaned_data["time_zone"], timezone.now(), count)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            check_schedule(self.timetable().as_cron(), cleaned["time_zone"], timezone.now())
        except InvalidInput as error:
            for name, texts in error.fields.items():
                for text in texts:
                    self.add_error(name if name != "cron" or cleaned["repeat"] == "custom" else "repeat", text)
        return cleaned


class ScheduleForm(WhenForm):
    """Give it the principal and, to change one, the schedule. `definition()` is what the use case takes."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput({**_INPUT, "dir": "auto"}))
    agent_id = forms.ChoiceField(label=_("Agent"), widget=forms.Select(_SELECT))
    message = forms.CharField(
        label=_("What to ask"),
        max_length=LONGEST_MESSAGE,
        widget=forms.Textarea({"class": "textarea w-full", "rows": 4, "dir": "auto"}),
    )
    most_attempts = forms.IntegerField(
        label=_("Tries, when it fails"),
        min_value=1,
        max_value=MOST_ATTEMPTS,
        initial=3,
        widget=forms.NumberInput(_INPUT),
    )

    def __init__(
        self, principal: Principal, data: Mapping[str, Any] | None = None, schedule: AgentOSSchedule | None = None
    ) -> None:
        super().__init__(data, initial=_initial(schedule), label_suffix="")
        agents = Agent.objects.served_to(principal).order_by("name")
        field = self.fields["agent_id"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [(agent.agent_id, agent.name) for agent in agents.only("agent_id", "name")]

    def definition(self) -> dict[str, Any]:
        """The fields of a valid form in the shape of the REST API's schedule."""
        taken_over = {name: self.cleaned_data[name] for name in ("name", "agent_id", "message", "most_attempts")}
        return taken_over | {"cron": self.timetable().as_cron(), "time_zone": self.cleaned_data["time_zone"]}

    def problems(self) -> Iterator[Problem]:
        for text in self.non_field_errors():
            yield Problem("", str(text), "")
        for name in self.fields:
            for text in self.errors.get(name, []):
                yield Problem(str(self[name].label), str(text), self[name].id_for_label)


def time_zones() -> list[str]:
    """The zones that are offered; any other name of the tz database is taken too."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))


def _initial(schedule: AgentOSSchedule | None) -> dict[str, Any]:
    if schedule is None:
        return {"at": time(9), "minute": 0}
    when = Timetable.of(schedule.cron)
    kept = ("name", "message", "most_attempts", "time_zone", "cron")
    chosen = {name: getattr(when, name) for name in ("repeat", "at", "weekday", "month_day")}
    return (
        {name: getattr(schedule, name) for name in kept}
        | chosen
        | {"minute": when.at.minute, "agent_id": schedule.agent.agent_id}
    )
