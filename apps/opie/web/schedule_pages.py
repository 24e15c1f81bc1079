"""/agentos/schedules/: questions that are asked by the clock, as their owner makes, changes and stops them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.accounts.permissions import Permission
from apps.api.errors import BudgetExceeded, Conflict, InvalidInput, LimitExceeded, NotAllowed, NotFound
from apps.opie.agentos import schedule_rows
from apps.opie.engine.cron import times_after
from apps.opie.engine.schedules import run_now
from apps.opie.models import AgentOSSchedule
from apps.opie.web.schedule_form import ScheduleForm, WhenForm, time_zones
from apps.opie.web.timetable import Timetable
from apps.opie.web.views import Page, PieceOfPage

TIMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """One schedule in the list, with its next times in its own zone."""

    schedule: AgentOSSchedule
    rhythm: str
    next_times: list[datetime]


class SchedulesView(Page):
    """GET /agentos/schedules/"""

    template_name = "agentos/schedules.html"
    area = "activity"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        schedules = AgentOSSchedule.objects.visible_to(self.principal).select_related("agent")
        return super().get_context_data(
            lines=[_line(schedule) for schedule in schedules.order_by("-is_enabled", "name", "id")],
            may_run=self.principal.may(Permission.RUN_AGENTS),
            **kwargs,
        )


class ScheduleFormPage(Page):
    """The form, for a new schedule or one that is there."""

    template_name = "agentos/schedule_form.html"
    area = "activity"

    def schedule(self) -> AgentOSSchedule | None:
        """The schedule to change. Raises NotFound or NotAllowed."""
        raise NotImplementedError

    def save(self, definition: dict[str, Any]) -> AgentOSSchedule:
        """Raises InvalidInput, Conflict."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        schedule = self.schedule()
        return self._show(ScheduleForm(self.principal, schedule=schedule), schedule)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        schedule = self.schedule()
        form = ScheduleForm(self.principal, request.POST, schedule)
        if form.is_valid():
            try:
                saved = self.save(form.definition())
            except InvalidInput as error:
                for name, texts in error.fields.items():
                    form.add_error(name if name in form.fields else None, texts)
            except Conflict as error:
                form.add_error(None, error.message)
            else:
                messages.success(request, _("“%(name)s” was saved.") % {"name": saved.name})
                return redirect("pages:schedules")
        return self._show(form, schedule, status=422)

    def _show(self, form: ScheduleForm, schedule: AgentOSSchedule | None, status: int = 200) -> HttpResponse:
        context = self.get_context_data(form=form, schedule=schedule, time_zones=time_zones())
        return self.render_to_response(context, status=status)


class ScheduleCreateView(ScheduleFormPage):
    """/agentos/schedules/new/"""

    def schedule(self) -> None:
        _require_may_run(self)

    def save(self, definition: dict[str, Any]) -> AgentOSSchedule:
        return schedule_rows.create_schedule(self.principal, definition)


class ScheduleChangeView(ScheduleFormPage):
    """/agentos/schedules/<schedule_id>/edit/"""

    def schedule(self) -> AgentOSSchedule:
        schedule = schedule_rows.own_schedule(self.principal, self.kwargs["schedule_id"])
        _require_may_run(self)
        return schedule

    def save(self, definition: dict[str, Any]) -> AgentOSSchedule:
        return schedule_rows.change_schedule(self.principal, self.kwargs["schedule_id"], definition)


class SchedulePreviewView(PieceOfPage):
    """GET /agentos/schedules/preview/: the next times of what stands in the form, or what is wrong with it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        form = WhenForm(request.GET, label_suffix="")
        times = form.next_times() if form.is_valid() else []
        zone = form.cleaned_data.get("time_zone", "")
        return render(
            request, "agentos/parts/next_times.html", {"form": form, "times": _in_zone(times, zone), "zone": zone}
        )


class SwitchScheduleView(PieceOfPage):
    """POST /agentos/schedules/<schedule_id>/switch/ with is_enabled."""

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = schedule_rows.own_schedule(self.principal, schedule_id)
        _require_may_run(self)
        enabled = request.POST.get("is_enabled") == "true"
        try:
            schedule = schedule_rows.change_schedule(self.principal, schedule.pk, {"is_enabled": enabled})
        except (Conflict, InvalidInput) as error:
            messages.error(request, error.message)
        else:
            text = _("“%(name)s” is switched on.") if enabled else _("“%(name)s” is switched off.")
            messages.success(request, text % {"name": schedule.name})
        return redirect("pages:schedules")


class RunScheduleView(PieceOfPage):
    """POST /agentos/schedules/<schedule_id>/run/: ask now, besides the times it has."""

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = schedule_rows.own_schedule(self.principal, schedule_id)
        _require_may_run(self)
        try:
            run_now(schedule, self.principal)
        except (BudgetExceeded, Conflict, LimitExceeded, NotFound) as error:
            messages.error(request, error.message)
            return redirect("pages:schedules")
        messages.success(request, _("“%(name)s” was asked. The answer comes here.") % {"name": schedule.name})
        return redirect("pages:runs")


class DeleteScheduleView(PieceOfPage):
    """POST /agentos/schedules/<schedule_id>/delete/: what it asked so far stays."""

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = schedule_rows.own_schedule(self.principal, schedule_id)
        _require_may_run(self)
        schedule_rows.delete_schedule(self.principal, schedule.pk)
        messages.success(request, _("“%(name)s” was deleted.") % {"name": schedule.name})
        return redirect("pages:schedules")


def _line(schedule: AgentOSSchedule) -> ScheduleLine:
    times = []
    if schedule.is_enabled and schedule.next_run_at is not None:
        later = times_after(schedule.cron, schedule.time_zone, schedule.next_run_at, TIMES_SHOWN - 1)
        times = _in_zone([schedule.next_run_at, *later], schedule.time_zone)
    return ScheduleLine(schedule, Timetable.of(schedule.cron).in_words(), times)


def _in_zone(times: list[datetime], zone: str) -> list[datetime]:
    """As clocks there show them: templates would turn moments of a zone into the page's own."""
    return [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in times] if times else []


def _require_may_run(page: Page | PieceOfPage) -> None:
    if not page.principal.may(Permission.RUN_AGENTS):
        raise NotAllowed
