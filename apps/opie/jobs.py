"""Jobs for the worker, deferred in the transaction of what they belong to: what is rolled back is not done.

Procrastinate's own `app.defer` uses another connection within the worker, where its connector is replaced by one
with a pool of its own. Here the connection is always Django's.
"""

from datetime import datetime
from typing import Any

from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

# Whatever the clock starts and what is quick, agents that run for minutes, and documents that are read and embedded: none
# waits for the others.
QUICK, RUNS, KNOWLEDGE = "default", "runs", "knowledge"

_manager = JobManager(DjangoConnector())


def defer(
    task: str, *, queue: str = QUICK, at: datetime | None = None, lock: str | None = None, **arguments: Any
) -> None:
    """Have the worker do a task, by its name, once the caller's transaction is committed; not before `at`, and of those
    with the same lock one after another."""
    configure_task(name=task, job_manager=_manager, queue=queue, schedule_at=at, lock=lock).defer(**arguments)
