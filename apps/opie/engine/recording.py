"""Runs that this process is writing, and what is written of them while they run: events, and a sign of life.

Sync, like all code that touches rows; async callers come through `rows.run`.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.opie.engine.live.event_rows import tell
from apps.opie.events import EventType
from apps.opie.models import AgentOSRun, RunEventBatch
from apps.opie.models.runs import RunStatus

LEFT_FREE_AFTER_A_BREAK = 100_000
# After so long a message does not wait for the run before it any more.
STALE_AFTER = timedelta(seconds=30)

LAST_EVENT: dict[RunStatus, EventType] = {
    RunStatus.COMPLETED: "run.finished",
    RunStatus.FAILED: "run.failed",
    RunStatus.CANCELLED: "run.cancelled",
    RunStatus.INTERRUPTED: "run.interrupted",
}

Event = tuple[int, str, dict[str, Any]]
Events = list[Event]

_recording: dict[UUID, int | None] = {}


def begin(run_id: UUID, attempt: int | None = None) -> None:
    """From here on a turn of this process writes this run, in that attempt."""
    _recording[run_id] = attempt


def is_ours(run_id: UUID, attempt: int) -> bool:
    """Whether a turn of this process may still write the run, whose row is in that attempt now. Not when it was taken
    for dead, because nothing had been heard of it, and another attempt has begun."""
    return _recording.get(run_id) in (None, attempt)


def attempt_of(run_id: UUID) -> int | None:
    """The attempt in which a turn of this process writes this run."""
    return _recording.get(run_id)


def forget(run_id: UUID) -> None:
    """The turn has let go of this run; recovery may finish its books."""
    _recording.pop(run_id, None)


def is_recording(run_id: UUID | str) -> bool:
    """Whether a turn of this process is writing this run; nobody else may then."""
    try:
        return (run_id if isinstance(run_id, UUID) else UUID(run_id)) in _recording
    except ValueError:
        return False


def append_events(run_id: UUID, events: Events) -> None:
    if events:
        RunEventBatch.objects.create(
            run_id=run_id,
            first_number=events[0][0],
            last_number=events[-1][0],
            events=[list(event) for event in events],
        )


def last_number(run_id: UUID) -> int:
    """The number of the last event that is in rows; 0 when there is none."""
    newest = RunEventBatch.objects.filter(run_id=run_id).order_by("-first_number").only("last_number").first()
    return newest.last_number if newest else 0


def number_after_a_break(last_number: int) -> int:
    """The number to go on from when the process that counted is gone. Readers may have seen more of its events than it
    wrote: what comes now must be new to them."""
    return last_number + LEFT_FREE_AFTER_A_BREAK


@transaction.atomic
def beat(batches: dict[UUID, Events], to_tell: Collection[UUID] = ()) -> set[UUID]:
    """Write what running runs have said since the last beat, sign that they live, and answer which shall stop: those
    that somebody asked to, those that were ended from elsewhere, and those whose session was deleted. Other processes
    are told of the news, and of those `to_tell`."""
    running = AgentOSRun.objects.filter(pk__in=list(batches), status=RunStatus.RUNNING)
    # Locked, so that none is deleted before the events that name it are committed.
    locked = running.select_for_update(of=("self",), no_key=True).values_list("pk", "cancel_requested_at", "attempt")
    asked_to_stop = {run_id: asked_at for run_id, asked_at, attempt in locked if is_ours(run_id, attempt)}
    RunEventBatch.objects.bulk_create(
        [
            RunEventBatch(
                run_id=run_id, first_number=events[0][0], last_number=events[-1][0], events=[list(e) for e in events]
            )
            for run_id, events in batches.items()
            if events and run_id in asked_to_stop
        ],
        # A beat may have been committed although its answer was lost.
        ignore_conflicts=True,
    )
    AgentOSRun.objects.filter(pk__in=asked_to_stop).update(heartbeat_at=timezone.now())
    tell({run_id for run_id, events in batches.items() if events}.union(to_tell))
    gone = batches.keys() - asked_to_stop.keys()
    return gone | {run_id for run_id, asked_at in asked_to_stop.items() if asked_at is not None}
