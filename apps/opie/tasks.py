"""What the worker does: on its own by the clock, and when it is asked to."""

import logging
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone
from procrastinate.contrib.django import app

from apps.accounts.people import people_who_may
from apps.opie import rows
from apps.opie.engine import recorder
from apps.opie.ledger import budgets
from apps.opie.ledger.notices import TASK as TELL_MANAGERS
from apps.opie.models import LimitCount
from apps.opie.models.partitions import ensure_usage_partitions

logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */15", periodic_id="interrupt-stale-runs")
@app.task(queueing_lock="interrupt-stale-runs", pass_context=False)
async def interrupt_stale_runs(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Finish the books of runs whose process is gone."""
    for run_id in await rows.run(recorder.interrupt_stale):
        logger.warning("run %s was interrupted: its process is gone", run_id)


@app.periodic(cron="* * * * *", periodic_id="finish-counts")
@app.task(queueing_lock="finish-counts", pass_context=False)
async def finish_counts(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Release money that nothing will settle any more, and sweep windows of limits that are over."""
    if released := await rows.run(budgets.release_stale):
        logger.warning("%s reservations were finished without their call", released)
    await rows.run(_sweep_limit_counts)


@app.periodic(cron="17 3 * * *", periodic_id="make-usage-partitions")
@app.task(queueing_lock="make-usage-partitions", pass_context=False)
async def make_usage_partitions(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Have a partition of the ledger ready for each of the next months."""
    for name in await rows.run(ensure_usage_partitions):
        logger.info("made %s", name)


@app.task(name=TELL_MANAGERS, pass_context=False)
def tell_managers(team_id: str | None, permission: str, subject: str, text: str) -> None:
    """Mail those who hold the permission in the team, or the installation's superusers."""
    people = people_who_may(permission, UUID(team_id) if team_id else None)
    for person in people:
        send_mail(f"[Opie] {subject}", text, settings.DEFAULT_FROM_EMAIL, [person.email])


def _sweep_limit_counts() -> None:
    LimitCount.objects.filter(expires_at__lt=timezone.now()).delete()
