"""Fixtures: a person in a team with a run under way, and agents on a mock platform."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from apps.accounts.models import Membership, Role, Team, User
from apps.accounts.principal import Principal, principal_for
from apps.opie.models import AgentOSRun
from apps.opie.scope import RunScope, current_scope

Scoped = Callable[..., AbstractContextManager[RunScope]]


@pytest.fixture
def principal(transactional_db: None) -> Principal:
    user = User.objects.create_user("ada@example.com")
    team = Team.objects.create(name="Analysts", slug="analysts")
    Membership.objects.create(user=user, team=team, role=Role.OWNER)
    return principal_for(user, team)


@pytest.fixture
def run(principal: Principal) -> AgentOSRun:
    return AgentOSRun.objects.create(user_id=principal.user_id, team_id=principal.team_id)


@pytest.fixture
def scoped(principal: Principal, run: AgentOSRun) -> Scoped:
    """The run's scope around a block."""

    @contextmanager
    def inside(**more: Any) -> Iterator[RunScope]:
        scope = RunScope(principal=principal, run_id=run.id, **more)
        token = current_scope.set(scope)
        try:
            yield scope
        finally:
            current_scope.reset(token)

    return inside
