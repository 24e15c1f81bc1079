"""What goes on, what waits and what went wrong: the answers of one person, over all chats, the worker and the clock."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.accounts.principal import Principal
from apps.opie.engine.progress import Progress, progress_of
from apps.opie.ledger.summary import RunUsage, usage_of_runs
from apps.opie.models import AgentOSRun
from apps.opie.models.runs import RunStatus

PAGE_SIZE = 50
LONGEST_TITLE = 160

STATES: Mapping[str, tuple[Any, frozenset[RunStatus]]] = {
    "going": (_("Under way"), frozenset({RunStatus.PENDING, RunStatus.RUNNING})),
    "waiting": (_("Waiting for approval"), frozenset({RunStatus.WAITING})),
    "failed": (_("Failed"), frozenset({RunStatus.FAILED, RunStatus.INTERRUPTED})),
    "done": (_("Done"), frozenset({RunStatus.COMPLETED, RunStatus.CANCELLED})),
}
KINDS: Mapping[str, tuple[Any, Q]] = {
    "chat": (_("In chats"), Q(is_background=False, schedule=None)),
    "background": (_("In the background"), Q(is_background=True, schedule=None)),
    "scheduled": (_("By schedule"), Q(schedule__isnull=False)),
}


@dataclass(frozen=True, slots=True)
class ActivityLine:
    """One answer in the list. `address` leads to where it can be read."""

    run: AgentOSRun
    title: str
    address: str
    kind: str
    cost: Decimal | None
    currency: str
    has_usage: bool
    progress: Progress | None

    @property
    def duration_ms(self) -> int | None:
        run = self.run
        if run.started_at is None or run.finished_at is None:
            return None
        return round((run.finished_at - run.started_at).total_seconds() * 1000)

    @property
    def is_live(self) -> bool:
        return not self.run.has_ended


@dataclass(frozen=True, slots=True)
class Activity:
    """One page of the list."""

    lines: list[ActivityLine]
    next_page: int | None

    @property
    def is_moving(self) -> bool:
        """Whether something may change by itself soon, so that looking again is worth it."""
        return any(line.is_live for line in self.lines)


def activity_of(principal: Principal, state: str = "", kind: str = "", agent_id: str = "", page: int = 1) -> Activity:
    """A handful of queries, however much it is. What no filter knows narrows nothing."""
    runs = own_runs(principal).filter(parent=None)
    if state in STATES:
        runs = runs.filter(status__in=STATES[state][1])
    if kind in KINDS:
        runs = runs.filter(KINDS[kind][1])
    if agent_id:
        runs = runs.filter(agent__agent_id=agent_id)
    start = (page - 1) * PAGE_SIZE
    found = list(runs.order_by("-id")[start : start + PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    usage, progress = usage_of_runs(run.pk for run in shown), progress_of(shown)
    lines = [line_of(run, usage.get(run.pk), progress.get(run.pk)) for run in shown]
    return Activity(lines, page + 1 if len(found) > PAGE_SIZE else None)


def own_runs(principal: Principal) -> QuerySet[AgentOSRun]:
    return AgentOSRun.objects.visible_to(principal).select_related(
        "agent", "session__agent", "question", "schedule", "performance"
    )


def line_of(run: AgentOSRun, usage: RunUsage | None, progress: Progress | None) -> ActivityLine:
    return ActivityLine(
        run,
        _title(run),
        _address(run),
        "scheduled" if run.schedule_id else "background" if run.is_background else "chat",
        usage.cost if usage else None,
        usage.currency if usage else "",
        usage is not None,
        progress,
    )


def asked_of(run: AgentOSRun) -> str:
    """What the agent was given, as text."""
    if run.question is not None:
        return run.question.content
    given = run.input
    if isinstance(given, dict) and isinstance(given.get("message"), str):
        return str(given["message"])
    return "" if given is None else json.dumps(given, indent=2, ensure_ascii=False)


def output_of(run: AgentOSRun) -> str:
    """What came out of a run without a session, as text."""
    output = run.output
    if isinstance(output, dict) and isinstance(output.get("content"), str):
        return str(output["content"])
    return "" if output is None else json.dumps(output, indent=2, ensure_ascii=False)


def _title(run: AgentOSRun) -> str:
    line = " ".join(asked_of(run)[: 4 * LONGEST_TITLE].split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def _address(run: AgentOSRun) -> str:
    session = run.session
    if session is None:
        return reverse("pages:run", args=[run.pk])
    if session.agent is None:
        return reverse("pages:session", args=[session.pk])
    address = f"{reverse('pages:chat', args=[session.agent.agent_id])}?session={session.pk}"
    # A question that waits is in no branch yet.
    return address if run.started_at is None or run.question_id is None else f"{address}&message={run.question_id}"
