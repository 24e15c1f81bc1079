"""Runs on the worker: opened in one process, run in another, found again when that one is gone.

A run in the background is a pending row and a job that names it, both in one transaction. The job claims the row; a
second job for the same run finds nothing to do. Jobs that were lost are missed here, and deferred again.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.principal import Principal
from apps.api.errors import NotFound
from apps.opie.engine import opening
from apps.opie.engine import turn as turns
from apps.opie.engine.attempts import BACKGROUND_JOB, tell_worker
from apps.opie.engine.opening import Ask, OpenedTurn
from apps.opie.engine.recorded import RecordsItself
from apps.opie.models import AgentOSRun
from apps.opie.models.runs import RunStatus

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200
# A job that is being picked up is not missed yet.
PATIENCE = timedelta(seconds=10)


async def run_to_end(run_id: UUID) -> None:
    """The job of one run: run it here until it has ended, unless somebody else has it or its turn has not come."""
    turn = await turns.take_up(run_id)
    if turn is None:
        return
    try:
        await turn.result()
    except NotFound:
        logger.info("run %s was deleted while it was answered", run_id)


def open_in_background(principal: Principal, built: RecordsItself, ask: Ask) -> OpenedTurn:
    """Store a run for the worker and tell it, in one transaction. Raises as opening.open_turn does."""
    return opening.open_turn(principal, built.opie_agent, replace(ask, may_be_free=built.may_be_free))


def tell_worker_again(now: datetime | None = None) -> list[UUID]:
    """Defer a job for each run of the worker's that could begin and has none: its job was lost with a process, or came
    before it was its turn. Answers the runs."""
    now = now or timezone.now()
    jobs = ProcrastinateJob.objects.filter(task_name=BACKGROUND_JOB, status="todo")
    told = {arguments.get("run_id") for arguments in jobs.values_list("args", flat=True)}
    forgotten = [run_id for run_id in _could_begin(now - PATIENCE) if str(run_id) not in told][:MOST_AT_ONCE]
    with transaction.atomic():
        for run_id in forgotten:
            tell_worker(run_id)
    return forgotten


def _could_begin(since: datetime) -> QuerySet[AgentOSRun, UUID]:
    """Runs of the worker's that have waited for nothing since then, oldest first."""
    in_session = AgentOSRun.objects.filter(session=OuterRef("session"))
    going = in_session.filter(status__in=(RunStatus.RUNNING, RunStatus.WAITING), question__isnull=False)
    earlier = in_session.filter(status=RunStatus.PENDING, id__lt=OuterRef("id"))
    pending = AgentOSRun.objects.filter(status=RunStatus.PENDING, is_background=True, created_at__lt=since)
    due = pending.filter(Q(not_before=None) | Q(not_before__lt=since))
    return due.filter(~Exists(going), ~Exists(earlier)).order_by("id").values_list("pk", flat=True)
