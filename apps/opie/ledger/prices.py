"""What a call costs: unit prices from genai-prices, whose data is in the package, so that no network is asked.

A local platform and the offline responder cost 0. What has no price has no cost: None, never 0.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models.platforms import LOCAL_API_TYPES, ApiType

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelPrice

CURRENCY = "USD"
MILLION = Decimal(1_000_000)
COST_STEP = Decimal("0.0000000001")  # the scale of AgentOSUsage.cost

# The vendor's name in genai-prices. An endpoint that is merely compatible is found by its address.
VENDORS: Mapping[str, str] = {ApiType.OPENAI: "openai", ApiType.ANTHROPIC: "anthropic", ApiType.GEMINI: "google"}


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """Prices of a million tokens by kind. A kind of input without a price of its own is billed as plain input; a model
    that writes nothing, as one that embeds, has no price of output."""

    input: Decimal
    output: Decimal | None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    audio_differs: bool = False

    def as_json(self) -> dict[str, str]:
        """What is copied on the usage row: decimal strings."""
        kinds = {"input": self.input, "output": self.output, "cached": self.cached, "cache_write": self.cache_write}
        return {kind: str(price) for kind, price in kinds.items() if price is not None}


FREE = UnitPrices(input=Decimal(0), output=Decimal(0), cached=Decimal(0), cache_write=Decimal(0))


def unit_prices(
    api_type: str, base_url: str, model: str, *, moment: datetime, input_tokens: int | None = None
) -> UnitPrices | None:
    """The prices that hold for one call at that moment; None when nobody has published any.

    Some vendors charge more for all tokens of a long prompt: `input_tokens` decides which price holds.
    """
    if api_type in LOCAL_API_TYPES:
        return FREE
    price = _published_price(api_type, base_url, model, moment)
    if price is None:
        return None
    return _at_length(price, input_tokens or 0)


def cost_of(tokens: TokenCounts | None, prices: UnitPrices | None) -> Decimal | None:
    """What those tokens cost at those prices; None when either is unknown."""
    if prices is None:
        return None
    if prices == FREE:
        return Decimal(0)
    if tokens is None or tokens.input is None or tokens.output is None:
        return None
    if tokens.output and prices.output is None:
        return None
    if tokens.audio and prices.audio_differs:
        return None  # the row does not say which way the sound went, and the two prices differ
    cached, written = tokens.cached or 0, tokens.cache_write or 0
    plain = max(0, tokens.input - cached - written)
    total = (
        plain * prices.input
        + cached * _or(prices.cached, prices.input)
        + written * _or(prices.cache_write, prices.input)
        + tokens.output * _or(prices.output, Decimal(0))
    )
    return (total / MILLION).quantize(COST_STEP)


def _or(price: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if price is None else price


@functools.cache
def _published() -> "DataSnapshot":
    # The data takes a while to import and is needed at the first settled call only.
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot()


def _published_price(api_type: str, base_url: str, model: str, moment: datetime) -> "ModelPrice | None":
    vendor = VENDORS.get(api_type)
    if vendor is None and not base_url:
        return None
    try:
        _, found = _published().find_provider_model(model, None, vendor, None if vendor else base_url)
        return found.get_prices(moment)
    except LookupError:
        return None


def _at_length(price: "ModelPrice", input_tokens: int) -> UnitPrices | None:
    input_price, output_price = (_tier(getattr(price, name), input_tokens) for name in ("input_mtok", "output_mtok"))
    if input_price is None:
        return None
    return UnitPrices(
        input=input_price,
        output=output_price,
        cached=_tier(price.cache_read_mtok, input_tokens),
        cache_write=_tier(price.cache_write_mtok, input_tokens),
        audio_differs=price.input_audio_mtok is not None or price.output_audio_mtok is not None,
    )


def _tier(price: object, input_tokens: int) -> Decimal | None:
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
        return reached[-1] if reached else price.base
    return price if isinstance(price, Decimal) else None
