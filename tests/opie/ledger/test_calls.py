"""A call is opened once, settled once, and summed up with the others of its run."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from apps.accounts.principal import Principal
from apps.api.errors import NotAllowed
from apps.opie.ledger.calls import open_call, settle_call
from apps.opie.ledger.summary import open_calls_of, usage_of_run
from apps.opie.ledger.tokens import NO_TOKENS, TokenCounts
from apps.opie.models import AgentOSRun, AgentOSUsage, AIPlatform
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.scope import RunScope

COUNTS = TokenCounts(input=1000, cached=400, output=100, reasoning=60)  # 600 at 2, 400 at 0.2, 100 at 10 a million
COST = Decimal("0.00228")


@pytest.fixture
def scope(principal: Principal, run: AgentOSRun) -> RunScope:
    return RunScope(principal=principal, run_id=run.id, purpose="answer")


def settle(call: Any, tokens: TokenCounts | None = COUNTS, **more: Any) -> bool:
    how = {"certainty": Certainty.REPORTED, "outcome": CallOutcome.SUCCEEDED, "latency_ms": 12} | more
    return settle_call(call, tokens=tokens, **how)


def test_a_call_is_on_record_before_it_is_settled(scope: RunScope, openai: AIPlatform) -> None:
    call = open_call(scope, openai, "gpt-6-sol", attempt=2)
    row = AgentOSUsage.objects.get(id=call)
    assert (row.outcome, row.certainty, row.cost, row.input_tokens) == (CallOutcome.OPEN, Certainty.UNKNOWN, None, None)
    assert (row.team_id, row.user_id, row.run_id) == (scope.principal.team_id, scope.principal.user_id, scope.run_id)
    assert (row.platform_name, row.model, row.attempt, row.purpose) == ("openai", "gpt-6-sol", 2, "answer")
    assert scope.run_id is not None
    assert open_calls_of(scope.run_id) == [call]
    assert usage_of_run(scope.run_id).cost is None


def test_it_is_settled_exactly_once(scope: RunScope, openai: AIPlatform) -> None:
    call = open_call(scope, openai, "gpt-6-sol")
    assert settle(call)
    assert not settle(call, NO_TOKENS, outcome=CallOutcome.FAILED, error_code="late")
    row = AgentOSUsage.objects.get(id=call)
    assert (row.outcome, row.error_code, row.cost) == (CallOutcome.SUCCEEDED, "", COST)
    assert row.unit_prices == {"input": "2", "output": "10", "cached": "0.2", "cache_write": "2.5"}
    assert scope.run_id is not None
    assert open_calls_of(scope.run_id) == []


def test_only_one_of_many_settles_it(scope: RunScope, openai: AIPlatform) -> None:
    call = open_call(scope, openai, "gpt-6-sol")

    def attempt(number: int) -> bool:
        try:
            return settle(call, TokenCounts(input=number, output=number))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(attempt, range(6))) == 1


def test_nobody_without_a_team_can_spend(scope: RunScope, openai: AIPlatform) -> None:
    from dataclasses import replace

    with pytest.raises(NotAllowed):
        open_call(replace(scope, principal=replace(scope.principal, team_id=None)), openai, "gpt-6-sol")
    assert not AgentOSUsage.objects.exists()


def test_the_unknown_is_not_zero(scope: RunScope, openai: AIPlatform) -> None:
    call = open_call(scope, openai, "gpt-6-sol")
    settle(call, None, certainty=Certainty.UNKNOWN, outcome=CallOutcome.FAILED)
    row = AgentOSUsage.objects.get(id=call)
    assert (row.input_tokens, row.output_tokens, row.cost) == (None, None, None)
    zero = open_call(scope, openai, "gpt-6-sol")
    settle(zero, NO_TOKENS)
    row = AgentOSUsage.objects.get(id=zero)
    assert (row.input_tokens, row.cached_tokens, row.cost) == (0, 0, 0)


def test_a_platform_that_is_gone_leaves_the_price_unknown(scope: RunScope, openai: AIPlatform) -> None:
    call = open_call(scope, openai, "gpt-6-sol")
    openai.delete()
    assert settle(call)
    row = AgentOSUsage.objects.get(id=call)
    assert (row.platform_name, row.input_tokens, row.cost) == ("openai", 1000, None)


def test_the_sums_of_a_run(scope: RunScope, openai: AIPlatform, django_assert_num_queries: Any) -> None:
    for outcome, tokens in [
        (CallOutcome.UNSENT, NO_TOKENS),
        (CallOutcome.SUCCEEDED, COUNTS),
        (CallOutcome.SUCCEEDED, COUNTS),
        (CallOutcome.FAILED, NO_TOKENS),
    ]:
        settle(open_call(scope, openai, "gpt-6-sol"), tokens, outcome=outcome)
    assert scope.run_id is not None
    with django_assert_num_queries(1):
        books = usage_of_run(scope.run_id)
    assert books.usage == {
        "input_tokens": 2000,
        "output_tokens": 200,
        "total_tokens": 2200,
        "cached_tokens": 800,
        "reasoning_tokens": 120,
    }
    assert (books.cost, books.currency, books.platform, books.model) == (2 * COST, "USD", "openai", "gpt-6-sol")
    assert (books.calls, books.open_calls, books.model_ms, books.is_estimated) == (3, 0, 48, False)


def test_one_unpriced_call_makes_the_cost_of_the_run_unknown(scope: RunScope, openai: AIPlatform) -> None:
    settle(open_call(scope, openai, "gpt-6-sol"))
    settle(open_call(scope, openai, "a-model-nobody-prices"))
    assert scope.run_id is not None
    books = usage_of_run(scope.run_id)
    assert (books.cost, books.usage["input_tokens"]) == (None, 2000)


def test_a_run_without_calls_cost_nothing(scope: RunScope) -> None:
    assert scope.run_id is not None
    books = usage_of_run(scope.run_id)
    assert (books.cost, books.usage["total_tokens"], books.platform) == (0, 0, "")
