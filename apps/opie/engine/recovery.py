"""Runs whose process is gone: their books are finished, and who waited behind them is found. Sync, for the worker."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.opie.engine import recording
from apps.opie.engine.settling import interrupt
from apps.opie.models import AgentOSRun
from apps.opie.models.runs import RunStatus

MOST_AT_ONCE = 200


def interrupt_stale(now: datetime | None = None) -> list[UUID]:
    """Finish the books of runs whose process is gone: what they had said is kept, marked interrupted."""
    now = now or timezone.now()
    running = AgentOSRun.objects.filter(status=RunStatus.RUNNING)
    stale = running.filter(heartbeat_at__lt=now - recording.STALE_AFTER).values_list("pk", flat=True)
    return [run_id for run_id in stale if not recording.is_recording(run_id) and interrupt(run_id)]


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
