"""Who is there, and which agents. Everything is committed: code behind rows.run has connections of its own."""

from typing import Any

import pytest

from apps.accounts.models import Role, Team
from apps.opie.models import Agent, AIPlatform
from apps.opie.models.agents import AgentStatus, AgentVisibility
from apps.opie.models.platforms import ApiType
from tests.opie.people import Person, make_person, make_team


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.OPIE_OFFLINE_PAUSE_MS = 0


@pytest.fixture
def team(transactional_db: None) -> Team:
    return make_team("Ours")


@pytest.fixture
def other_team(transactional_db: None) -> Team:
    return make_team("Theirs")


@pytest.fixture
def person(team: Team) -> Person:
    """The owner of the team."""
    return make_person("ann", team, Role.OWNER)


@pytest.fixture
def member(team: Team) -> Person:
    """Somebody else in the same team."""
    return make_person("ben", team, Role.MEMBER)


@pytest.fixture
def viewer(team: Team) -> Person:
    return make_person("vera", team, Role.VIEWER)


@pytest.fixture
def stranger(other_team: Team) -> Person:
    """The owner of another team."""
    return make_person("eve", other_team, Role.OWNER)


@pytest.fixture
def platforms(transactional_db: None) -> dict[str, AIPlatform]:
    """The offline responder; one that nobody listens behind; one whose answers a test writes (engine/scripted.py)."""

    def add(name: str, api_type: str, **fields: Any) -> AIPlatform:
        return AIPlatform.objects.create(platform_name=name, api_type=api_type, default_model=f"{name}-model", **fields)

    return {
        "offline": add("offline", ApiType.OFFLINE, priority=900),
        "closed": add(
            "closed", ApiType.OPENAI, base_url="http://127.0.0.1:9/v1", api_key="sk-canary-1234567890", timeout=2
        ),
        "scripted": add("scripted", ApiType.OPENAI_COMPATIBLE, base_url="http://127.0.0.1:9/v1"),
    }


@pytest.fixture
def agents(person: Person, stranger: Person, platforms: dict[str, AIPlatform]) -> dict[str, Agent]:
    """helper answers offline and has tools, broken has a dead platform, scripted says what a test writes (all of the
    team); foreign belongs to another team; assistant is the installation's."""

    def add(agent_id: str, platform: str, **fields: Any) -> Agent:
        values = {
            "owner": person.user,
            "team": person.team,
            "visibility": AgentVisibility.TEAM,
            "status": AgentStatus.PUBLISHED,
            "tools": ["calculate", "search_my_sessions"],
        }
        agent = Agent.objects.create(agent_id=agent_id, name=agent_id.title(), **(values | fields))
        agent.models.create(platform=platforms[platform], position=0)
        return agent

    return {
        "helper": add("helper", "offline"),
        "broken": add("broken", "closed"),
        "scripted": add("scripted", "scripted"),
        "foreign": add("foreign", "offline", owner=stranger.user, team=stranger.team),
        "assistant": add("assistant", "offline", owner=None, team=None, visibility=AgentVisibility.PUBLIC),
    }
