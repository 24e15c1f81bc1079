"""Ids to ask about, and what each route of AgentOS is asked with."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.opie.models import Agent, AgentOSMemory, AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.runs import RunStatus
from tests.opie.agentos.conftest import Person


def make_things(person: Person, agent: Agent) -> dict[str, str]:
    """A session with a finished run and one that has lost its process, and a memory, all this person's."""
    owned = {"user_id": person.user.pk, "team_id": person.team.pk}
    session = AgentOSSession.objects.create(agent=agent, title="Secret plans", **owned)
    done = AgentOSRun.objects.create(
        session=session, agent=agent, status=RunStatus.COMPLETED, finished_at=timezone.now(), **owned
    )
    AgentOSMessage.objects.create(session=session, run=done, number=1, role="user", content="secret")
    live = AgentOSRun.objects.create(session=session, agent=agent, status=RunStatus.RUNNING, **owned)
    memory = AgentOSMemory.objects.create(memory="secret", **owned)
    return {
        "session_id": str(session.pk),
        "run_id": str(live.pk),
        "memory_id": str(memory.pk),
        "agent_id": agent.agent_id,
        "team_id": agent.agent_id,
    }


def filled(path: str, **ids: Any) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: str(ids.get(found[1], uuid4())), path)


BODIES: dict[tuple[str, str], Callable[[dict[str, str]], dict[str, Any]]] = {
    ("DELETE", "/sessions"): lambda ids: {"json": {"session_ids": [ids["session_id"]], "session_types": ["agent"]}},
    ("DELETE", "/memories"): lambda ids: {"json": {"memory_ids": [ids["memory_id"]]}},
    ("PATCH", "/memories/{memory_id}"): lambda ids: {"json": {"memory": "taken"}},
    ("POST", "/sessions/{session_id}/rename"): lambda ids: {"json": {"session_name": "taken"}},
    ("POST", "/agents/{agent_id}/runs"): lambda ids: {"data": {"message": "x", "session_id": ids["session_id"]}},
    ("POST", "/teams/{team_id}/runs"): lambda ids: {"data": {"message": "x", "session_id": ids["session_id"]}},
    ("POST", "/agents/{agent_id}/runs/{run_id}/continue"): lambda ids: {"data": {"session_id": ids["session_id"]}},
    ("POST", "/teams/{team_id}/runs/{run_id}/continue"): lambda ids: {"data": {"session_id": ids["session_id"]}},
    ("GET", "/agents/{agent_id}/runs"): lambda ids: {"params": {"session_id": ids["session_id"]}},
    ("GET", "/teams/{team_id}/runs"): lambda ids: {"params": {"session_id": ids["session_id"]}},
    ("GET", "/agents/{agent_id}/runs/{run_id}"): lambda ids: {"params": {"session_id": ids["session_id"]}},
    ("GET", "/teams/{team_id}/runs/{run_id}"): lambda ids: {"params": {"session_id": ids["session_id"]}},
}
