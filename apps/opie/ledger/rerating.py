"""Re-rating: a price that was corrected later, applied to the calls of a period, as entries beside the old ones."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.ledger import budgets
from apps.opie.ledger.price_list import PriceList, price_list_of
from apps.opie.ledger.prices import UnitPrices, cost_of, unit_prices
from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models import AgentOSUsage, UsageCorrection
from apps.opie.models.usage import CallOutcome, began_within

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

    Calls that come out the same get no entry, so repeating it changes nothing. Budgets follow the difference. What was
    done stays when it is broken off: repeat it to go on.
    """
    calls = AgentOSUsage.objects.filter(began_within(since, until), team_id=principal.acting_team)
    calls = calls.exclude(finished_at=None).exclude(outcome=CallOutcome.UNSENT)
    if platform_name:
        calls = calls.filter(platform_name=platform_name)
    if model:
        calls = calls.filter(model=model)
    work = _Work(principal, price_list_of(principal.acting_team), uuid7(), reason[:200], dry_run)
    last: UUID | None = None
    while chunk := work.rerate_chunk(calls, last):
        last = chunk
    return Rerating(work.batch, work.seen, work.corrected, work.difference)


@dataclass(slots=True)
class _Work:
    """A re-rating under way."""

    principal: Principal
    prices: PriceList
    batch: UUID
    reason: str
    dry_run: bool
    seen: int = 0
    corrected: int = 0
    difference: Decimal = Decimal(0)

    @transaction.atomic
    def rerate_chunk(self, calls: "QuerySet[AgentOSUsage]", after: UUID | None) -> UUID | None:
        """Price the next few calls; answers the last of them, or None when there are no more."""
        self._one_at_a_time()
        ordered = with_current_cost(calls).select_related("platform").order_by("id")
        chunk = list((ordered.filter(id__gt=after) if after else ordered)[:BATCH_SIZE])
        corrections = [correction for call in chunk if (correction := self._correction(call))]
        differences = {entry.usage_id: _cost(entry.cost) - _cost(entry.cost_before) for entry in corrections}
        self.seen += len(chunk)
        self.corrected += len(corrections)
        self.difference += sum(differences.values(), Decimal(0))
        if corrections and not self.dry_run:
            UsageCorrection.objects.bulk_create(corrections)
            budgets.refund(differences)
        return chunk[-1].pk if chunk else None

    def _correction(self, call: AgentOSUsage) -> UsageCorrection | None:
        prices, cost = _priced_now(call, self.prices)
        before: Decimal | None = call.current_cost  # type: ignore[attr-defined]
        if cost is None or cost == before:
            return None
        return UsageCorrection(
            usage_id=call.pk,
            batch=self.batch,
            cost_before=before,
            cost=cost,
            unit_prices=prices.as_json() if prices else {},
            reason=self.reason,
            author_id=self.principal.user_id,
        )

    def _one_at_a_time(self) -> None:
        """Two re-ratings at once would both add the same difference to the budgets."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"rerate {self.principal.team_id}"]
            )


def _priced_now(call: AgentOSUsage, listed: PriceList) -> tuple[UnitPrices | None, Decimal | None]:
    tokens = TokenCounts(
        call.input_tokens,
        call.cached_tokens,
        call.cache_write_tokens,
        call.output_tokens,
        call.reasoning_tokens,
        call.audio_tokens,
    )
    prices = listed.at(call.platform_name, call.model, call.created_at)
    if prices is None and call.platform is not None:
        platform = call.platform
        prices = unit_prices(
            platform.api_type, platform.base_url, call.model, moment=call.created_at, input_tokens=call.input_tokens
        )
    return prices, cost_of(tokens, prices)


def _cost(cost: Decimal | None) -> Decimal:
    return cost or Decimal(0)
