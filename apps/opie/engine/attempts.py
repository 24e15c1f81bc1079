"""Attempts of the worker's runs: whether one that failed is tried again, and when. Sync."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.opie import jobs
from apps.opie.metrics.errors import RunError
from apps.opie.models import AgentOSRun
from apps.opie.providers.afterwords import afterword_of

BACKGROUND_JOB = "opie.run"
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=15)
# A platform that wants to be left alone for longer than this is not waited for.
LONGEST_WISH = timedelta(hours=1)
RUN_INTERRUPTED = "run_interrupted"
# What another attempt may mend. Nothing that was refused: asking the same again would be refused again.
MENDABLE = frozenset(
    {
        *("platform_busy", "platform_failed", "platform_unreachable", "platform_timeout", "platform_interrupted"),
        *("platform_resting", "platform_limit_reached", "limit_exceeded", RUN_INTERRUPTED),
    }
)


@dataclass(frozen=True, slots=True)
class Another:
    """The next attempt of a run."""

    number: int
    most: int
    not_before: datetime
    error: RunError

    def as_json(self) -> dict[str, Any]:
        """The data of `run.retrying`."""
        return {
            "attempt": self.number,
            "most_attempts": self.most,
            "not_before": self.not_before.isoformat(),
            "error": {"code": self.error.code, "message": self.error.message},
        }


def tell_worker(run_id: UUID, at: datetime | None = None) -> None:
    """Tell the worker that a run of its own may begin. Within the transaction that makes it so."""
    jobs.defer(BACKGROUND_JOB, queue=jobs.RUNS, at=at, run_id=str(run_id))


def another_attempt(run: AgentOSRun, error: RunError | None, now: datetime) -> Another | None:
    """The next attempt of a run whose row is locked; None when this was the last.

    There is none for a run of a person who waits, for one that was asked to stop, for one that may have changed
    something by a tool or has asked for a yes, and for failures that would only come again.
    """
    if error is None or error.code not in MENDABLE or not run.is_background or run.attempt >= run.most_attempts:
        return None
    if run.has_acted or run.cancel_requested_at is not None or run.approvals.exists():
        return None
    pause = _pause_after(run, error)
    return None if pause is None else Another(run.attempt + 1, run.most_attempts, now + pause, error)


def _pause_after(run: AgentOSRun, error: RunError) -> timedelta | None:
    """Twice as long each time, and at least what the platform asks for; None when it asks for too long."""
    if error.code == RUN_INTERRUPTED and run.attempt == 1:
        return timedelta()
    longest = min(FIRST_PAUSE * 2 ** (run.attempt - 1), LONGEST_PAUSE)
    pause = longest * random.uniform(0.5, 1)  # noqa: S311 - so that runs that failed together do not come back together
    wish = timedelta(seconds=float(afterword_of(run.pk).retry_after or 0))
    return None if wish > LONGEST_WISH else max(pause, wish)
