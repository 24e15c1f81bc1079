"""Every process that runs agents looks after runs whose process is gone: soon after it starts, and every few seconds.

It does not wait for the worker, which may be the process that died, or be busy with runs of its own. Whoever of several
comes first finishes a run's books; the others find them finished.
"""

import asyncio
import contextvars
import logging

from django.db import DatabaseError, InterfaceError

from apps.opie import rows
from apps.opie.engine import recovery, turn

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
# As long as a process that lives surely takes to beat, once it has the database again.
SECOND_LOOK_AFTER_SECONDS = 3.0

_tasks: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}


def start() -> None:
    """Watch, on the running loop, until `stop`."""
    loop = asyncio.get_running_loop()
    _tasks[loop] = loop.create_task(_watch(), context=contextvars.Context())


async def stop() -> None:
    task = _tasks.pop(asyncio.get_running_loop(), None)
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def sweep() -> None:
    """Finish the books of runs whose process is gone, and begin those that waited for them."""
    if silent := await rows.run(recovery.silent_runs):
        await asyncio.sleep(SECOND_LOOK_AFTER_SECONDS)
        for run_id in await rows.run(recovery.interrupt_silent, silent):
            logger.warning("run %s was interrupted: its process is gone", run_id)
    for run_id in await rows.run(recovery.left_waiting):
        await turn.start_next(run_id)


async def _watch() -> None:
    while True:
        try:
            await sweep()
        except (DatabaseError, InterfaceError):
            logger.exception("Runs that were left behind could not be looked after; it is tried again.")
        await asyncio.sleep(EVERY_SECONDS)
