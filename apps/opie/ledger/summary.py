"""What a run consumed, from its calls' rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypedDict
from uuid import UUID

from django.db.models import QuerySet

from apps.api.statements import prepared_cursor
from apps.opie.ledger.prices import CURRENCY
from apps.opie.models.usage import AgentOSUsage, CallOutcome, Certainty

UUID_VERSION = 7
# Processes' clocks may differ by this much; a call cannot be older than its run otherwise.
CLOCK_TOLERANCE_MS = 3_600_000


class TokenTotals(TypedDict):
    """`usage` of the REST API."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None


@dataclass(frozen=True, slots=True)
class RunUsage:
    """The books of one run. `platform` and `model` are those that answered last; empty when none did."""

    usage: TokenTotals
    cost: Decimal | None
    currency: str
    platform: str
    model: str
    calls: int
    open_calls: int
    model_ms: int
    is_estimated: bool


class _Call(NamedTuple):
    """What a total needs of a row of AgentOSUsage."""

    run_id: UUID
    outcome: str
    certainty: str
    platform_name: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost: Decimal | None
    currency: str
    latency_ms: int | None


# In plain SQL: every answer asks.
_CALLS = f"""
    SELECT {", ".join(_Call._fields)} FROM opie_agentosusage WHERE run_id = ANY(%s) AND id >= %s ORDER BY id
"""  # noqa: S608 - constants


def usage_of_run(run_id: UUID) -> RunUsage:
    """The totals of a run, in one query. The cost is None when any call has no known cost."""
    return _summed(_read_calls([run_id]))


def usage_of_runs(run_ids: Iterable[UUID]) -> dict[UUID, RunUsage]:
    """The totals of several runs, in one query; runs without calls are not in the answer."""
    wanted = list(run_ids)
    calls: dict[UUID, list[_Call]] = {}
    for call in _read_calls(wanted) if wanted else ():
        calls.setdefault(call.run_id, []).append(call)
    return {run_id: _summed(found) for run_id, found in calls.items()}


def _read_calls(run_ids: list[UUID]) -> list[_Call]:
    with prepared_cursor() as cursor:
        cursor.execute(_CALLS, [run_ids, min(map(_first_call_id, run_ids))])
        return [_Call(*row) for row in cursor.fetchall()]


def _summed(rows: list[_Call]) -> RunUsage:
    sent = [row for row in rows if row.outcome != CallOutcome.UNSENT]
    answered = next((row for row in reversed(rows) if row.outcome == CallOutcome.SUCCEEDED), None)
    return RunUsage(
        usage=_totals(sent),
        cost=_cost(sent),
        currency=rows[-1].currency if rows else CURRENCY,
        platform=answered.platform_name if answered else "",
        model=answered.model if answered else "",
        calls=len(sent),
        open_calls=sum(row.outcome == CallOutcome.OPEN for row in rows),
        model_ms=sum(row.latency_ms or 0 for row in rows),
        is_estimated=any(row.certainty != Certainty.REPORTED for row in sent),
    )


def open_calls_of(run_id: UUID) -> list[UUID]:
    """The calls of a run that are not settled: none may be left when the run completes."""
    return list(_calls_of(run_id).filter(outcome=CallOutcome.OPEN).values_list("id", flat=True))


def _calls_of(run_id: UUID) -> QuerySet[AgentOSUsage]:
    """A run is older than its calls, and both ids say when they were made: older partitions need not be read."""
    return AgentOSUsage.objects.filter(run_id=run_id, id__gte=_first_call_id(run_id))


def _first_call_id(run_id: UUID) -> UUID:
    """No call of this run has a smaller id; zero when the run's own id does not tell its time."""
    made_at_ms = run_id.int >> 80 if run_id.version == UUID_VERSION else 0
    return UUID(int=max(0, made_at_ms - CLOCK_TOLERANCE_MS) << 80)


def _totals(rows: list[_Call]) -> TokenTotals:
    input_tokens = _known_sum(row.input_tokens for row in rows)
    output_tokens = _known_sum(row.output_tokens for row in rows)
    known = input_tokens is not None and output_tokens is not None
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens if known else None,  # type: ignore[operator]
        "cached_tokens": _known_sum(row.cached_tokens for row in rows),
        "reasoning_tokens": _known_sum(row.reasoning_tokens for row in rows),
    }


def _known_sum(counts: Iterable[int | None]) -> int | None:
    """The sum of what is known; None when there is something and nothing of it is known."""
    everything = list(counts)
    known = [count for count in everything if count is not None]
    return sum(known) if known or not everything else None


def _cost(rows: list[_Call]) -> Decimal | None:
    total = Decimal(0)
    for row in rows:
        if row.cost is None:
            return None
        total += row.cost
    return total


# Of a run that called nothing.
NOTHING_USED = _summed([])
