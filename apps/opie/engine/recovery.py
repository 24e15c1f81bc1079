"""Runs whose process is gone: their books are finished, and who waited behind them is found. Sync."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.opie.engine import recording
from apps.opie.engine.settling import interrupt, lock_session_of
from apps.opie.models import AgentOSRun
from apps.opie.models.runs import RunStatus

MOST_AT_ONCE = 200
# Forty beats. A process that lives may miss that many under load, or while the database is away; so whoever finds a run
# silent looks a second time, a few beats later (watching.py), and a process that lost a run in spite of it stops it.
SILENT_AFTER = timedelta(seconds=10)

Silent = dict[UUID, datetime]


def silent_runs(now: datetime | None = None) -> Silent:
    """Runs of other processes that have not been heard of for a while, each with when it was heard last."""
    now = now or timezone.now()
    running = AgentOSRun.objects.filter(status=RunStatus.RUNNING, heartbeat_at__lt=now - SILENT_AFTER)
    found = running.values_list("pk", "heartbeat_at")
    return {run_id: heard for run_id, heard in found if heard is not None and not recording.is_recording(run_id)}


def interrupt_silent(silent: Silent) -> list[UUID]:
    """Finish the books of those that have not been heard of since: their process is gone. What they had said is kept,
    marked interrupted."""
    return [run_id for run_id, heard in silent.items() if _interrupt_unheard(run_id, heard)]


@transaction.atomic
def _interrupt_unheard(run_id: UUID, heard: datetime) -> bool:
    lock_session_of(run_id)
    unheard = AgentOSRun.objects.filter(pk=run_id, heartbeat_at=heard)
    if not unheard.select_for_update(of=("self",)).exists():
        return False
    return interrupt(run_id) is not None


def left_waiting(now: datetime | None = None) -> list[UUID]:
    """Runs that could begin, because nothing is going on in their session, and that nobody has begun: the oldest of
    each session, when the process that should have started it is gone. Runs of the worker's own are not among them."""
    now = now or timezone.now()
    in_session = AgentOSRun.objects.filter(session=OuterRef("session"))
    going = in_session.filter(status__in=(RunStatus.RUNNING, RunStatus.WAITING), question__isnull=False)
    earlier = in_session.filter(status=RunStatus.PENDING, id__lt=OuterRef("id"))
    pending = AgentOSRun.objects.filter(status=RunStatus.PENDING, is_background=False, session__isnull=False)
    free = pending.filter(~Exists(going), ~Exists(earlier)).order_by("id")
    return list(free.values_list("pk", flat=True)[:MOST_AT_ONCE])
