"""Re-rating: a price that was corrected later, applied to the calls of a period, as entries beside the old ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.accounts.principal import Principal
from apps.api.ids import uuid7, uuid7_floor
from apps.opie.ledger import budgets
from apps.opie.ledger.price_list import listed_price
from apps.opie.ledger.prices import UnitPrices, cost_of, unit_prices
from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models import AgentOSUsage, UsageCorrection

BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class Rerating:
    """What a re-rating changed. `difference` counts calls that had a cost before and have one now."""

    batch: UUID
    calls: int
    corrected: int
    difference: Decimal


def with_current_cost(usage: "QuerySet[AgentOSUsage]") -> "QuerySet[AgentOSUsage]":
    """Adds `current_cost`: what the latest correction says, else what the call was settled with."""
    latest = UsageCorrection.objects.filter(usage=OuterRef("pk")).order_by("-id").values("cost")[:1]
    return usage.annotate(current_cost=Coalesce(Subquery(latest), "cost"))


def rerate(
    principal: Principal,
    since: datetime,
    until: datetime,
    *,
    platform_name: str = "",
    model: str = "",
    reason: str = "",
    dry_run: bool = False,
) -> Rerating:
    """Price the team's calls of [since, until) anew, by the prices that hold for their moments now.

    Calls that come out the same get no entry, so repeating it changes nothing. Budgets follow the difference.
    """
    calls = AgentOSUsage.objects.filter(
        team_id=principal.acting_team, id__gte=uuid7_floor(since), id__lt=uuid7_floor(until)
    )
    calls = calls.exclude(finished_at=None)
    if platform_name:
        calls = calls.filter(platform_name=platform_name)
    if model:
        calls = calls.filter(model=model)
    batch, seen, corrected, difference = uuid7(), 0, 0, Decimal(0)
    for chunk in _chunks(calls):
        with transaction.atomic():
            for call in chunk:
                seen += 1
                prices, cost = _priced_now(call)
                if cost is None or cost == call.current_cost:  # type: ignore[attr-defined]
                    continue
                corrected += 1
                difference += cost - (call.current_cost or Decimal(0))  # type: ignore[attr-defined]
                if not dry_run:
                    _correct(call, prices, cost, batch, principal, reason)
    return Rerating(batch, seen, corrected, difference)


def _chunks(calls: "QuerySet[AgentOSUsage]") -> Iterator[list[AgentOSUsage]]:
    last: UUID | None = None
    ordered = with_current_cost(calls).select_related("platform").order_by("id")
    while chunk := list((ordered.filter(id__gt=last) if last else ordered)[:BATCH_SIZE]):
        yield chunk
        last = chunk[-1].pk


def _priced_now(call: AgentOSUsage) -> tuple[UnitPrices | None, Decimal | None]:
    tokens = TokenCounts(
        call.input_tokens,
        call.cached_tokens,
        call.cache_write_tokens,
        call.output_tokens,
        call.reasoning_tokens,
        call.audio_tokens,
    )
    prices = listed_price(call.team_id, call.platform_name, call.model, call.created_at)
    if prices is None and call.platform is not None:
        platform = call.platform
        prices = unit_prices(
            platform.api_type, platform.base_url, call.model, moment=call.created_at, input_tokens=call.input_tokens
        )
    return prices, cost_of(tokens, prices)


def _correct(
    call: AgentOSUsage, prices: UnitPrices | None, cost: Decimal, batch: UUID, principal: Principal, reason: str
) -> None:
    before: Decimal | None = call.current_cost  # type: ignore[attr-defined]
    UsageCorrection.objects.create(
        usage=call,
        batch=batch,
        cost_before=before,
        cost=cost,
        unit_prices=prices.as_json() if prices else {},
        reason=reason[:200],
        author_id=principal.user_id,
    )
    budgets.refund(call.pk, cost - (before or Decimal(0)))
