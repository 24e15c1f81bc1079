"""What the worker does on its own, by the clock."""

import logging

from procrastinate.contrib.django import app

from apps.opie import rows
from apps.opie.engine import recorder
from apps.opie.models.partitions import ensure_usage_partitions

logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */15", periodic_id="interrupt-stale-runs")
@app.task(queueing_lock="interrupt-stale-runs", pass_context=False)
async def interrupt_stale_runs(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Finish the books of runs whose process is gone."""
    for run_id in await rows.run(recorder.interrupt_stale):
        logger.warning("run %s was interrupted: its process is gone", run_id)


@app.periodic(cron="17 3 * * *", periodic_id="make-usage-partitions")
@app.task(queueing_lock="make-usage-partitions", pass_context=False)
async def make_usage_partitions(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Have a partition of the ledger ready for each of the next months."""
    for name in await rows.run(ensure_usage_partitions):
        logger.info("made %s", name)
