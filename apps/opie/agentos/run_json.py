"""Runs as the REST API shows them."""

from collections.abc import Sequence
from typing import Any

from apps.opie.engine.progress import Progress, progress_of
from apps.opie.models import AgentOSRun


def run_as_json(run: AgentOSRun) -> dict[str, Any]:
    """One run without what it said; with its progress while it has not ended."""
    return _as_json(run, progress_of([run]).get(run.pk))


def runs_as_json(runs: Sequence[AgentOSRun]) -> list[dict[str, Any]]:
    """The same for many, with as many queries as for one. Their agents should be at hand."""
    progress = progress_of(runs)
    return [_as_json(run, progress.get(run.pk)) for run in runs]


def _as_json(run: AgentOSRun, progress: Progress | None) -> dict[str, Any]:
    moments = {name: getattr(run, name) for name in ("created_at", "started_at", "finished_at")}
    shown: dict[str, Any] = {
        "run_id": str(run.pk),
        "session_id": str(run.session_id) if run.session_id else None,
        "agent_id": run.agent.agent_id if run.agent else "",
        "status": run.status,
        "background": run.is_background,
        "schedule_id": str(run.schedule_id) if run.schedule_id else None,
        "attempt": run.attempt,
        "most_attempts": run.most_attempts,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        "progress": progress.as_json() if progress else None,
    }
    error = {"error": {"code": run.error_code, "message": run.error_message}} if run.error_code else {}
    return shown | error
