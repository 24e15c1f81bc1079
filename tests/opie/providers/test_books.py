"""The books of an attempt: all of a call is let in or nothing of it, and settled once, with counts in rows and in Valkey."""

from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded, LimitExceeded
from apps.opie.ledger.calls import HowItEnded
from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.ledger.tokens import NO_TOKENS, TokenCounts
from apps.opie.limits import windows
from apps.opie.models import AgentOSRun, AgentOSUsage, AIPlatform, Budget, BudgetPeriod, BudgetReservation, Limit
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.books import Need, OpenedCall, open_books, settle_books
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot
from apps.opie.scope import RunScope
from tests.opie.ledger.written import at_once

pytestmark = pytest.mark.django_db(transaction=True)

NEED = Need(estimated_input=40, most_input=100)
TOOK = TokenCounts(input=30, output=10)


@pytest.fixture(params=["rows", "valkey"], autouse=True)
def _where(request: Any, settings: Any, valkey_url: str) -> None:
    settings.REDIS_URL = valkey_url if request.param == "valkey" else ""
    windows._absence.is_away, windows._absence.until = False, 0.0


@pytest.fixture
def scope(principal: Principal, run: AgentOSRun) -> RunScope:
    return RunScope(principal=principal, run_id=run.id)


@pytest.fixture
def candidate(principal: Principal) -> Candidate:
    """Input is free, and an answer of 256 tokens costs 1 at most."""
    row = AIPlatform.objects.create(platform_name="here", api_type=ApiType.OFFLINE, default_model="m")
    set_price(principal, NewPrice("here", "m", Decimal(0), Decimal(1_000_000) / 256))
    return Candidate(PlatformSnapshot.of(row), "m", max_tokens=256)


def opened(scope: RunScope, candidate: Candidate) -> OpenedCall | None:
    try:
        return open_books(scope, candidate, 1, NEED)
    except (BudgetExceeded, LimitExceeded):
        return None


def how(tokens: TokenCounts = TOOK, outcome: CallOutcome = CallOutcome.SUCCEEDED) -> HowItEnded:
    return HowItEnded(tokens, Certainty.REPORTED, outcome, 5, 2)


def books() -> tuple[Decimal, Decimal]:
    period = BudgetPeriod.objects.get()
    return period.spent, period.reserved


def test_what_a_limit_refuses_holds_no_money_and_has_no_row(scope: RunScope, candidate: Candidate) -> None:
    Budget.objects.create(team_id=scope.principal.team_id, amount=10)
    Limit.objects.create(team_id=scope.principal.team_id, requests_per_minute=1)
    assert opened(scope, candidate) is not None
    with pytest.raises(LimitExceeded, match="Your team may take 1 call a minute"):
        open_books(scope, candidate, 2, NEED)
    assert books() == (0, 1)
    assert (BudgetReservation.objects.count(), AgentOSUsage.objects.count()) == (1, 1)


def test_what_a_budget_refuses_is_counted_by_no_limit(scope: RunScope, candidate: Candidate) -> None:
    budget = Budget.objects.create(team_id=scope.principal.team_id, amount=Decimal("0.5"))
    Limit.objects.create(team_id=scope.principal.team_id, requests_per_minute=1, tokens_per_minute=40)
    with pytest.raises(BudgetExceeded, match="more than all of your team's budget"):
        open_books(scope, candidate, 1, NEED)
    assert not AgentOSUsage.objects.exists()
    Budget.objects.filter(pk=budget.pk).update(amount=1)
    assert opened(scope, candidate) is not None


def test_it_is_settled_paid_for_and_corrected_once(scope: RunScope, candidate: Candidate) -> None:
    Budget.objects.create(team_id=scope.principal.team_id, amount=10)
    Limit.objects.create(team_id=scope.principal.team_id, tokens_per_minute=80)
    call = opened(scope, candidate)
    assert call is not None
    settle_books(call, how(TokenCounts(input=0, output=1)))  # 40 were counted, 79 are left
    for tokens in (TOOK, NO_TOKENS):
        settle_books(call, how(tokens))
    row = AgentOSUsage.objects.get()
    assert (row.output_tokens, row.outcome, row.latency_ms, row.time_to_first_token_ms) == (1, "succeeded", 5, 2)
    assert row.unit_prices["input"] == "0E-8"
    assert books() == (row.cost, 0)
    assert row.cost == Decimal("0.00390625")
    assert [opened(scope, candidate) is not None for _ in range(2)] == [True, False]


def test_what_was_not_sent_is_given_back(scope: RunScope, candidate: Candidate) -> None:
    Budget.objects.create(team_id=scope.principal.team_id, amount=1)
    call = opened(scope, candidate)
    assert call is not None
    settle_books(call, how(NO_TOKENS, CallOutcome.UNSENT))
    assert books() == (0, 0)
    assert BudgetReservation.objects.get().state == "released"


@pytest.mark.parametrize(("money", "calls"), [(20, 30), (30, 20)])
def test_fifty_at_once_against_a_budget_and_a_limit(
    scope: RunScope, candidate: Candidate, money: int, calls: int
) -> None:
    Budget.objects.create(team_id=scope.principal.team_id, amount=money)
    Limit.objects.create(team_id=scope.principal.team_id, requests_per_minute=calls, tokens_per_minute=10_000)

    def one(_: int) -> bool:
        call = opened(scope, candidate)
        if call is not None:
            settle_books(call, how(TokenCounts(input=0, output=256)))
        return call is not None

    assert sum(at_once(50, one)) == 20
    assert books() == (20, 0)
    assert AgentOSUsage.objects.filter(outcome=CallOutcome.SUCCEEDED).count() == 20


def test_a_call_goes_on_without_what_was_deleted_meanwhile(scope: RunScope, candidate: Candidate) -> None:
    Budget.objects.create(team_id=scope.principal.team_id, amount=1)
    Limit.objects.create(team_id=scope.principal.team_id, requests_per_minute=1)
    AIPlatform.objects.all().delete()
    call = opened(scope, candidate)
    assert call is not None
    row = AgentOSUsage.objects.get()
    assert (row.id, row.platform_id, row.platform_name) == (call.id, None, "here")
    assert books() == (0, 1)
