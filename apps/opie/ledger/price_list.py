"""Prices set by a team or the operator, over the maintained ones. A price is superseded, never edited.

Order of who is right at a moment: the team's own price, the installation's, then what the vendor publishes.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
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


def set_price(principal: Principal, price: NewPrice, *, for_installation: bool = False) -> ModelPrice:
    """Put a price in force; the one before it ends at that moment. Raises InvalidInput when it would begin before it."""
    valid_from = price.valid_from or timezone.now()
    team_id = None if for_installation else principal.acting_team
    with transaction.atomic():
        _one_at_a_time(team_id, price.platform_name, price.model)
        prices = ModelPrice.objects.filter(team=team_id, platform_name=price.platform_name, model=price.model)
        before = prices.current().first()
        if before is not None and before.valid_from >= valid_from:
            raise InvalidInput(
                fields={
                    "valid_from": [
                        f"The price in force began at {before.valid_from.isoformat()}. Choose a later moment."
                    ]
                }
            )
        prices.current().update(superseded_at=valid_from)
        return ModelPrice.objects.create(
            team_id=team_id,
            platform_name=price.platform_name,
            model=price.model,
            input_per_million=price.input,
            output_per_million=price.output,
            cached_per_million=price.cached,
            cache_write_per_million=price.cache_write,
            valid_from=valid_from,
            author_id=principal.user_id,
        )


def listed_price(team_id: UUID | None, platform_name: str, model: str, moment: datetime) -> UnitPrices | None:
    """The price set for this model that holds at that moment; None where none was set. One query."""
    in_force = Q(valid_from__lte=moment) & (Q(superseded_at=None) | Q(superseded_at__gt=moment))
    found = ModelPrice.objects.filter(
        in_force, Q(team_id=team_id) | Q(team=None), platform_name=platform_name, model=model
    )
    price = min(found, key=lambda row: (row.team_id is None, -row.valid_from.timestamp()), default=None)
    if price is None or price.input_per_million is None or price.output_per_million is None:
        return None
    return UnitPrices(
        input=price.input_per_million,
        output=price.output_per_million,
        cached=price.cached_per_million,
        cache_write=price.cache_write_per_million,
    )


def _one_at_a_time(team_id: UUID | None, platform_name: str, model: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"price {team_id} {platform_name} {model}"]
        )
