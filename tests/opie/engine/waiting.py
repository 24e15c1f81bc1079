"""Runs that wait, as rows."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.opie.models import Agent, AgentOSApproval, AgentOSRun, AgentOSSession
from apps.opie.models.runs import RunStatus
from tests.opie.people import Person


def waiting_run(person: Person, agent: Agent) -> AgentOSRun:
    session = AgentOSSession.objects.create(user=person.user, team=person.team, agent=agent)
    return AgentOSRun.objects.create(
        session=session, user=person.user, team=person.team, agent=agent, status=RunStatus.WAITING
    )


def approval_of(run: AgentOSRun, **fields: Any) -> AgentOSApproval:
    """A call of rename_this_chat that waits for whoever asked."""
    values = {
        "tool_call_id": f"call_{run.approvals.count()}",
        "tool_name": "rename_this_chat",
        "arguments": {"title": "Plans"},
        "expires_at": timezone.now() + timedelta(hours=1),
    }
    return AgentOSApproval.objects.create(
        run=run, team_id=run.team_id, user_id=run.user_id, agent=run.agent, **(values | fields)
    )
