"""Agents that say what they can do."""

from typing import Any

import pytest

from apps.opie.models import Agent, AgentTally
from apps.opie.models.agents import AgentStatus, AgentVisibility
from tests.opie.people import Person


@pytest.fixture
def by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the local embedding model."""
    monkeypatch.setattr("apps.opie.engine.dispatcher.likeness.is_local_installed", lambda: False)


@pytest.fixture
def choosable(agents: dict[str, Agent], person: Person, stranger: Person) -> dict[str, Agent]:
    """Beside the agents there are: a reviewer, a second one, and a lawyer of the team; a draft; a reviewer of another
    team; the installation's own DevOps engineer."""

    def add(agent_id: str, name: str, code: str, **fields: Any) -> Agent:
        values = {
            "owner": person.user,
            "team": person.team,
            "visibility": AgentVisibility.TEAM,
            "status": AgentStatus.PUBLISHED,
        }
        agent = Agent.objects.create(agent_id=agent_id, name=name, capabilities=[code], **(values | fields))
        agent.models.create(platform=agents["helper"].models.get().platform, position=0)
        return agent

    return {
        "reviewer": add("reviewer", "Reviewer", "CODE_REVIEW"),
        "second": add("second", "Second reviewer", "CODE_REVIEW"),
        "lawyer": add("lawyer", "Lawyer", "LEGAL_REVIEW"),
        "draft": add("draft", "Draft reviewer", "CODE_REVIEW", status=AgentStatus.DRAFT),
        "theirs": add("theirs", "Their reviewer", "CODE_REVIEW", owner=stranger.user, team=stranger.team),
        "devops": add("devops", "DevOps", "DEVOPS", owner=None, team=None, visibility=AgentVisibility.PUBLIC),
    }


def count_runs(agent: Agent, person: Person, completed: int = 0, failed: int = 0, milliseconds: int = 8_000) -> None:
    """As if the agent had run so often for the person's team."""
    AgentTally.objects.create(
        agent=agent, team=person.team, shard=0, completed=completed, failed=failed, duration_ms=completed * milliseconds
    )
