"""The books of one attempt: admitted, written down and paid for in one statement before it, settled in one after it.

Where limits are counted in Redis, the statement before it is in a transaction with that. Locks are taken in the order
that models/call_functions.py names.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded
from apps.api.statements import prepared_cursor
from apps.opie.ledger import budgets
from apps.opie.ledger.budget_refusals import refusal_of
from apps.opie.ledger.calls import HowItEnded, PricedAs, dearest, ending_of, let_go_of_what_was_deleted, new_call
from apps.opie.ledger.price_list import HOLDING, as_listed
from apps.opie.ledger.tokens import TokenCounts
from apps.opie.limits import windows
from apps.opie.limits.admission import APPLYING, Admission, CallLimit, Counter, asking, counters_of
from apps.opie.models.call_functions import admit, settle
from apps.opie.models.usage import CallOutcome
from apps.opie.providers.snapshot import Candidate
from apps.opie.scope import RunScope

# A shorter answer is not worth its input.
SHORTEST_ANSWER = 256

# One look for everything that decides about a call, most of which most teams have none of.
_RULES = f"""
    SELECT EXISTS (SELECT 1 FROM opie_budget WHERE team_id = %(team)s AND is_enabled),
        (SELECT jsonb_agg(applying ORDER BY applying.id) FROM ({APPLYING}) applying), price.*
    FROM (SELECT) nothing LEFT JOIN LATERAL ({HOLDING}) price ON true
"""  # noqa: S608 - constants


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
class _Rules:
    """What decides about a call: whether there are budgets, the counters it is added to, and its price."""

    has_budgets: bool
    counters: list[Counter]
    priced_as: PricedAs


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


def settle_books(opened: OpenedCall, ended: HowItEnded) -> None:
    """Close an attempt's row, pay for it and correct what it was counted as. Once: a second time changes nothing."""
    call = ending_of(opened.id, ended, opened.priced_as)
    asked: dict[str, Any] = {"call": call}
    now = timezone.now()
    if opened.holds_money:
        cost = call["cost"] if ended.outcome != CallOutcome.UNSENT else None
        asked["hold"] = budgets.ending_of(opened.id, cost, now)
    admission, tokens = opened.admission, _total(ended.tokens)
    in_rows = admission is not None and windows.are_in_rows()
    if admission is not None and in_rows:
        asked["counters"] = admission.rows_to_correct(tokens)
    settled = settle(**asked)
    budgets.warn(settled.to_warn, now)
    if admission is not None and not in_rows and settled.closed:
        admission.correct(tokens)


def costing_nothing(principal: Principal, candidates: Iterable[Candidate], need: Need) -> tuple[Candidate, ...]:
    """Those of which the price is known, and is nothing."""
    return tuple(
        one for one in candidates if dearest(_rules(principal, one).priced_as, need.most_input, one.max_tokens) == 0
    )


def _lengths(longest: int) -> Iterator[int]:
    """How long an answer may be: as it was asked for, then half of it, and so on to what is still worth its input."""
    yield longest
    while longest > SHORTEST_ANSWER:
        longest = max(SHORTEST_ANSWER, longest // 2)
        yield longest


def _open_surely(scope: RunScope, candidate: Candidate, number: int, need: Need) -> OpenedCall:
    rules = _rules(scope.principal, candidate)
    call = new_call(scope, candidate.platform, candidate.model, number)
    try:
        return _open(scope.principal, candidate, need, rules, call)
    except IntegrityError:
        let_go_of_what_was_deleted(call)
        return _open(scope.principal, candidate, need, rules, call)


def _open(principal: Principal, candidate: Candidate, need: Need, rules: _Rules, call: dict[str, Any]) -> OpenedCall:
    asked: dict[str, Any] = {"call": call}
    if rules.has_budgets:
        most = dearest(rules.priced_as, need.most_input, candidate.max_tokens)
        asked["hold"] = budgets.holding(principal, call["id"], most, call["created_at"])
    admission = Admission.of(rules.counters, need.estimated_input) if rules.counters else None
    if admission is None or windows.are_in_rows():
        _admit(asked, admission)
    else:
        _admit_beside_redis(asked, admission)
    to_correct = admission if admission is not None and admission.counts_tokens else None
    return OpenedCall(call["id"], candidate.max_tokens, rules.priced_as, rules.has_budgets, to_correct)


def _admit(asked: dict[str, Any], admission: Admission | None) -> None:
    """Let it in, with its counts where they are in rows: one statement, all of it or nothing."""
    refused = admit(**asked, counters=admission.rows_to_take()) if admission is not None else admit(**asked)
    if refused is None:
        return
    if refused.counter is not None and admission is not None:
        raise admission.refused_in_rows(refused.counter)
    assert refused.budget is not None  # noqa: S101 - one of the two
    raise refusal_of(refused.budget, asked["hold"]["most"], asked["call"]["created_at"])


def _admit_beside_redis(asked: dict[str, Any], admission: Admission) -> None:
    """Let it in where Redis counts, which does not undo its counts with the transaction."""
    is_counted = False
    try:
        with transaction.atomic():
            _admit(asked, None)
            admission.take()
            is_counted = True
    except DatabaseError:
        if is_counted:
            admission.give_back()
        raise


def _rules(principal: Principal, candidate: Candidate) -> _Rules:
    platform, model = candidate.platform, candidate.model
    asked = asking(principal, platform, model)
    asked |= {"platform_name": platform.platform_name, "now": timezone.now()}
    with prepared_cursor() as cursor:
        cursor.execute(_RULES, asked)
        has_budgets, found, *price = cursor.fetchone()
    limits = [CallLimit(**limit) for limit in json.loads(found)] if found else []
    counters = counters_of(principal, platform, limits)
    return _Rules(has_budgets, counters, PricedAs(platform.api_type, platform.base_url, model, as_listed(*price)))


def _total(tokens: TokenCounts | None) -> int | None:
    if tokens is None or (tokens.input is None and tokens.output is None):
        return None
    return (tokens.input or 0) + (tokens.output or 0)
