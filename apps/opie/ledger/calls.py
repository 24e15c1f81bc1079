"""One row per call to a model: opened before the call, settled once after it.

A row that stays open is the evidence of a call whose process died; recovery finishes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import ApiKey
from apps.api.errors import NotAllowed
from apps.api.ids import uuid7, uuid7_floor
from apps.opie.ledger import budgets
from apps.opie.ledger.price_list import listed_price
from apps.opie.ledger.prices import CURRENCY, MILLION, UnitPrices, cost_of, unit_prices
from apps.opie.ledger.summary import open_calls_of
from apps.opie.ledger.tokens import NO_TOKENS, TokenCounts
from apps.opie.models.agents import Agent
from apps.opie.models.call_functions import admit, settle
from apps.opie.models.platforms import AIPlatform
from apps.opie.models.usage import AgentOSUsage, CallOutcome, Certainty
from apps.opie.scope import RunScope

LONGEST_ERROR_CODE = 64
ABANDONED_AFTER = timedelta(hours=1)

# What every row begins as. Calls go to the database as plain values (models/call_functions.py): building a row of the ORM,
# and its statement, for each of them costs as much as the statement itself.
_OPENED: Mapping[str, Any] = {
    "unit_prices": {},
    "currency": CURRENCY,
    "certainty": Certainty.UNKNOWN,
    "outcome": CallOutcome.OPEN,
    "error_code": "",
}


@dataclass(frozen=True, slots=True)
class PricedAs:
    """What decides the price of a call. `listed` is the price that a team or the operator had set when it was made."""

    api_type: str
    base_url: str
    model: str
    listed: UnitPrices | None = None


@dataclass(frozen=True, slots=True)
class HowItEnded:
    """How a call ended, and what it took."""

    tokens: TokenCounts | None
    certainty: Certainty
    outcome: CallOutcome
    latency_ms: int | None = None
    time_to_first_token_ms: int | None = None
    error_code: str = ""


class CalledPlatform(Protocol):
    """What the ledger needs to know of a platform: the row itself, or a snapshot of it. One without an id has no row."""

    @property
    def id(self) -> UUID | None: ...
    @property
    def platform_name(self) -> str: ...


def open_call(scope: RunScope, platform: CalledPlatform, model: str, attempt: int = 1) -> UUID:
    """Write down that a call is about to be made, for whom and what for; returns the id to settle it by.

    Raises NotAllowed for somebody without a team: there is nobody to whom the call could be charged.
    """
    return _store(new_call(scope, platform, model, attempt))


def note_unsent(scope: RunScope, platform: CalledPlatform, model: str, attempt: int, error_code: str) -> UUID:
    """Write down a call that was not made, and why. Raises NotAllowed as `open_call` does."""
    not_made = {
        "outcome": CallOutcome.UNSENT,
        "certainty": Certainty.ESTIMATED,
        "cost": 0,
        "finished_at": timezone.now(),
    }
    error = {"error_code": error_code[:LONGEST_ERROR_CODE]}
    return _store(new_call(scope, platform, model, attempt) | not_made | error | _counts(NO_TOKENS))


def new_call(scope: RunScope, platform: CalledPlatform, model: str, attempt: int) -> dict[str, Any]:
    """The row of a call that is about to be made, for `call_functions.admit`. Raises NotAllowed as `open_call` does."""
    principal = scope.principal
    if principal.team_id is None:
        raise NotAllowed("Join a team first: calls to a model are counted for a team.", code="no_team")
    return {
        "id": uuid7(),
        "team_id": principal.team_id,
        "user_id": principal.user_id,
        "api_key_id": principal.api_key_id,
        "agent_id": scope.agent_pk,
        "session_id": scope.session_id,
        "run_id": scope.run_id,
        "purpose": scope.purpose,
        "attempt": attempt,
        "platform_id": platform.id,
        "platform_name": platform.platform_name,
        "model": model,
        "created_at": timezone.now(),
        **_OPENED,
    }


def let_go_of_what_was_deleted(call: dict[str, Any]) -> None:
    """A run goes on when its agent, platform or key is deleted meanwhile; the call is written down without them."""
    if not Agent.objects.filter(pk__in=[call["agent_id"]]).exists():
        call["agent_id"] = None
    if not AIPlatform.objects.filter(pk__in=[call["platform_id"]]).exists():
        call["platform_id"] = None
    if not ApiKey.objects.filter(pk__in=[call["api_key_id"]]).exists():
        call["api_key_id"] = None


def _store(call: dict[str, Any]) -> UUID:
    try:
        admit(call=call)
    except IntegrityError:
        if connection.in_atomic_block:
            raise
        let_go_of_what_was_deleted(call)
        admit(call=call)
    number: UUID = call["id"]
    return number


def settle_call(
    call_id: UUID,
    *,
    tokens: TokenCounts | None,
    certainty: Certainty,
    outcome: CallOutcome,
    latency_ms: int | None = None,
    time_to_first_token_ms: int | None = None,
    error_code: str = "",
    priced_as: PricedAs | None = None,
) -> bool:
    """Price the call and close its row; returns whether this closed it. A settled row never changes again.

    Who knows what was asked says so in `priced_as`; otherwise it is read from the rows, with the price that was set
    when the call was made.
    """
    if priced_as is None:
        priced_as = _asked_in(AgentOSUsage.objects.filter(id=call_id, outcome=CallOutcome.OPEN))
    how = HowItEnded(tokens, certainty, outcome, latency_ms, time_to_first_token_ms, error_code)
    return settle(call=ending_of(call_id, how, priced_as)).closed


def ending_of(call_id: UUID, how: HowItEnded, priced_as: PricedAs | None) -> dict[str, Any]:
    """What a call's row is closed with, its `cost` among it, for `call_functions.settle`."""
    moment = timezone.now()
    prices = _prices_of(priced_as, how.tokens, moment)
    return {
        "id": call_id,
        "unit_prices": prices.as_json() if prices else {},
        "cost": _cost(how.tokens, prices),
        "certainty": how.certainty,
        "outcome": how.outcome,
        "error_code": how.error_code[:LONGEST_ERROR_CODE],
        "latency_ms": how.latency_ms,
        "time_to_first_token_ms": how.time_to_first_token_ms,
        "finished_at": moment,
        **_counts(how.tokens or TokenCounts()),
    }


def _counts(tokens: TokenCounts) -> dict[str, int | None]:
    return {
        "input_tokens": tokens.input,
        "cached_tokens": tokens.cached,
        "cache_write_tokens": tokens.cache_write,
        "output_tokens": tokens.output,
        "reasoning_tokens": tokens.reasoning,
        "audio_tokens": tokens.audio,
    }


def close_open_calls(run_id: UUID) -> int:
    """Settle what a run left open, as interrupted and of unknown count, before the run itself is ended; what was held
    for it in budgets is given back."""
    left = open_calls_of(run_id)
    if not left:
        return 0
    still_open = AgentOSUsage.objects.filter(id__in=left, outcome=CallOutcome.OPEN)
    closed = still_open.update(outcome=CallOutcome.INTERRUPTED, certainty=Certainty.UNKNOWN, finished_at=timezone.now())
    budgets.release(left)
    return closed


def close_abandoned_calls(now: datetime | None = None) -> int:
    """Close calls outside a run (a platform that was tried) whose process died; those of a run are closed with it."""
    now = now or timezone.now()
    # The id tells the time and is the partition key: only the last days are looked at.
    old = AgentOSUsage.objects.filter(run=None, outcome=CallOutcome.OPEN, id__lt=uuid7_floor(now - ABANDONED_AFTER))
    left = list(old.filter(id__gte=uuid7_floor(now - timedelta(days=2))).values_list("pk", flat=True)[:1000])
    still_open = AgentOSUsage.objects.filter(id__in=left, outcome=CallOutcome.OPEN)
    closed = still_open.update(outcome=CallOutcome.INTERRUPTED, certainty=Certainty.UNKNOWN, finished_at=now)
    budgets.release(left)
    return closed


def cost_of_call(priced_as: PricedAs, tokens: TokenCounts | None) -> Decimal | None:
    """What a call of so many tokens costs now; None when that is not known."""
    return _cost(tokens, _prices_of(priced_as, tokens, timezone.now()))


def dearest(priced_as: PricedAs, input_tokens: int, output_tokens: int) -> Decimal | None:
    """The most that a call of so many tokens can cost; None when its price is not known."""
    prices = _prices_of(priced_as, TokenCounts(input=input_tokens), timezone.now())
    if prices is None:
        return None
    dearest_input = max(price for price in (prices.input, prices.cached, prices.cache_write) if price is not None)
    if prices.output is None and output_tokens:
        return None
    return (input_tokens * dearest_input + output_tokens * (prices.output or 0)) / MILLION


def _cost(tokens: TokenCounts | None, prices: UnitPrices | None) -> Decimal | None:
    """Nothing costs nothing, whatever its price is: a refused call leaves the cost of its run known."""
    return Decimal(0) if tokens == NO_TOKENS else cost_of(tokens, prices)


def _asked_in(still_open: QuerySet[AgentOSUsage]) -> PricedAs | None:
    """None when the call is settled already; of a deleted platform only the price that was set for it is known."""
    fields = ("platform__api_type", "platform__base_url", "model", "team_id", "platform_name", "created_at")
    asked = still_open.values_list(*fields).first()
    if asked is None:
        return None
    api_type, base_url, model, team_id, platform_name, made_at = asked
    listed = listed_price(team_id, platform_name, model, made_at)
    if api_type is None and listed is None:
        return None
    return PricedAs(api_type or "", base_url or "", model, listed)


def _prices_of(asked: PricedAs | None, tokens: TokenCounts | None, moment: datetime) -> UnitPrices | None:
    if asked is None:
        return None
    if asked.listed is not None:
        return asked.listed
    input_tokens = tokens.input if tokens else None
    return unit_prices(asked.api_type, asked.base_url, asked.model, moment=moment, input_tokens=input_tokens)
