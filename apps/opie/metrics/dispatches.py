"""Whether the dispatcher chooses well: how runs ended that came of its choices, by score and by agent."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, FloatField, Q, QuerySet
from django.db.models.functions import Cast, Floor, Least

from apps.accounts.principal import Principal
from apps.opie.models import DispatchDecision
from apps.opie.models.runs import RunStatus
from apps.opie.models.usage import in_reach

BANDS = 10

_COUNTS = {
    "choices": Count("pk"),
    "completed_runs": Count("pk", filter=Q(run__status=RunStatus.COMPLETED)),
    "failed_runs": Count("pk", filter=Q(run__status__in=(RunStatus.FAILED, RunStatus.INTERRUPTED))),
}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of some choices. `success_rate` is of the runs that ended without being stopped; None until one has."""

    choices: int
    completed_runs: int
    failed_runs: int

    @property
    def success_rate(self) -> float | None:
        ended = self.completed_runs + self.failed_runs
        return round(self.completed_runs / ended, 4) if ended else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"success_rate": self.success_rate}


@dataclass(frozen=True, slots=True)
class DispatchFigures:
    """`by_agent` most chosen first; `by_score` from the lowest band that was chosen to the highest, as (from, to)."""

    chosen: Outcomes
    nobody_fitted: int
    by_agent: dict[str, Outcomes]
    by_score: dict[tuple[float, float], Outcomes]

    def as_json(self) -> dict[str, Any]:
        return {
            "choices": self.chosen.as_json(),
            "nobody_fitted": self.nobody_fitted,
            "by_agent": [{"agent_id": agent_id} | one.as_json() for agent_id, one in self.by_agent.items()],
            "by_score": [{"from": low, "to": high} | one.as_json() for (low, high), one in self.by_score.items()],
        }


def report_dispatches(
    principal: Principal, since: datetime | None = None, until: datetime | None = None
) -> DispatchFigures:
    """The choices made for the team for those who may see its figures, those made for oneself for others."""
    decisions = DispatchDecision.objects.counted_for(principal).order_by()
    if since is not None:
        decisions = decisions.filter(created_at__gte=in_reach(since))
    if until is not None:
        decisions = decisions.filter(created_at__lt=in_reach(until))
    chosen = decisions.exclude(chosen="")
    by_agent = [(str(row["chosen"]), _outcomes(dict(row))) for row in chosen.values("chosen").annotate(**_COUNTS)]
    return DispatchFigures(
        chosen=_outcomes(chosen.aggregate(**_COUNTS)),
        nobody_fitted=decisions.filter(chosen="").count(),
        by_agent=dict(sorted(by_agent, key=lambda one: (-one[1].choices, one[0]))),
        by_score={(row["band"] / BANDS, (row["band"] + 1) / BANDS): _outcomes(row) for row in _by_band(chosen)},
    )


def _by_band(chosen: QuerySet[DispatchDecision]) -> list[dict[str, Any]]:
    # Scores have four places: a hair more keeps 0.7 * 10 from being 6.999….
    tenth = Floor(Cast(F("score"), FloatField()) * BANDS + 0.000_01)
    counted = chosen.annotate(band=Least(tenth, float(BANDS - 1))).values("band").annotate(**_COUNTS)
    return [dict(row) | {"band": int(row["band"])} for row in counted.order_by("band")]


def _outcomes(row: dict[str, Any]) -> Outcomes:
    return Outcomes(row["choices"], row["completed_runs"], row["failed_runs"])
