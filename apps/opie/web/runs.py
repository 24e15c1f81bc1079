"""The answers of a session as a table: what each took, and what went wrong."""

from dataclasses import dataclass

from django.db.models import Count, Q

from apps.opie.ledger.summary import RunUsage, usage_of_runs
from apps.opie.models import AgentOSRun, AgentOSSession
from apps.opie.models.messages import MessageRole
from apps.opie.web.given import Given, given_to

MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class RunLine:
    """One answer's figures. `usage` is None when no model was called, `given` when the model was given everything."""

    run: AgentOSRun
    usage: RunUsage | None
    given: Given | None
    tools: int
    duration_ms: int | None
    time_to_first_token_ms: int | None


def runs_of(session: AgentOSSession) -> list[RunLine]:
    """The last answers of a session, newest first. Three queries at most."""
    called = Count("messages", filter=Q(messages__role=MessageRole.TOOL))
    runs = list(
        session.runs.select_related("agent", "performance").annotate(tool_count=called).order_by("-id")[:MOST_RUNS]
    )
    usage, given = usage_of_runs(run.pk for run in runs), given_to(runs)
    return [_line(run, usage.get(run.pk), given.get(run.pk)) for run in runs]


def _line(run: AgentOSRun, usage: RunUsage | None, given: Given | None) -> RunLine:
    performance = getattr(run, "performance", None)
    return RunLine(
        run,
        usage,
        given,
        run.tool_count,  # type: ignore[attr-defined]
        performance.duration_ms if performance else None,
        performance.time_to_first_token_ms if performance else None,
    )
