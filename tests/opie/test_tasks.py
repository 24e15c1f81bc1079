"""What the worker does by the clock to its own jobs."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.opie import jobs, rows, tasks
from tests.opie.engine.working import work_off

pytestmark = pytest.mark.django_db(transaction=True)


async def test_jobs_that_failed_are_kept_for_a_while_and_then_go(settings: Any) -> None:
    settings.OPIE_ENDED_JOB_DAYS = 2
    await rows.run(_leave, "tests.old", "tests.new")
    await work_off(delete_jobs="successful")
    await rows.run(_leave, "tests.to-come", at=timezone.now() + timedelta(days=1))
    assert await rows.run(_jobs) == {"tests.old": "failed", "tests.new": "failed", "tests.to-come": "todo"}
    await rows.run(_make_older, timedelta(hours=49), "tests.old", "tests.to-come")
    await rows.run(_make_older, timedelta(hours=47), "tests.new")
    await rows.run(_leave, tasks.clear_ended_jobs.name, timestamp=0)
    await work_off()
    assert await rows.run(_jobs) == {"tests.new": "failed", "tests.to-come": "todo"}


def _leave(*names: str, **more: Any) -> None:
    for name in names:
        jobs.defer(name, **more)


def _jobs() -> dict[str, str]:
    return dict(ProcrastinateJob.objects.filter(task_name__startswith="tests.").values_list("task_name", "status"))


def _make_older(age: timedelta, *names: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_events SET at = at - %s FROM procrastinate_jobs AS job"
            " WHERE job.id = job_id AND job.task_name = ANY(%s)",
            [age, list(names)],
        )
