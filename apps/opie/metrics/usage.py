"""Usage by group: what was called, what it took, what it cost. Live rows, and roll-ups of months that were trimmed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.opie.models.usage import first_id, in_reach, last_id

# group → (column of the ledger, column of the roll-ups); both are text, so that the two can be added up.
GROUPS = {
    "model": ("u.model", "r.model"),
    "agent": ("COALESCE(a.agent_id, '')", "r.agent_id"),
    "platform": ("u.platform_name", "r.platform_name"),
    "user": ("COALESCE(p.email, '')", "COALESCE(p.email, '')"),
    "team": ("t.slug", "t.slug"),
    "key": ("COALESCE(k.prefix, '')", "COALESCE(k.prefix, '')"),
    "day": ("to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')", "to_char(r.day, 'YYYY-MM-DD')"),
}
FILTERS = ("model", "agent", "platform", "user", "key")

_SQL = """
    SELECT grouped, SUM(calls), SUM(failed), SUM(input), SUM(output), SUM(cached), SUM(reasoning), SUM(cost), SUM(unpriced)
    FROM (
        SELECT {live_group} AS grouped, COUNT(*) AS calls, COUNT(*) FILTER (WHERE u.outcome <> 'succeeded') AS failed,
            SUM(u.input_tokens) AS input, SUM(u.output_tokens) AS output, SUM(u.cached_tokens) AS cached,
            SUM(u.reasoning_tokens) AS reasoning, SUM(COALESCE(c.cost, u.cost)) AS cost,
            COUNT(*) FILTER (WHERE COALESCE(c.cost, u.cost) IS NULL) AS unpriced
        FROM opie_agentosusage u
        JOIN accounts_team t ON t.id = u.team_id
        LEFT JOIN opie_agent a ON a.id = u.agent_id
        LEFT JOIN accounts_user p ON p.id = u.user_id
        LEFT JOIN accounts_apikey k ON k.id = u.api_key_id
        LEFT JOIN LATERAL (
            SELECT cost FROM opie_usagecorrection WHERE usage_id = u.id ORDER BY id DESC LIMIT 1
        ) c ON true
        WHERE u.outcome NOT IN ('unsent', 'open') AND {live_where}
        GROUP BY 1
        UNION ALL
        SELECT {rolled_group}, SUM(r.calls), SUM(r.failed_calls), SUM(r.input_tokens), SUM(r.output_tokens),
            SUM(r.cached_tokens), SUM(r.reasoning_tokens), SUM(r.cost), SUM(r.unpriced_calls)
        FROM opie_usagerollup r
        JOIN accounts_team t ON t.id = r.team_id
        LEFT JOIN accounts_user p ON p.id = r.user_id
        LEFT JOIN accounts_apikey k ON k.id = r.api_key_id
        WHERE {rolled_where}
        GROUP BY 1
    ) both_kinds
    GROUP BY grouped ORDER BY {order}
"""


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """What is asked: a group, a time [since, until), and filters by the names that the groups show."""

    group_by: str = "model"
    since: datetime | None = None
    until: datetime | None = None
    filters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class UsageTotals:
    """Sums of what is known. `unpriced_calls` says how many calls `cost` says nothing about."""

    calls: int = 0
    failed_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced_calls: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "failed_calls": self.failed_calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "cost": format(self.cost.normalize(), "f"),
            "unpriced_calls": self.unpriced_calls,
        }


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The answer, group by group, and all of it together."""

    groups: list[tuple[str, UsageTotals]]
    totals: UsageTotals

    def as_json(self) -> dict[str, Any]:
        return {
            "results": [{"group": name} | totals.as_json() for name, totals in self.groups],
            "totals": self.totals.as_json(),
        }


def report_usage(principal: Principal, question: UsageQuestion) -> UsageReport:
    """The team's usage for those who may see its figures, one's own for others. Raises InvalidInput for an unknown group."""
    if question.group_by not in GROUPS:
        raise InvalidInput(fields={"group_by": [f"Choose one of {', '.join(GROUPS)}."]})
    where = _Where(principal, question)
    live_group, rolled_group = GROUPS[question.group_by]
    sql = _SQL.format(
        live_group=live_group,
        rolled_group=rolled_group,
        live_where=where.live(),
        rolled_where=where.rolled(),
        order="grouped" if question.group_by == "day" else "SUM(cost) DESC NULLS LAST, SUM(calls) DESC, grouped",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, where.values)
        groups = [(str(row[0]), _totals(row[1:])) for row in cursor.fetchall()]
    return UsageReport(groups, _sum(totals for _, totals in groups))


class _Where:
    """The conditions of both halves. Every value is a parameter; column names come from GROUPS alone."""

    def __init__(self, principal: Principal, question: UsageQuestion) -> None:
        self._question = question
        self.values: dict[str, Any] = {"team": principal.team_id, "user": _only(principal)}
        if question.since:
            self.values |= {"since": in_reach(question.since), "since_id": first_id(question.since)}
        if question.until:
            self.values |= {"until": in_reach(question.until), "until_id": last_id(question.until)}
        self.values |= {f"is_{name}": value for name, value in question.filters.items() if name in FILTERS}

    def live(self) -> str:
        # The id is the partition key: months that were not asked for are not read.
        times = [
            ("since", "u.created_at >= %(since)s AND u.id >= %(since_id)s"),
            ("until", "u.created_at < %(until)s AND u.id < %(until_id)s"),
        ]
        return self._conditions("u", 0, times)

    def rolled(self) -> str:
        # Of a trimmed month only days are left: one that is asked for in part counts whole.
        times = [
            ("since", "r.day >= (%(since)s AT TIME ZONE 'UTC')::date"),
            ("until", "r.day < (%(until)s AT TIME ZONE 'UTC')"),
        ]
        return self._conditions("r", 1, times)

    def _conditions(self, table: str, half: int, times: list[tuple[str, str]]) -> str:
        found = [f"{table}.team_id = %(team)s"]
        if self.values["user"] is not None:
            found.append(f"{table}.user_id = %(user)s")
        found += [condition for name, condition in times if name in self.values]
        found += [f"{GROUPS[name][half]} = %(is_{name})s" for name in FILTERS if f"is_{name}" in self.values]
        return " AND ".join(found)


def _only(principal: Principal) -> UUID | None:
    return None if principal.reach(Permission.VIEW_METRICS) is Reach.YES else principal.user_id


def _totals(row: tuple[Any, ...]) -> UsageTotals:
    calls, failed, given, answered, cached, thought, cost, unpriced = (value or 0 for value in row)
    return UsageTotals(
        int(calls), int(failed), int(given), int(answered), int(cached), int(thought), Decimal(cost), int(unpriced)
    )


def _sum(all_totals: Iterable[UsageTotals]) -> UsageTotals:
    total = UsageTotals()
    for one in all_totals:
        for name in UsageTotals.__dataclass_fields__:
            setattr(total, name, getattr(total, name) + getattr(one, name))
    return total
