"""The books of one attempt: admitted, written down and paid for in one transaction before it, settled in one after it.

Rows are locked in the same order before and after: the call, the periods of budgets, the counters of limits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded
from apps.opie.ledger import budgets
from apps.opie.ledger.calls import PricedAs, cost_of_call, dearest, open_call, settle_call
from apps.opie.ledger.price_list import listed_price
from apps.opie.ledger.tokens import TokenCounts
from apps.opie.limits.admission import Admission, admit_call, correct
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.snapshot import Candidate
from apps.opie.scope import RunScope

# A shorter answer is not worth its input.
SHORTEST_ANSWER = 256

# One look for everything that most teams have none of.
_RULES = """
    SELECT EXISTS (SELECT 1 FROM opie_budget WHERE team_id = %(team)s AND is_enabled),
           EXISTS (SELECT 1 FROM opie_limit WHERE team_id = %(team)s AND is_enabled
                   AND (requests_per_minute IS NOT NULL OR tokens_per_minute IS NOT NULL)),
           EXISTS (SELECT 1 FROM opie_modelprice WHERE platform_name = %(platform)s AND model = %(model)s
                   AND (team_id = %(team)s OR team_id IS NULL))
"""


@dataclass(frozen=True, slots=True)
class Need:
    """What an attempt may take: about how many tokens of input, and how many at most."""

    estimated_input: int
    most_input: int


@dataclass(frozen=True, slots=True)
class OpenedCall:
    """An attempt that is on record. `max_tokens` is how long its answer may be; a budget may have shortened it."""

    id: UUID
    max_tokens: int
    priced_as: PricedAs
    holds_money: bool = False
    admission: Admission | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended."""

    tokens: TokenCounts | None
    certainty: Certainty
    outcome: CallOutcome
    latency_ms: int | None = None
    time_to_first_token_ms: int | None = None
    error_code: str = ""


def open_books(scope: RunScope, candidate: Candidate, number: int, need: Need) -> OpenedCall:
    """Let an attempt in, hold its money and write it down: all of it or nothing.

    Where a whole answer does not fit into a budget, a shorter one may. Raises PlatformLimitReached, LimitExceeded,
    BudgetExceeded when not even the shortest fits, and NotAllowed.
    """
    refused: BudgetExceeded | None = None
    for length in _lengths(candidate.max_tokens):
        try:
            return _open_surely(scope, replace(candidate, max_tokens=length), number, need)
        except BudgetExceeded as error:
            refused = refused or error
            if error.code != BudgetExceeded.code:
                break
    assert refused is not None  # noqa: S101 - there is at least one length
    raise refused


def settle_books(opened: OpenedCall, ended: Ended) -> None:
    """Close an attempt's row, pay for it and correct what it was counted as. Once: a second time changes nothing."""
    if not opened.holds_money and (opened.admission is None or not opened.admission.counts_tokens):
        _close(opened, ended)
        return
    with transaction.atomic():
        is_first = _close(opened, ended)
        if opened.holds_money:
            is_sent = ended.outcome != CallOutcome.UNSENT
            budgets.settle(opened.id, cost_of_call(opened.priced_as, ended.tokens) if is_sent else None)
        if opened.admission is not None and is_first:
            correct(opened.admission, _total(ended.tokens))


def _lengths(longest: int) -> Iterator[int]:
    """How long an answer may be: as it was asked for, then half of it, and so on to what is still worth its input."""
    yield longest
    while longest > SHORTEST_ANSWER:
        longest = max(SHORTEST_ANSWER, longest // 2)
        yield longest


def _open_surely(scope: RunScope, candidate: Candidate, number: int, need: Need) -> OpenedCall:
    try:
        return _open(scope, candidate, number, need, after_deletion=False)
    except IntegrityError:
        return _open(scope, candidate, number, need, after_deletion=True)


def _open(scope: RunScope, candidate: Candidate, number: int, need: Need, *, after_deletion: bool) -> OpenedCall:
    platform, model = candidate.platform, candidate.model
    has_budgets, has_limits, has_prices = _rules(scope.principal, candidate)
    has_limits = has_limits or bool(platform.requests_per_minute or platform.tokens_per_minute)
    priced_as = _priced_as(scope, candidate, has_prices=has_prices)
    if not has_budgets and not has_limits:
        call_id = open_call(scope, platform, model, number, after_deletion=after_deletion)
        return OpenedCall(call_id, candidate.max_tokens, priced_as)
    with transaction.atomic():
        call_id = open_call(scope, platform, model, number, after_deletion=after_deletion)
        if has_budgets:
            budgets.reserve(scope.principal, call_id, dearest(priced_as, need.most_input, candidate.max_tokens))
        # Last: what Redis has counted is not undone with the transaction.
        admitted = admit_call(scope.principal, platform, model, need.estimated_input) if has_limits else None
    return OpenedCall(call_id, candidate.max_tokens, priced_as, has_budgets, admitted)


def _rules(principal: Principal, candidate: Candidate) -> tuple[bool, bool, bool]:
    """Whether there are budgets, limits and prices of one's own at all."""
    with connection.cursor() as cursor:
        asked = {
            "team": principal.team_id,
            "platform": candidate.platform.platform_name,
            "model": candidate.model,
        }
        cursor.execute(_RULES, asked)
        has_budgets, has_limits, has_prices = cursor.fetchone()
    return has_budgets, has_limits, has_prices


def _priced_as(scope: RunScope, candidate: Candidate, *, has_prices: bool) -> PricedAs:
    platform, listed = candidate.platform, None
    if has_prices:
        listed = listed_price(scope.principal.team_id, platform.platform_name, candidate.model, timezone.now())
    return PricedAs(platform.api_type, platform.base_url, candidate.model, listed)


def _close(opened: OpenedCall, ended: Ended) -> bool:
    return settle_call(
        opened.id,
        tokens=ended.tokens,
        certainty=ended.certainty,
        outcome=ended.outcome,
        latency_ms=ended.latency_ms,
        time_to_first_token_ms=ended.time_to_first_token_ms,
        error_code=ended.error_code,
        priced_as=opened.priced_as,
    )


def _total(tokens: TokenCounts | None) -> int | None:
    if tokens is None or (tokens.input is None and tokens.output is None):
        return None
    return (tokens.input or 0) + (tokens.output or 0)
