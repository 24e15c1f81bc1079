"""How fast answers were, by group: percentiles over the runs of a time."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.opie.models.usage import in_reach

GROUPS = {
    "agent": "COALESCE(a.agent_id, '')",
    "user": "p.email",
    "day": "to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    "status": "r.status",
}

_SQL = """
    SELECT {group}, COUNT(*), COUNT(*) FILTER (WHERE r.status = 'completed'),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY f.time_to_first_token_ms),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY f.time_to_first_token_ms),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY f.duration_ms),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY f.duration_ms),
        AVG(f.model_ms), AVG(f.tool_ms), AVG(f.tokens_per_second)
    FROM opie_agentosrun r
    JOIN opie_agentosperformance f ON f.run_id = r.id
    JOIN accounts_user p ON p.id = r.user_id
    LEFT JOIN opie_agent a ON a.id = r.agent_id
    WHERE r.team_id = %(team)s AND (%(user)s::uuid IS NULL OR r.user_id = %(user)s)
        AND (%(since)s::timestamptz IS NULL OR r.created_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR r.created_at < %(until)s)
        AND (%(agent)s::text IS NULL OR a.agent_id = %(agent)s)
    GROUP BY 1 ORDER BY {order}
"""


@dataclass(frozen=True, slots=True)
class PerformanceFigures:
    """Of one group. Times are milliseconds; None where no run had a first token."""

    group: str
    runs: int
    completed_runs: int
    time_to_first_token_p50_ms: float | None
    time_to_first_token_p95_ms: float | None
    duration_p50_ms: float | None
    duration_p95_ms: float | None
    model_ms: float | None
    tool_ms: float | None
    tokens_per_second: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def report_performance(
    principal: Principal,
    group_by: str = "agent",
    since: datetime | None = None,
    until: datetime | None = None,
    agent_id: str | None = None,
) -> list[PerformanceFigures]:
    """The team's runs for those who may see its figures, one's own for others. Raises InvalidInput."""
    if group_by not in GROUPS:
        raise InvalidInput(fields={"group_by": [f"Choose one of {', '.join(GROUPS)}."]})
    only = None if principal.reach(Permission.VIEW_METRICS) is Reach.YES else principal.user_id
    asked = {
        "team": principal.team_id,
        "user": only,
        "since": since and in_reach(since),
        "until": until and in_reach(until),
        "agent": agent_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL.format(group=GROUPS[group_by], order="1" if group_by == "day" else "2 DESC, 1"), asked)
        return [
            PerformanceFigures(str(row[0]), int(row[1]), int(row[2]), *(_rounded(value) for value in row[3:]))
            for row in cursor.fetchall()
        ]


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 2)
