"""/agentos/history/statistics/: how many conversations, how long, with whom and when; the plots and tables as files."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.opie.agentos.metrics_api import safe_cell
from apps.opie.ledger.prices import CURRENCY
from apps.opie.metrics.conversations import (
    MOST_FAVOURITES,
    ConversationFigures,
    ConversationQuestion,
    ConversationsAt,
    Scope,
    conversation_figures,
    first_conversation_at,
    may_see_team,
)
from apps.opie.models import Agent, AgentOSSession
from apps.opie.web.score_plot import NARROW, WIDE
from apps.opie.web.statistics_period import ALL, PERIODS, Period, Pieces, cut, read_period
from apps.opie.web.statistics_plots import AgentPlot, TimePlot, draw_agents, draw_times
from apps.opie.web.views import Page, PieceOfPage

DAY_COLUMNS = ["day", "conversations", "messages"]
AGENT_COLUMNS = [
    "agent_id",
    "name",
    "conversations",
    "answers",
    "thumbs_up",
    "thumbs_down",
    "calls",
    "total_tokens",
    "cost",
]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an address asks for, and the answer."""

    scope: Scope
    period: Period
    pieces: Pieces
    figures: ConversationFigures

    @property
    def times(self) -> list[tuple[str, ConversationsAt]]:
        """Every piece of the time with its name, also those in which nothing was."""
        known = {one.first_day: one for one in self.figures.times}
        return [(self.pieces.name(day), known.get(day, ConversationsAt(day))) for day in self.pieces.first_days]


class StatisticsView(Page):
    """GET /agentos/history/statistics/?days=7|30|90|all or ?from=&to=, and &scope=team."""

    template_name = "agentos/statistics.html"
    area = "chat"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = statistics_of(self.principal, self.request)
        agents = _agents_of(self.principal, found)
        return super().get_context_data(
            found=found,
            figures=found.figures,
            period=found.period,
            periods=list(PERIODS.items()),
            is_team=found.scope is Scope.TEAM,
            may_see_team=may_see_team(self.principal),
            agents=agents,
            favourites=agents[:MOST_FAVOURITES],
            thumbs=(sum(one["thumbs_up"] for one in agents), sum(one["thumbs_down"] for one in agents)),
            titles=titles_of(found.pieces.unit),
            time_plots=[draw_times(found.pieces, found.figures.times, width) for width in (WIDE, NARROW)],
            agent_plots=[draw_agents(found.figures.agents, width) for width in (WIDE, NARROW)],
            had_any=bool(found.figures.conversations) or self._had_any(found),
            may_run=self.principal.may(Permission.RUN_AGENTS),
            **kwargs,
        )

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return super().render_to_response(context, status=422 if context["period"].problems else 200, **kwargs)

    def _had_any(self, found: Statistics) -> bool:
        if found.scope is Scope.TEAM:
            return found.period.days != ALL
        return AgentOSSession.objects.visible_to(self.principal).exists()


class DaysPlotView(PieceOfPage):
    """GET /agentos/history/statistics/days.svg, with what the page takes: the plot as a file, in colours of its own."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = _for_file(self.principal, request)
        return _as_svg(request, "days", draw_times(found.pieces, found.figures.times, WIDE), found.pieces.unit)


class AgentsPlotView(PieceOfPage):
    """GET /agentos/history/statistics/agents.svg, likewise."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = _for_file(self.principal, request)
        return _as_svg(request, "agents", draw_agents(found.figures.agents, WIDE), found.pieces.unit)


class DaysTableView(PieceOfPage):
    """GET /agentos/history/statistics/days.csv, with what the page takes: each day on which there was anything."""

    def get(self, request: HttpRequest) -> HttpResponse:
        figures = _for_file(self.principal, request, unit="day").figures
        rows = [
            {"day": one.first_day, "conversations": one.conversations, "messages": one.messages}
            for one in figures.times
        ]
        return _as_csv("days", DAY_COLUMNS, rows)


class AgentsTableView(PieceOfPage):
    """GET /agentos/history/statistics/agents.csv, likewise: each agent that answered."""

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = _for_file(self.principal, request).figures.usage_by_agent
        return _as_csv("agents", AGENT_COLUMNS, [one | {"name": safe_cell(one["name"])} for one in rows])


def statistics_of(principal: Principal, request: HttpRequest, unit: str | None = None) -> Statistics:
    """What the address asks for; with a unit, in that one. Raises NotAllowed for the team's where it may not be seen."""
    scope = Scope.TEAM if request.GET.get("scope") == Scope.TEAM else Scope.MINE
    today = datetime.now(UTC).date()
    period = read_period(request.GET, today)
    pieces = cut(period, _day_of(first_conversation_at(principal, scope)), today)
    question = ConversationQuestion(period.since_moment, period.until_moment, scope, unit or pieces.unit)
    return Statistics(scope, period, pieces, conversation_figures(principal, question))


def titles_of(unit: str) -> dict[str, str]:
    """What each plot shows."""
    days = {
        "day": _("Messages and conversations by day"),
        "week": _("Messages and conversations by week"),
        "month": _("Messages and conversations by month"),
        "year": _("Messages and conversations by year"),
    }
    return {"days": days[unit], "agents": _("Answers by agent")}


def _for_file(principal: Principal, request: HttpRequest, unit: str | None = None) -> Statistics:
    """As statistics_of. Raises InvalidInput too: a file of another time than was asked for would go unnoticed."""
    found = statistics_of(principal, request, unit)
    if found.period.problems:
        raise InvalidInput(" ".join(found.period.problems.values()))
    return found


def _agents_of(principal: Principal, found: Statistics) -> list[dict[str, Any]]:
    """The agents with their figures, the most used first; those that one may talk to can be led to."""
    listed = found.figures.usage_by_agent
    served = set(
        Agent.objects.served_to(principal)
        .filter(agent_id__in=[one["agent_id"] for one in listed])
        .values_list("agent_id", flat=True)
    )
    return [
        one
        | {
            "is_served": one["agent_id"] in served,
            "price": None if one["cost"] is None else Decimal(one["cost"]),
            "currency": CURRENCY,
        }
        for one in listed
    ]


def _day_of(moment: datetime | None) -> date | None:
    return None if moment is None else moment.astimezone(UTC).date()


def _as_svg(request: HttpRequest, name: str, plot: TimePlot | AgentPlot, unit: str) -> HttpResponse:
    context = {"plot": plot, "as_file": True, "title": titles_of(unit)[name]}
    drawing = render_to_string(f"agentos/parts/{name}_plot.html", context, request)
    return _download(drawing, "image/svg+xml; charset=utf-8", f"conversations-{name}.svg")


def _as_csv(name: str, columns: list[str], rows: Iterable[dict[str, Any]]) -> HttpResponse:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return _download(text.getvalue(), "text/csv; charset=utf-8", f"conversations-{name}.csv")


def _download(text: str, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
