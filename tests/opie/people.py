"""Somebody as a test needs them: a row, a principal, and a caller of the REST API."""

from dataclasses import dataclass

from apps.accounts.api_keys import create_api_key
from apps.accounts.models import ApiKey, Membership, Role, Team, User
from apps.accounts.principal import Principal, principal_for
from apps.accounts.tokens import issue_pair


@dataclass(frozen=True)
class Person:
    """`principal` and `bearer` are of the moment the person was made, so that async tests may use them."""

    user: User
    team: Team
    principal: Principal
    bearer: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.bearer}"}


def make_team(name: str) -> Team:
    return Team.objects.create(name=name, slug=name.lower())


def make_person(name: str, team: Team, role: str = Role.MEMBER) -> Person:
    """A member of the team. They have no password: hashing one takes longer than most tests."""
    user = User.objects.create_user(f"{name}@example.com", default_team=team)
    Membership.objects.create(user=user, team=team, role=role)
    return Person(user, team, principal_for(user, team), issue_pair(user).access)


def make_key(person: Person, *scopes: str) -> tuple[ApiKey, dict[str, str]]:
    """An API key of the person's, and the headers that carry it."""
    row, key = create_api_key(person.principal, "a key", scopes or ("run_agents", "view_agents"))
    return row, {"Authorization": f"Bearer {key}"}
