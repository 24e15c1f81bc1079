"""Workers are killed at every point of an order and of a question: each has its effect once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from apps.musicstore.models import Invoice, InvoiceLine
from apps.opie import jobs, tasks
from apps.opie.engine import recovery
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession, SessionVerification, Webhook, WebhookEvent
from tests.musicstore.test_events import person, shop, tell  # noqa: F401 - fixtures
from tests.opie.engine.test_worker import speaks, until
from tests.opie.rest.test_budgets import run_worker
from tests.opie.rest.web_process import database_url
from tests.opie.worker_process import worker_process

pytestmark = pytest.mark.django_db(transaction=True)

# Before the first row of customer 1's order, in the middle of the rows of their question; all is written for customer 2,
# but for that it is done.
POINTS = (
    ("BEFORE INSERT", "musicstore_invoice", "NEW.customer_id = 1"),
    ("BEFORE INSERT", "opie_sessionverification", "NEW.subject = '1'"),
    ("BEFORE UPDATE", "opie_webhookevent", "NEW.status = 'done'"),
)
GATE = 20_261


@contextmanager
def held_at_points() -> Iterator[Callable[[], int]]:
    """Whoever comes to one of the points waits there until the block is over; yields how many do."""
    with psycopg.connect(database_url(), autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", [GATE])
        _run(
            "CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NEW; END $$"
        )
        for moment, table, when in POINTS:
            _run(
                f"CREATE TRIGGER at_gate {moment} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION wait_at_gate()"
            )
        try:
            yield lambda: _count(f"SELECT count(*) FROM pg_locks WHERE objid = {GATE} AND NOT granted")
        finally:
            gate.execute("SELECT pg_advisory_unlock(%s)", [GATE])
            _run("DROP FUNCTION wait_at_gate() CASCADE")


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _count(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def a_while_later() -> None:
    """As if the time had passed after which workers and runs without a sign of life are taken for dead."""
    _run("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    AgentOSRun.objects.update(heartbeat_at=timezone.now() - 2 * recovery.SILENT_AFTER)
    jobs.defer(tasks.retry_lost_jobs.name, timestamp=0)


def test_what_the_shop_told_is_done_once_whenever_workers_are_killed(shop: Webhook) -> None:  # noqa: F811
    before = Invoice.objects.count()
    for customer in (1, 2):
        tell(shop, f"o-{customer}", "new_order", customer_id=customer, lines=[{"track": "Rehab"}])
        tell(shop, f"q-{customer}", "customer_query", customer_id=customer, message="What was my last purchase?")
    with held_at_points() as waiting, worker_process(DATABASE_POOL_SIZE="15") as worker:
        until(lambda: waiting() == 4)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    events = WebhookEvent.objects.order_by("event_id")
    assert set(events.values_list("status", "attempts")) == {("processing", 1)}
    assert (Invoice.objects.count(), AgentOSSession.objects.count(), AgentOSRun.objects.count()) == (before, 0, 0)

    a_while_later()
    with worker_process(OPIE_OFFLINE_PAUSE_MS="1000") as worker:
        until(
            lambda: (
                AgentOSRun.objects.count() == 2 and all(map(speaks, AgentOSRun.objects.values_list("pk", flat=True)))
            )
        )
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    a_while_later()
    assert len(recovery.interrupt_silent(recovery.silent_runs())) == 2
    run_worker()
    assert set(events.values_list("status", "attempts")) == {("done", 2)}
    orders, questions = events.filter(event_type="new_order"), events.filter(event_type="customer_query")
    assert Invoice.objects.count() == before + 2
    for result in orders.values_list("result", flat=True):
        assert InvoiceLine.objects.get(invoice=result["invoice_id"]).track.name == "Rehab"
    asked = AgentOSRun.objects.values_list("pk", "status", "attempt")
    assert {(str(run), *how) for run, *how in asked} == {
        (result["run_id"], "completed", 2) for result in questions.values_list("result", flat=True)
    }
    said = AgentOSMessage.objects.values("session", "role").annotate(times=Count("id")).values_list("role", "times")
    assert sorted(said) == [("assistant", 1), ("assistant", 1), ("user", 1), ("user", 1)]
    assert sorted(SessionVerification.objects.values_list("subject", flat=True)) == ["1", "2"]
