"""Limits and budgets where people meet them: at the door of a run."""

from decimal import Decimal

from apps.api.errors import LimitExceeded
from apps.api.ids import uuid7
from apps.opie.engine import opening
from apps.opie.engine.opening import Ask
from apps.opie.ledger import budgets
from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.models import (
    Agent,
    AgentOSMessage,
    AgentOSRun,
    AgentOSSession,
    AgentOSUsage,
    AIPlatform,
    Budget,
    Limit,
)
from tests.opie.ledger.written import at_once
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of

HELLO = {"agent_id": "helper", "message": "Hello"}


def test_of_many_who_open_a_run_at_once_none_is_one_too_many(
    person: Person, member: Person, agents: dict[str, Agent]
) -> None:
    Limit.objects.create(team=person.team, parallel_runs=4)
    both = (person, member)

    def one(place: int) -> bool:
        try:
            opening.open_turn(both[place % 2].principal, agents["helper"], Ask("Hello"))
        except LimitExceeded:
            return False
        return True

    assert at_once(30, one).count(True) == 4
    # Who was refused left nothing behind.
    assert (AgentOSRun.objects.count(), AgentOSSession.objects.count(), AgentOSMessage.objects.count()) == (4, 4, 4)


def test_the_answer_says_what_was_exceeded(person: Person, agents: dict[str, Agent]) -> None:
    Limit.objects.create(team=person.team, each_user=True, parallel_runs=1)
    opening.open_turn(person.principal, agents["helper"], Ask("Hello"))
    answer = call("POST", "agentos/send-message/", HELLO, person.headers)
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    error = error_of(answer)
    assert error["code"] == "limit_exceeded"
    assert error["message"].startswith("You may have 1 answer in the making at once")


def test_a_spent_budget_refuses_before_anything_is_stored(person: Person, agents: dict[str, Agent]) -> None:
    Budget.objects.create(team=person.team, amount=1, period="day")
    spent = uuid7()
    budgets.reserve(person.principal, spent, Decimal(1))
    budgets.settle(spent, Decimal(1))
    answer = call("POST", "agentos/send-message/", HELLO | {"agent_id": "broken"}, person.headers)
    assert answer.status_code == 402
    assert 0 < int(answer["Retry-After"]) <= 86_400
    error = error_of(answer)
    assert error["code"] == "budget_exceeded"
    assert error["message"].startswith("Your team's budget (1 USD a day) is used up.")
    assert not AgentOSRun.objects.exists()
    # What costs nothing is not kept from anybody.
    assert call("POST", "agentos/send-message/", HELLO, person.headers).status_code == 200


def test_a_spent_budget_leaves_what_costs_nothing_further_down_the_list(
    person: Person, agents: dict[str, Agent], platforms: dict[str, AIPlatform]
) -> None:
    Budget.objects.create(team=person.team, amount=0)
    set_price(person.principal, NewPrice("closed", "closed-model", Decimal(1), Decimal(1)))
    agents["broken"].models.create(platform=platforms["offline"], position=1)
    answer = call("POST", "agentos/send-message/", HELLO | {"agent_id": "broken"}, person.headers)
    assert answer.status_code == 200, answer.content
    calls = AgentOSUsage.objects.order_by("pk").values_list("platform_name", "outcome", "error_code", "cost")
    assert list(calls) == [("closed", "unsent", "budget_exceeded", 0), ("offline", "succeeded", "", 0)]


def test_calls_of_a_model_beyond_a_limit_are_refused_with_429(person: Person, agents: dict[str, Agent]) -> None:
    Limit.objects.create(team=person.team, requests_per_minute=1)
    first = call("POST", "agentos/send-message/", HELLO, person.headers)
    assert first.status_code == 200, first.content
    second = call("POST", "agentos/send-message/", HELLO, person.headers)
    assert second.status_code == 429, second.content
    assert 1 <= int(second["Retry-After"]) <= 65
    assert error_of(second)["code"] == "limit_exceeded"
