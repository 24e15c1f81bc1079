"""How far a run is that has not ended: read from its row and from the events that are written already. Sync."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from apps.opie.models import AgentOSRun, RunEventBatch
from apps.opie.models.runs import LIVE_STATUSES, RunStatus


@dataclass(slots=True)
class Progress:
    """`doing` is queued, retrying, starting, thinking, writing, tool or waiting (for somebody's yes). `position` is its
    place in the line of its session; `tool` the tool that was called last and has not answered."""

    doing: str
    attempt: int
    most_attempts: int
    characters: int = 0
    position: int | None = None
    tool: str | None = None
    not_before: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "doing": self.doing,
            "position": self.position,
            "tool": self.tool,
            "characters": self.characters,
            "attempt": self.attempt,
            "most_attempts": self.most_attempts,
            "not_before": self.not_before.isoformat() if self.not_before else None,
        }


def progress_of(runs: Sequence[AgentOSRun]) -> dict[UUID, Progress]:
    """The progress of those among the runs that have not ended. Two queries at most."""
    live = [run for run in runs if not run.has_ended]
    waiting = [run.pk for run in live if run.status == RunStatus.PENDING and run.session_id]
    positions = _positions(waiting) if waiting else {}
    going = [run.pk for run in live if run.status != RunStatus.PENDING]
    said = _events_of(going) if going else {}
    return {run.pk: _progress(run, said.get(run.pk, []), positions.get(run.pk)) for run in live}


def _progress(run: AgentOSRun, events: list[Any], position: int | None) -> Progress:
    progress = Progress("starting", run.attempt, run.most_attempts)
    if run.status == RunStatus.PENDING:
        progress.doing, progress.position = "queued" if run.attempt == 1 else "retrying", position
        progress.not_before = run.not_before
        return progress
    for _, kind, data in events:
        _note(progress, kind, data)
    if run.status == RunStatus.WAITING:
        progress.doing = "waiting"
    return progress


def _note(progress: Progress, kind: str, data: dict[str, Any]) -> None:
    """One event more. What was said in an attempt before this one does not count."""
    if kind in ("run.started", "run.retrying"):
        progress.doing, progress.characters, progress.tool = "starting", 0, None
    elif kind == "message.delta":
        progress.doing, progress.tool = "writing", None
        progress.characters += len(data["text"])
    elif kind == "reasoning.delta":
        progress.doing = "thinking"
    elif kind == "tool.started":
        progress.doing, progress.tool = "tool", data.get("name")
    elif kind == "tool.finished":
        progress.doing, progress.tool = "thinking", None


def _events_of(run_ids: list[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    batches = RunEventBatch.objects.filter(run_id__in=run_ids).order_by("run_id", "first_number")
    for run_id, events in batches.values_list("run_id", "events"):
        found.setdefault(run_id, []).extend(events)
    return found


def _positions(run_ids: list[UUID]) -> dict[UUID, int]:
    """How many are before each in its session, and one."""
    before: QuerySet[AgentOSRun] = AgentOSRun.objects.filter(
        Q(id__lt=OuterRef("id")) | ~Q(status=RunStatus.PENDING),
        session=OuterRef("session"),
        status__in=LIVE_STATUSES,
        parent=None,
    ).exclude(pk=OuterRef("pk"))
    count = before.order_by().values("session").annotate(count=Count("pk")).values("count")
    waiting = AgentOSRun.objects.filter(pk__in=run_ids).annotate(before=Subquery(count)).values_list("pk", F("before"))
    return {run_id: (ahead or 0) + 1 for run_id, ahead in waiting}
