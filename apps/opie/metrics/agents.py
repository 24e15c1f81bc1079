"""Figures of agents, from their runs' rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Q

from apps.accounts.principal import Principal
from apps.opie.models import AgentOSRun
from apps.opie.models.runs import END_STATUSES, RunStatus


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """Over the runs that ended. The rates and times are None until there is one."""

    runs: int = 0
    success_rate: float | None = None
    average_duration_ms: float | None = None
    average_time_to_first_token_ms: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "success_rate": self.success_rate,
            "average_duration_ms": self.average_duration_ms,
            "average_time_to_first_token_ms": self.average_time_to_first_token_ms,
        }


def figures_of_agents(agents: Sequence[UUID], principal: Principal) -> dict[UUID, AgentFigures]:
    """The figures of each of these agents within the person's team, in one query."""
    ended = AgentOSRun.objects.filter(agent__in=agents, team=principal.team_id, status__in=END_STATUSES)
    counted = ended.values("agent_id").annotate(
        runs=Count("pk"),
        completed=Count("pk", filter=Q(status=RunStatus.COMPLETED)),
        duration=Avg("performance__duration_ms"),
        first_token=Avg("performance__time_to_first_token_ms"),
    )
    found = {
        row["agent_id"]: AgentFigures(
            row["runs"],
            round(row["completed"] / row["runs"], 4),
            _rounded(row["duration"]),
            _rounded(row["first_token"]),
        )
        for row in counted.order_by()
    }
    return {agent: found.get(agent, AgentFigures()) for agent in agents}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
