"""Conversations that were had: rows of a session, written at once, so that a test may begin in the 300th turn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.runs import RunStatus
from tests.opie.people import Person

_STATUS = {
    "complete": RunStatus.COMPLETED,
    "failed": RunStatus.FAILED,
    "cancelled": RunStatus.CANCELLED,
    "interrupted": RunStatus.INTERRUPTED,
}


@dataclass
class Conversation:
    """A session of one person's with one agent; `head` is where it goes on."""

    session: AgentOSSession
    agent: Agent
    head: AgentOSMessage | None = None
    rows: list[AgentOSMessage] = field(default_factory=list)
    runs: list[AgentOSRun] = field(default_factory=list)

    def turn(
        self, question: str, answer: str, *, status: str = "complete", tools: Sequence[str] = (), **answered: Any
    ) -> AgentOSMessage:
        """A question with its answer, after rounds of tools; answers the last message."""
        ended = _STATUS[status]
        run = AgentOSRun(
            session=self.session, user_id=self.session.user_id, team_id=self.session.team_id, agent=self.agent,
            status=ended, finished_at=timezone.now(),
        )  # fmt: skip
        self.runs.append(run)
        run.question = self._said(run, role="user", content=question)
        for n, result in enumerate(tools):
            call = {"id": f"call_{len(self.rows)}_{n}", "name": "calculate", "arguments": {"expression": "1"}}
            self._said(run, role="assistant", tool_calls=[call])
            self._said(run, role="tool", content=result, tool_call_id=call["id"], tool_name="calculate")
        return self._said(run, role="assistant", content=answer, is_answer=True, status=status, **answered)

    def save(self) -> AgentOSSession:
        """Write all of it that is not written yet."""
        new_runs = [run for run in self.runs if run._state.adding]
        questions = {run.pk: run.question for run in new_runs}
        for run in new_runs:
            run.question = None
        AgentOSRun.objects.bulk_create(new_runs)
        AgentOSMessage.objects.bulk_create([row for row in self.rows if row._state.adding])
        for run in new_runs:
            run.question = questions[run.pk]
        AgentOSRun.objects.bulk_update(new_runs, ["question"], batch_size=500)
        self.session.message_count, self.session.head = len(self.rows), self.head
        self.session.save()
        return self.session

    def _said(self, run: AgentOSRun, **values: Any) -> AgentOSMessage:
        row = AgentOSMessage(
            session=self.session, run=run, agent=self.agent, number=len(self.rows) + 1, parent=self.head,
            created_at=timezone.now(), **values,
        )  # fmt: skip
        self.rows.append(row)
        self.head = row
        return row


def conversation(person: Person, agent: Agent, turns: int = 0, **session: Any) -> Conversation:
    """A session with so many plain turns: `question 1`, `answer 1`, `question 2`, …"""
    made = Conversation(
        AgentOSSession.objects.create(user=person.user, team=person.team, agent=agent, **session), agent
    )
    for number in range(1, turns + 1):
        made.turn(f"question {number}", f"answer {number}")
    made.save()
    return made
