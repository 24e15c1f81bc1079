"""People in teams, agents on the offline responder, and AgentOS over a real socket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from apps.accounts.api_keys import create_api_key
from apps.accounts.models import Membership, Role, Team, User
from apps.accounts.principal import Principal, principal_for
from apps.accounts.tokens import issue_pair
from apps.opie.models import Agent, AgentMember, AIPlatform
from apps.opie.models.agents import AgentKind, AgentStatus, AgentVisibility
from apps.opie.models.platforms import ApiType
from tests.opie.agentos.serving import Serving, serving


@dataclass
class Person:
    """Somebody, as both a row and a caller."""

    user: User
    team: Team

    @property
    def principal(self) -> Principal:
        return principal_for(User.objects.get(pk=self.user.pk), self.team)

    @property
    def token(self) -> str:
        return issue_pair(self.user, self.team.pk).access

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


MakePerson = Callable[..., Person]


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(name="Ours", slug="ours")


@pytest.fixture
def other_team(transactional_db: None) -> Team:
    return Team.objects.create(name="Theirs", slug="theirs")


@pytest.fixture
def make_person(team: Team) -> MakePerson:
    def make(name: str, role: str = Role.MEMBER, in_team: Team = team) -> Person:
        user = User.objects.create_user(f"{name}@example.com")
        Membership.objects.create(team=in_team, user=user, role=role)
        return Person(user, in_team)

    return make


@pytest.fixture
def ann(make_person: MakePerson) -> Person:
    return make_person("ann", Role.OWNER)


@pytest.fixture
def ben(make_person: MakePerson) -> Person:
    """Somebody else in the same team."""
    return make_person("ben")


@pytest.fixture
def eve(make_person: MakePerson, other_team: Team) -> Person:
    """Somebody in another team."""
    return make_person("eve", Role.OWNER, other_team)


@pytest.fixture
def offline(transactional_db: None) -> AIPlatform:
    return AIPlatform.objects.create(platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline")


@pytest.fixture
def assistant(team: Team, ann: Person, offline: AIPlatform) -> Agent:
    return make_agent(team, ann.user, "assistant", system_prompt="You are the canary in the system prompt.")


@pytest.fixture
def desk(team: Team, ann: Person, assistant: Agent) -> Agent:
    """A team with one member."""
    desk = make_agent(team, ann.user, "desk", kind=AgentKind.TEAM)
    AgentMember.objects.create(agent=desk, position=1, member=assistant)
    return desk


def make_agent(team: Team, owner: User, agent_id: str, **more: Any) -> Agent:
    values: dict[str, Any] = {
        "name": agent_id.title(),
        "visibility": AgentVisibility.TEAM,
        "status": AgentStatus.PUBLISHED,
        **more,
    }
    return Agent.objects.create(team=team, owner=owner, agent_id=agent_id, **values)


@pytest.fixture
def key_of() -> Callable[..., str]:
    def make(person: Person, scopes: list[str] | None = None) -> str:
        return create_api_key(person.principal, "tests", scopes or ["view_agents", "run_agents"])[1]

    return make


@pytest.fixture
def served(transactional_db: None) -> Iterator[Serving]:
    with serving() as server:
        yield server


@pytest.fixture
def http(served: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=20) as client:
        yield client
