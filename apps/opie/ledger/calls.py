"""One row per call to a model: opened before the call, settled once after it.

A row that stays open is the evidence of a call whose process died; recovery finishes it.
"""

import json
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
from apps.opie.models.platforms import AIPlatform
from apps.opie.models.usage import AgentOSUsage, CallOutcome, Certainty
from apps.opie.scope import RunScope

LONGEST_ERROR_CODE = 64
ABANDONED_AFTER = timedelta(hours=1)

# Every call to a model passes through these two: plain SQL costs a quarter of what building the same by ORM does.
_COLUMNS = (
    "id", "team_id", "user_id", "api_key_id", "agent_id", "session_id", "run_id", "attempt", "purpose", "platform_id",
    "platform_name", "model", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "audio_tokens", "unit_prices", "cost", "currency", "certainty", "outcome", "error_code", "latency_ms",
    "time_to_first_token_ms", "created_at", "finished_at",
)  # fmt: skip
_INSERT = f"INSERT INTO opie_agentosusage ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"  # noqa: S608 - constants
_SETTLE = """
    UPDATE opie_agentosusage SET
        input_tokens = %(input)s, cached_tokens = %(cached)s, cache_write_tokens = %(cache_write)s,
        output_tokens = %(output)s, reasoning_tokens = %(reasoning)s, audio_tokens = %(audio)s,
        unit_prices = %(unit_prices)s, cost = %(cost)s, certainty = %(certainty)s, outcome = %(outcome)s,
        error_code = %(error_code)s, latency_ms = %(latency)s, time_to_first_token_ms = %(first_token)s,
        finished_at = %(moment)s
    WHERE id = %(id)s AND outcome = 'open'
"""


@dataclass(frozen=True, slots=True)
class PricedAs:
    """What decides the price of a call. `listed` is the price that a team or the operator had set when it was made."""

    api_type: str
    base_url: str
    model: str
    listed: UnitPrices | None = None


class CalledPlatform(Protocol):
    """What the ledger needs to know of a platform: the row itself, or a snapshot of it."""

    @property
    def id(self) -> UUID: ...
    @property
    def platform_name(self) -> str: ...


def open_call(
    scope: RunScope, platform: CalledPlatform, model: str, attempt: int = 1, *, after_deletion: bool = False
) -> UUID:
    """Write down that a call is about to be made, for whom and what for; returns the id to settle it by.

    Raises NotAllowed for somebody without a team: there is nobody to whom the call could be charged. Within a
    transaction IntegrityError comes with its commit, when something that the call names was deleted meanwhile: try
    again with `after_deletion`.
    """
    call = _call(scope, platform, model, attempt)
    if after_deletion:
        _let_go_of_what_was_deleted(call)
    return _store(call)


def note_unsent(scope: RunScope, platform: CalledPlatform, model: str, attempt: int, error_code: str) -> UUID:
    """Write down a call that was not made, and why. Raises NotAllowed as `open_call` does."""
    call = _call(scope, platform, model, attempt)
    call.outcome, call.error_code = CallOutcome.UNSENT, error_code[:LONGEST_ERROR_CODE]
    call.certainty, call.cost, call.finished_at = Certainty.ESTIMATED, Decimal(0), timezone.now()
    call.input_tokens = call.cached_tokens = call.cache_write_tokens = 0
    call.output_tokens = call.reasoning_tokens = call.audio_tokens = 0
    return _store(call)


def _call(scope: RunScope, platform: CalledPlatform, model: str, attempt: int) -> AgentOSUsage:
    if scope.principal.team_id is None:
        raise NotAllowed("Join a team first: calls to a model are counted for a team.", code="no_team")
    return AgentOSUsage(
        id=uuid7(),
        team_id=scope.principal.team_id,
        user_id=scope.principal.user_id,
        api_key_id=scope.principal.api_key_id,
        agent_id=scope.agent_pk,
        session_id=scope.session_id,
        run_id=scope.run_id,
        purpose=scope.purpose,
        attempt=attempt,
        platform_id=platform.id,
        platform_name=platform.platform_name,
        model=model,
        currency=CURRENCY,
    )


def _store(call: AgentOSUsage) -> UUID:
    call.created_at = timezone.now()
    try:
        _insert(call)
    except IntegrityError:
        if connection.in_atomic_block:
            raise
        _let_go_of_what_was_deleted(call)
        _insert(call)
    return call.id


def _insert(call: AgentOSUsage) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [_as_sql(getattr(call, column)) for column in _COLUMNS])


def _as_sql(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value) if isinstance(value, CallOutcome | Certainty) else value


def _let_go_of_what_was_deleted(call: AgentOSUsage) -> None:
    """A run goes on when its agent, platform or key is deleted meanwhile; the call is written down without them."""
    if not Agent.objects.filter(pk__in=[call.agent_id]).exists():
        call.agent_id = None
    if not AIPlatform.objects.filter(pk__in=[call.platform_id]).exists():
        call.platform_id = None
    if not ApiKey.objects.filter(pk__in=[call.api_key_id]).exists():
        call.api_key_id = None


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
    moment = timezone.now()
    if priced_as is None:
        priced_as = _asked_in(AgentOSUsage.objects.filter(id=call_id, outcome=CallOutcome.OPEN))
    prices = _prices_of(priced_as, tokens, moment)
    counts = tokens or TokenCounts()
    ending = {
        "id": call_id,
        "input": counts.input,
        "cached": counts.cached,
        "cache_write": counts.cache_write,
        "output": counts.output,
        "reasoning": counts.reasoning,
        "audio": counts.audio,
        "unit_prices": json.dumps(prices.as_json() if prices else {}),
        "cost": _cost(tokens, prices),
        "certainty": str(certainty),
        "outcome": str(outcome),
        "error_code": error_code[:LONGEST_ERROR_CODE],
        "latency": latency_ms,
        "first_token": time_to_first_token_ms,
        "moment": moment,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, ending)
        closed: int = cursor.rowcount
    return closed == 1


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
    return (input_tokens * dearest_input + output_tokens * prices.output) / MILLION


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
