"""Whatever happens to the runs of a session, in whatever order: no illegal step, never two at once, and each one ends."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from agno.models.response import ToolExecution
from agno.run.agent import RunOutput
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.api.errors import Conflict
from apps.api.ids import uuid7
from apps.opie.engine import approvals, opening, queue, recording, recovery, settling, waiting
from apps.opie.engine.observer import Observer
from apps.opie.engine.opening import Ask
from apps.opie.engine.paused import paused
from apps.opie.engine.settling import Ending
from apps.opie.models import Agent, AgentOSApproval, AgentOSMessage, AgentOSRun, AgentOSSession, RunEventBatch
from apps.opie.models.runs import END_STATUSES, RunStatus
from tests.opie.people import Person

LEGAL = {
    "pending": {"running", "cancelled", "failed", "interrupted"},
    "running": {"waiting", "pending", *END_STATUSES},
    "waiting": {"running", *END_STATUSES},
}
OPERATIONS = (
    *("ask", "steer", "refuse", "beat", "stop", "complete", "fail", "crash", "sweep", "begin", "late"),
    *("wait", "approve", "reject", "expire", "go_on"),
)


class Sessions:
    """One session and what is done to it, as its processes would. `seen` is the last status of each run."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.agent = Agent.objects.get(agent_id="helper")
        self.session = AgentOSSession.objects.create(user=person.user, team=person.team, agent=self.agent)
        self.seen: dict[UUID, str] = {}
        self.numbers: dict[UUID, int] = {}

    def do(self, operation: str, place: int) -> None:
        if operation in ("ask", "steer", "refuse"):
            when_busy = "queue" if operation == "ask" else operation
            AgentOSSession.objects.filter(pk=self.session.pk).update(when_busy=when_busy)
            self.ask()
        elif operation == "sweep":
            recovery.interrupt_silent(recovery.silent_runs())
        elif operation == "begin":
            for run_id in recovery.left_waiting():
                queue.claim(run_id)
        elif operation == "expire":
            approvals.expire(timezone.now() + timedelta(days=365))
        elif operation == "go_on":
            for run_id in waiting.left_behind():
                assert waiting.claim(run_id) is not None
        elif self.seen:
            getattr(self, operation)(self.one_of_the_runs(place))
        self.check()

    def one_of_the_runs(self, place: int) -> UUID:
        """Mostly one that is going on: there is little to be done to others."""
        going = [run_id for run_id, status in self.seen.items() if status in ("running", "waiting")]
        if going and place % 3:
            return going[0]
        return sorted(self.seen)[place % len(self.seen)]

    def ask(self) -> None:
        try:
            opened = opening.open_turn(self.person.principal, self.agent, Ask("Hello", session_id=self.session.pk))
        except Conflict:
            return
        self.seen[opened.run_id] = opened.status

    def beat(self, run_id: UUID) -> None:
        number = recording.last_number(run_id) + 1
        recording.beat({run_id: [(number, "message.delta", {"text": "So "})]})

    def stop(self, run_id: UUID) -> None:
        queue.request_cancel(self.person.principal, run_id)

    def complete(self, run_id: UUID) -> None:
        self.settle(run_id, RunStatus.COMPLETED)

    def fail(self, run_id: UUID) -> None:
        self.settle(run_id, RunStatus.FAILED)

    def settle(self, run_id: UUID, status: RunStatus) -> None:
        # Only a process that runs it does this.
        if AgentOSRun.objects.get(pk=run_id).status == RunStatus.RUNNING:
            self.late(run_id, status)

    def late(self, run_id: UUID, status: RunStatus = RunStatus.COMPLETED) -> None:
        """A process that was away writes its ending, whatever became of the run meanwhile, if it ever had it."""
        if self.seen[run_id] == RunStatus.PENDING:
            return
        answer = AgentOSMessage(role="assistant", content="Hello.", is_answer=True)
        settling.settle(run_id, Ending(status, [answer]), [], recording.last_number(run_id) + 1)

    def wait(self, run_id: UUID) -> None:
        """Its process finds that a call needs somebody's yes."""
        if not recording.is_recording(run_id):
            return
        call = ToolExecution(
            tool_call_id=uuid7().hex, tool_name="calculate", tool_args={"expression": "1"}, requires_confirmation=True
        )
        seen = Observer(str(run_id)).seen
        seen.paused_output = RunOutput(run_id=str(run_id), tools=[call], messages=[])
        stops = paused(seen)
        assert stops is not None
        waiting.pause(run_id, stops, {}, [], recording.last_number(run_id) + 1)

    def approve(self, run_id: UUID) -> None:
        self.decide(run_id, "approve")

    def reject(self, run_id: UUID) -> None:
        self.decide(run_id, "reject")

    def decide(self, run_id: UUID, answer: Any) -> None:
        """On the newest of its approvals, whatever became of it: only what is open can be decided."""
        approval = AgentOSApproval.objects.filter(run=run_id).order_by("-id").first()
        if approval is None:
            return
        was_open = approval.status == "pending"
        try:
            approvals.decide(self.person.principal, approval.pk, answer)
        except Conflict:
            assert not was_open
        else:
            assert was_open

    def crash(self, run_id: UUID) -> None:
        recording.forget(run_id)
        AgentOSRun.objects.filter(pk=run_id, status=RunStatus.RUNNING).update(
            heartbeat_at=timezone.now() - recovery.SILENT_AFTER - timedelta(seconds=1)
        )

    def check(self) -> None:
        now = dict(AgentOSRun.objects.filter(session=self.session).values_list("pk", "status"))
        for run_id, status in now.items():
            before = self.seen.get(run_id, status)
            assert status == before or status in LEGAL.get(before, set()), (before, status)
        assert sum(status in ("running", "waiting") for status in now.values()) <= 1
        self.seen = now

    def let_all_end(self) -> None:
        """Every process dies; another one sweeps, and answers what still waits."""
        for _ in range(len(self.seen) + 1):
            for run_id in self.seen:
                self.do("crash", sorted(self.seen).index(run_id))
            for sweep in ("sweep", "expire", "go_on", "begin"):
                self.do(sweep, 0)
        assert set(self.seen.values()) <= END_STATUSES


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 5)), min_size=10, max_size=40))
def test_runs_of_a_session_take_legal_steps_and_end(agents: Any, person: Person, steps: list[tuple[str, int]]) -> None:
    sessions = Sessions(person)
    sessions.do("ask", 0)
    for operation, place in steps:
        sessions.do(operation, place)
    sessions.let_all_end()
    runs = AgentOSRun.objects.filter(session=sessions.session)
    assert all(run.finished_at for run in runs)
    # Its last event is there once and is the last; its answer at most once.
    for run in runs:
        said = [
            event for batch in RunEventBatch.objects.filter(run=run).order_by("first_number") for event in batch.events
        ]
        numbers = [number for number, _, _ in said]
        assert numbers == sorted(set(numbers))
        assert [kind in recording.LAST_EVENT.values() for _, kind, _ in said] == [False] * (len(said) - 1) + [True]
        assert run.messages.filter(is_answer=True).count() <= 1
        assert not run.approvals.filter(status="pending").exists()
    sessions.session.refresh_from_db()
    numbers = list(sessions.session.messages.order_by("number").values_list("number", flat=True))
    # A question that waited is numbered anew when it begins, so that numbers tell the order; they may leave one out.
    assert len(set(numbers)) == len(numbers)
    assert not numbers or numbers[-1] <= sessions.session.message_count
