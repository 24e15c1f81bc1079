"""Prices set by a team or the operator, over the maintained ones. A price is superseded, never edited.

Each holds from `valid_from` until `superseded_at`. Order of who is right at a moment: the team's own price, the
installation's, then what the vendor publishes.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.opie.ledger.prices import UnitPrices
from apps.opie.models import ModelPrice


@dataclass(frozen=True, slots=True)
class NewPrice:
    """Money for a million tokens. `cached` and `cache_write` are billed as plain input where they are None."""

    platform_name: str
    model: str
    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    valid_from: datetime | None = None


def set_price(principal: Principal, price: NewPrice) -> ModelPrice:
    """Let a price hold for the principal's team; see `put_in_force`. Raises NotAllowed for somebody without a team."""
    return put_in_force(price, principal.acting_team, principal.user_id)


@transaction.atomic
def put_in_force(price: NewPrice, team_id: UUID | None, author_id: UUID | None) -> ModelPrice:
    """Let a price hold from its moment on, which may be past or to come, until the next one that is set already: for
    a team, or for all where there is none.

    The price that held at that moment ends there; one that began at that very moment has never held, and stays on
    record. Calls made meanwhile keep their cost until they are re-rated.
    """
    _one_at_a_time(team_id, price.platform_name, price.model)
    valid_from = price.valid_from or timezone.now()
    prices = ModelPrice.objects.filter(team=team_id, platform_name=price.platform_name, model=price.model)
    following = prices.filter(valid_from__gt=valid_from).exclude(superseded_at=F("valid_from")).order_by("valid_from")
    until = following.values_list("valid_from", flat=True).first()
    held = prices.filter(_holds_at(valid_from), valid_from__lte=valid_from)
    held.update(superseded_at=valid_from)
    return ModelPrice.objects.create(
        team_id=team_id,
        platform_name=price.platform_name,
        model=price.model,
        input_per_million=price.input,
        output_per_million=price.output,
        cached_per_million=price.cached,
        cache_write_per_million=price.cache_write,
        valid_from=valid_from,
        superseded_at=until,
        author_id=author_id,
    )


def listed_price(team_id: UUID | None, platform_name: str, model: str, moment: datetime) -> UnitPrices | None:
    """The price set for this model that holds at that moment; None where none was set. One query."""
    asked = {"team": team_id, "platform_name": platform_name, "model": model, "now": moment}
    with connection.cursor() as cursor:
        cursor.execute(HOLDING, asked)
        found = cursor.fetchone()
    return None if found is None else as_listed(*found)


# As PriceList.at says it, in plain SQL: every call to a model asks, together with what else it asks.
HOLDING = """
    SELECT input_per_million, output_per_million, cached_per_million, cache_write_per_million FROM opie_modelprice
    WHERE platform_name = %(platform_name)s AND model = %(model)s AND (team_id = %(team)s OR team_id IS NULL)
        AND valid_from <= %(now)s AND (superseded_at IS NULL OR superseded_at > %(now)s)
    ORDER BY team_id IS NULL LIMIT 1
"""


def as_listed(
    input_price: Decimal | None, output_price: Decimal | None, cached: Decimal | None, cache_write: Decimal | None
) -> UnitPrices | None:
    """The prices of a row of `HOLDING`; None where one that is needed is unknown."""
    if input_price is None or output_price is None:
        return None
    return UnitPrices(input_price, output_price, cached, cache_write)


def price_list_of(team_id: UUID) -> "PriceList":
    """Every price that was ever set for a team or for all: for pricing many calls."""
    return PriceList(ModelPrice.objects.filter(Q(team_id=team_id) | Q(team=None)))


class PriceList:
    """Prices by what they are for."""

    def __init__(self, prices: Iterable[ModelPrice]) -> None:
        self._prices: dict[tuple[str, str], list[ModelPrice]] = defaultdict(list)
        for price in prices:
            self._prices[price.platform_name, price.model].append(price)

    def at(self, platform_name: str, model: str, moment: datetime) -> UnitPrices | None:
        """The price that holds at a moment, a team's own before the installation's; None where none was set."""
        of_model = self._prices.get((platform_name, model), [])
        holding = [
            price
            for price in of_model
            if price.valid_from <= moment and (price.superseded_at is None or moment < price.superseded_at)
        ]
        price = min(holding, key=lambda one: one.team_id is None, default=None)
        if price is None or price.input_per_million is None or price.output_per_million is None:
            return None
        return UnitPrices(
            input=price.input_per_million,
            output=price.output_per_million,
            cached=price.cached_per_million,
            cache_write=price.cache_write_per_million,
        )


def _holds_at(moment: datetime) -> Q:
    return Q(superseded_at=None) | Q(superseded_at__gt=moment)


def _one_at_a_time(team_id: UUID | None, platform_name: str, model: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"price {team_id} {platform_name} {model}"]
        )
