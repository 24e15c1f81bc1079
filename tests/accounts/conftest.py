"""People and teams to test with, through the addresses of apps/accounts alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Membership, Role, Team, User

PASSWORD = "correct horse battery"

Person = Callable[..., User]


@pytest.fixture(autouse=True)
def _fast_and_alone(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ROOT_URLCONF = "tests.accounts.urls"
    # The real pages around these need the front end built, which the browser tests see to.
    plain = {**settings.TEMPLATES[0], "DIRS": [Path(__file__).parent / "templates", *settings.TEMPLATES[0]["DIRS"]]}
    settings.TEMPLATES = [plain]


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="Ours", slug="ours")


@pytest.fixture
def other_team(db: None) -> Team:
    return Team.objects.create(name="Theirs", slug="theirs")


@pytest.fixture
def person(team: Team) -> Person:
    def make(name: str = "ann", role: str = Role.OWNER, in_team: Team | None = team) -> User:
        user = User.objects.create_user(f"{name}@example.com", PASSWORD)
        if in_team is not None:
            Membership.objects.create(team=in_team, user=user, role=role)
            user.default_team = in_team
            user.save(update_fields=["default_team"])
        return user

    return make


@pytest.fixture
def owner(person: Person) -> User:
    return person()


class Rest:
    """A REST caller with a bearer."""

    def __init__(self, bearer: str | None = None, **headers: str) -> None:
        self.client = Client()
        self.headers = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **headers}

    def __call__(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        address = path if path.startswith("/") else f"/api/v1/{path}"
        return self.client.generic(
            method, address, b"" if body is None else _json(body), "application/json", headers=self.headers, **extra
        )


def _json(body: Any) -> bytes:
    import json

    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def anonymous(db: None) -> Rest:
    return Rest()


@pytest.fixture
def login(anonymous: Rest) -> Callable[[User], dict[str, str]]:
    def sign_in(user: User) -> dict[str, str]:
        answer = anonymous("POST", "auth/login/", {"email": user.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    return sign_in


@pytest.fixture
def rest(login: Callable[[User], dict[str, str]]) -> Callable[..., Rest]:
    def sign_in(user: User, **headers: str) -> Rest:
        return Rest(login(user)["access"], **headers)

    return sign_in
