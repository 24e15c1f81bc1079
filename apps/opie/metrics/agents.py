"""Figures of agents, kept up to date with each run that is settled and read in one query, however many runs there were."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from apps.accounts.principal import Principal
from apps.opie.models import AgentOSPerformance, AgentOSRun, AgentTally
from apps.opie.models.runs import RunStatus
from apps.opie.models.tallies import SHARDS


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """Over the runs that ended. The rate is of those that nobody stopped; times are of completed ones, in
    milliseconds. Both are None until there is one."""

    runs: int = 0
    successes: int = 0
    failures: int = 0
    average_duration_ms: float | None = None
    average_time_to_first_token_ms: float | None = None

    @property
    def invocations(self) -> int:
        """How often it was asked."""
        return self.runs

    @property
    def success_rate(self) -> float | None:
        judged = self.successes + self.failures
        return round(self.successes / judged, 4) if judged else None

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "invocations": self.invocations,
            "successes": self.successes,
            "failures": self.failures,
            "success_rate": self.success_rate,
            "average_duration_ms": self.average_duration_ms,
            "average_time_to_first_token_ms": self.average_time_to_first_token_ms,
        }


def figures_of_agents(agents: Sequence[UUID], principal: Principal) -> dict[UUID, AgentFigures]:
    """The figures of each of these agents (by primary key) within the person's team, in one query."""
    return agent_figures(agents, principal.team_id)


def agent_figures(agents: Sequence[UUID], team_id: UUID | None) -> dict[UUID, AgentFigures]:
    """The same for a team: what each of these agents did for it, whoever owns the agent."""
    return _summed(AgentTally.objects.filter(agent__in=agents, team=team_id), agents)


def figures_of_everybody(agents: Sequence[UUID]) -> dict[UUID, AgentFigures]:
    """The same over all teams: for the installation's own choices, which nobody else is told of."""
    return _summed(AgentTally.objects.filter(agent__in=agents), agents)


def values_to_count(run: AgentOSRun, performance: AgentOSPerformance) -> dict[str, Any]:
    """What COUNT_RUN has to know of a run that ended beside its agent and team."""
    completed = run.status == RunStatus.COMPLETED
    first_token = performance.time_to_first_token_ms if completed else None
    return {
        "shard": random.randrange(SHARDS),  # noqa: S311 - nothing depends on it but who waits for whom
        "completed": int(completed),
        "failed": int(run.status in (RunStatus.FAILED, RunStatus.INTERRUPTED)),
        "cancelled": int(run.status == RunStatus.CANCELLED),
        "completed_ms": performance.duration_ms if completed else 0,
        "first_tokens": int(first_token is not None),
        "first_token_ms": first_token or 0,
    }


# A part of the statement that settles a run (engine/settling.py).
COUNT_RUN = """
    INSERT INTO opie_agenttally AS tally (agent_id, team_id, shard, completed, failed, cancelled, duration_ms,
        first_tokens, first_token_ms)
    VALUES (%(agent)s, %(team)s, %(shard)s, %(completed)s, %(failed)s, %(cancelled)s, %(completed_ms)s,
        %(first_tokens)s, %(first_token_ms)s)
    ON CONFLICT (agent_id, team_id, shard) DO UPDATE SET completed = tally.completed + excluded.completed,
        failed = tally.failed + excluded.failed, cancelled = tally.cancelled + excluded.cancelled,
        duration_ms = tally.duration_ms + excluded.duration_ms,
        first_tokens = tally.first_tokens + excluded.first_tokens,
        first_token_ms = tally.first_token_ms + excluded.first_token_ms
"""
_COUNTED = ("completed", "failed", "cancelled", "duration_ms", "first_tokens", "first_token_ms")
_SUMS = {f"all_{name}": Sum(name) for name in _COUNTED}


def _summed(tallies: QuerySet[AgentTally], agents: Sequence[UUID]) -> dict[UUID, AgentFigures]:
    counted = tallies.order_by().values("agent_id").annotate(**_SUMS)
    found = {row["agent_id"]: _figures_of(dict(row)) for row in counted}
    return {agent: found.get(agent, AgentFigures()) for agent in agents}


def _figures_of(row: dict[str, Any]) -> AgentFigures:
    completed, failed, cancelled, duration, first_tokens, first_token = (int(row[f"all_{name}"]) for name in _COUNTED)
    return AgentFigures(
        runs=completed + failed + cancelled,
        successes=completed,
        failures=failed,
        average_duration_ms=round(duration / completed, 1) if completed else None,
        average_time_to_first_token_ms=round(first_token / first_tokens, 1) if first_tokens else None,
    )
