"""Limits and budgets as the person runs into them: what is refused, how it is said, and what is stored."""

import pytest

from apps.api.errors import BudgetExceeded, LimitExceeded, PlatformFailed
from apps.opie.agentos.service import AgentOSService
from apps.opie.models import Agent, AgentOSError, AgentOSRun, AgentOSSession, AgentOSUsage, Budget, Limit
from apps.opie.models.runs import RunStatus
from tests.opie.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_budget_with_nothing_left_is_refused_before_anything_is_stored(
    person: Person, agents: dict[str, Agent]
) -> None:
    Budget.objects.create(team=person.team, amount=0)
    with pytest.raises(BudgetExceeded) as caught:
        AgentOSService(person.principal).send_message("broken", "Hello")
    assert (caught.value.http_status, caught.value.code) == (402, "budget_exceeded")
    assert (AgentOSSession.objects.count(), AgentOSRun.objects.count(), AgentOSUsage.objects.count()) == (0, 0, 0)


def test_one_answer_too_many_at_once_is_refused_before_anything_is_stored(
    person: Person, agents: dict[str, Agent]
) -> None:
    Limit.objects.create(team=person.team, parallel_runs=1)
    AgentOSRun.objects.create(user=person.user, team=person.team, status=RunStatus.RUNNING)
    with pytest.raises(LimitExceeded) as caught:
        AgentOSService(person.principal).send_message("helper", "Hello")
    assert caught.value.headers["Retry-After"]
    assert AgentOSSession.objects.count() == 0


def test_a_limit_within_a_run_is_told_with_its_code_and_when_to_come_back(
    person: Person, agents: dict[str, Agent]
) -> None:
    Limit.objects.create(team=person.team, requests_per_minute=1)
    service = AgentOSService(person.principal)
    assert service.send_message("helper", "Hello").content
    with pytest.raises(LimitExceeded) as caught:
        service.send_message("helper", "Hello")
    error = caught.value
    assert (error.http_status, error.code) == (429, "limit_exceeded")
    assert 1 <= int(error.headers["Retry-After"]) <= 120
    run = AgentOSRun.objects.get(pk=error.extra["run_id"])
    assert (run.status, run.error_code) == (RunStatus.FAILED, "limit_exceeded")
    assert AgentOSUsage.objects.filter(run=run).count() == 0, "a call that was not let in is no call"


def test_a_price_that_is_unknown_is_a_402(person: Person, agents: dict[str, Agent]) -> None:
    Budget.objects.create(team=person.team, amount=100)
    with pytest.raises(BudgetExceeded, match="price of this model is unknown") as caught:
        AgentOSService(person.principal).send_message("scripted", "Hello")
    assert (caught.value.http_status, caught.value.code) == (402, "price_unknown")


def test_operators_find_every_cause_with_the_error(person: Person, agents: dict[str, Agent]) -> None:
    with pytest.raises(PlatformFailed) as caught:
        AgentOSService(person.principal).send_message("broken", "Hello")
    assert caught.value.extra["run_id"]
    error = AgentOSError.objects.get()
    assert error.detail.count("closed cannot be reached: platform_unreachable") == 2
    assert "canary" not in error.detail
