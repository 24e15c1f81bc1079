"""The worker as a process: it takes up what is left to it, dies, is made up for, and stops in order."""

import signal
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from apps.opie.agentos.service import AgentOSService
from apps.opie.engine import recording
from apps.opie.engine.outcome import result_of_run
from apps.opie.models import AgentOSRun, AgentOSUsage
from apps.opie.models.runs import RunStatus
from apps.opie.models.usage import CallOutcome
from tests.opie.people import Person
from tests.opie.worker_process import worker_process

LONGEST = 120.0
SLOW = {"OPIE_OFFLINE_PAUSE_MS": "500"}

pytestmark = pytest.mark.django_db(transaction=True)


def left(person: Person, most_attempts: int = 3) -> UUID:
    return (
        AgentOSService(person.principal)
        .run_task("helper", "What is 2 + 3?", background=True, most_attempts=most_attempts)
        .run_id
    )


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def status_of(run_id: UUID) -> str:
    return AgentOSRun.objects.values_list("status", flat=True).get(pk=run_id)


def events_of(run_id: UUID) -> list[Any]:
    batches = AgentOSRun.objects.get(pk=run_id).event_batches.all()
    found = [event for batch in batches for event in batch.events]
    numbers = [number for number, _, _ in found]
    assert numbers == sorted(set(numbers))  # after the death of a process some are left out
    return found


def speaks(run_id: UUID) -> bool:
    return any(kind == "message.delta" for _, kind, _ in events_of(run_id))


def test_a_worker_that_is_killed_in_the_middle_is_made_up_for_by_others(agents: Any, person: Person) -> None:
    mended, ended = left(person), left(person, most_attempts=1)
    with worker_process(**SLOW) as worker:
        until(lambda: speaks(mended) and speaks(ended))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert {status_of(mended), status_of(ended)} == {RunStatus.RUNNING}
    # As if the time had passed after which a run without a sign of life is taken for dead.
    AgentOSRun.objects.update(heartbeat_at=timezone.now() - recording.STALE_AFTER - timedelta(seconds=1))
    with worker_process(), worker_process():
        until(lambda: status_of(mended) == RunStatus.COMPLETED and status_of(ended) == RunStatus.INTERRUPTED)
    again, partial = result_of_run(mended), result_of_run(ended)
    assert "5" in again.content
    assert partial.content != ""
    assert AgentOSRun.objects.get(pk=mended).attempt == 2
    kinds = [kind for _, kind, _ in events_of(mended)]
    assert [kind for kind in kinds if kind.startswith("run.")] == [
        "run.started", "run.retrying", "run.started", "run.finished",
    ]  # fmt: skip
    calls = AgentOSUsage.objects.filter(run_id=mended).values_list("outcome", flat=True)
    assert CallOutcome.INTERRUPTED in calls
    assert AgentOSUsage.objects.filter(run_id__in=[mended, ended], outcome=CallOutcome.OPEN).count() == 0


def test_a_worker_that_is_told_to_stop_leaves_its_run_to_the_next(agents: Any, person: Person) -> None:
    run_id = left(person)
    with worker_process(OPIE_OFFLINE_PAUSE_MS="1000") as worker:
        until(lambda: speaks(run_id))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=LONGEST) == 0
    run = AgentOSRun.objects.get(pk=run_id)
    assert (run.status, run.attempt) == (RunStatus.PENDING, 2)
    with worker_process():
        until(lambda: status_of(run_id) == RunStatus.COMPLETED)
