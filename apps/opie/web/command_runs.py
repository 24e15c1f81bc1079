"""What came of a command: one's own runs of it, its figures, and the agents that could answer it."""

import json
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page as PageOfRows
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts.principal import Principal
from apps.opie.engine.progress import progress_of
from apps.opie.ledger.prices import CURRENCY
from apps.opie.ledger.summary import usage_of_runs
from apps.opie.library.choosing import agent_at_hand, why_it_answers
from apps.opie.library.registry import CommandRegistry
from apps.opie.models import Agent, AgentOSRun, CommandExecution, CommandTemplate
from apps.opie.models.agents import AgentKind
from apps.opie.models.runs import LIVE_STATUSES
from apps.opie.web.activity import ActivityLine, line_of, own_runs

PAGE_SIZE = 10
LONGEST_SUMMARY = 140


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run of a command: with which values, and where it is read."""

    line: ActivityLine
    summary: str
    version: int


@dataclass(frozen=True, slots=True)
class History:
    """One page of a person's runs of a command, and the newest of all that has not ended."""

    runs: list[PastRun]
    page: PageOfRows[Any]
    live: AgentOSRun | None


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers when nobody is named, why, and who else could be named."""

    name: str
    why: str
    others: list[Agent]


def history_of(principal: Principal, command: CommandTemplate, page: int = 1) -> History:
    """A handful of queries, however often it was run."""
    rows = Paginator(own_executions(principal, command).order_by("-run_id"), PAGE_SIZE).get_page(page)
    executions = list(rows)
    runs = own_runs(principal).in_bulk([execution.run_id for execution in executions])
    usage, progress = usage_of_runs(runs), progress_of(list(runs.values()))
    shown = [
        PastRun(
            line_of(runs[one.run_id], usage.get(one.run_id), progress.get(one.run_id)),
            _in_a_line(command, one.parameters),
            one.version,
        )
        for one in executions
        if one.run_id in runs
    ]
    live = own_executions(principal, command).filter(run__status__in=LIVE_STATUSES).select_related("run__agent")
    newest = live.order_by("-run_id").first()
    return History(shown, rows, newest.run if newest else None)


def own_executions(principal: Principal, command: CommandTemplate) -> QuerySet[CommandExecution]:
    """One's own only: what a team's managers may count, they may not read."""
    return CommandExecution.objects.filter(command=command, user=principal.user_id, team=principal.team_id)


def figures_of(principal: Principal, command: CommandTemplate) -> dict[str, Any]:
    """The figures as the page shows them: milliseconds, and the cost as a number with its currency."""
    counted = CommandRegistry(principal).statistics_of(command)
    seconds = command.avg_execution_time
    return counted | {
        "milliseconds": None if seconds is None else seconds * 1000,
        "cost": command.estimated_cost,
        "currency": CURRENCY,
    }


def answering(principal: Principal, command: CommandTemplate) -> Answering:
    """Who would answer now."""
    chosen = agent_at_hand(principal, command, None)
    others = Agent.objects.served_to(principal).exclude(kind=AgentKind.AUTO).only("agent_id", "name").order_by("name")
    if chosen is None:
        return Answering(_("Whoever fits best"), reasons()["dispatcher"], list(others))
    why = why_it_answers(command, chosen.agent) or reasons()[chosen.chosen_by]
    return Answering(chosen.agent.name, why, list(others))


def reasons() -> dict[str, str]:
    """Why somebody answers, by what decided for them."""
    return {
        "person": _("You chose this agent."),
        "command": _("The command recommends this agent."),
        "capability": _("This agent can do what the command asks for."),
        "dispatcher": _("The dispatcher chooses for each task, by what the agents can do and how well they did it."),
    }


def _in_a_line(command: CommandTemplate, values: dict[str, Any]) -> str:
    """What tells one run from another: the values in the order of the form, without what is as it was given."""
    defaults = {one["name"]: one.get("default") for one in command.parameters}
    names = [*(name for name in defaults if name in values), *(name for name in values if name not in defaults)]
    texts = [_in_short(values[name]) for name in names if values[name] not in (defaults.get(name), False)]
    line = " · ".join(text for text in texts if text)
    return line if len(line) <= LONGEST_SUMMARY else line[: LONGEST_SUMMARY - 1] + "…"


def _in_short(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text[: 2 * LONGEST_SUMMARY].split())
