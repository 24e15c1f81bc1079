"""One row per call to a model: opened before the call, settled once after it.

A row that stays open is the evidence of a call whose process died; recovery finishes it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import ApiKey
from apps.api.errors import NotAllowed
from apps.api.ids import uuid7
from apps.opie.ledger.prices import CURRENCY, UnitPrices, cost_of, unit_prices
from apps.opie.ledger.summary import open_calls_of
from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models.agents import Agent
from apps.opie.models.platforms import AIPlatform
from apps.opie.models.usage import AgentOSUsage, CallOutcome, Certainty
from apps.opie.scope import RunScope

LONGEST_ERROR_CODE = 64


@dataclass(frozen=True, slots=True)
class PricedAs:
    """What decides the price of a call."""

    api_type: str
    base_url: str
    model: str


class CalledPlatform(Protocol):
    """What the ledger needs to know of a platform: the row itself, or a snapshot of it."""

    @property
    def id(self) -> UUID: ...
    @property
    def platform_name(self) -> str: ...


def open_call(scope: RunScope, platform: CalledPlatform, model: str, attempt: int = 1) -> UUID:
    """Write down that a call is about to be made, for whom and what for; returns the id to settle it by.

    Raises NotAllowed for somebody without a team: there is nobody to whom the call could be charged.
    """
    if scope.principal.team_id is None:
        raise NotAllowed("Join a team first: calls to a model are counted for a team.", code="no_team")
    call = AgentOSUsage(
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
    try:
        call.save(force_insert=True)
    except IntegrityError:
        _let_go_of_what_was_deleted(call)
        call.save(force_insert=True)
    return call.id


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

    Who knows what was asked says so in `priced_as`; otherwise it is read from the rows.
    """
    moment = timezone.now()
    still_open = AgentOSUsage.objects.filter(id=call_id, outcome=CallOutcome.OPEN)
    prices = _prices_of(priced_as or _asked_in(still_open), tokens, moment)
    counts = tokens or TokenCounts()
    closed = still_open.update(
        input_tokens=counts.input,
        cached_tokens=counts.cached,
        cache_write_tokens=counts.cache_write,
        output_tokens=counts.output,
        reasoning_tokens=counts.reasoning,
        audio_tokens=counts.audio,
        unit_prices=prices.as_json() if prices else {},
        cost=cost_of(tokens, prices),
        certainty=certainty,
        outcome=outcome,
        error_code=error_code[:LONGEST_ERROR_CODE],
        latency_ms=latency_ms,
        time_to_first_token_ms=time_to_first_token_ms,
        finished_at=moment,
    )
    return closed == 1


def close_open_calls(run_id: UUID) -> int:
    """Settle what a run left open, as interrupted and of unknown count, before the run itself is ended."""
    still_open = AgentOSUsage.objects.filter(id__in=open_calls_of(run_id), outcome=CallOutcome.OPEN)
    return still_open.update(outcome=CallOutcome.INTERRUPTED, certainty=Certainty.UNKNOWN, finished_at=timezone.now())


def _asked_in(still_open: QuerySet[AgentOSUsage]) -> PricedAs | None:
    """None when the call is settled already, or its platform was deleted."""
    asked = still_open.values_list("platform__api_type", "platform__base_url", "model").first()
    return None if asked is None or asked[0] is None else PricedAs(asked[0], asked[1] or "", asked[2])


def _prices_of(asked: PricedAs | None, tokens: TokenCounts | None, moment: datetime) -> UnitPrices | None:
    if asked is None:
        return None
    input_tokens = tokens.input if tokens else None
    return unit_prices(asked.api_type, asked.base_url, asked.model, moment=moment, input_tokens=input_tokens)
