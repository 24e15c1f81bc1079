"""Unit prices and costs, against genai-prices' own arithmetic."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.opie.ledger.calls import PricedAs, dearest
from apps.opie.ledger.prices import VENDORS, cost_of, unit_prices
from apps.opie.ledger.tokens import NO_TOKENS, TokenCounts
from apps.opie.models.platforms import ApiType

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PRICED = [(ApiType.OPENAI, "gpt-6-sol"), (ApiType.ANTHROPIC, "claude-sonnet-5-5"), (ApiType.GEMINI, "gemini-3.8-flash")]


@st.composite
def counts(draw: st.DrawFn) -> TokenCounts:
    """Any call, with prompts on both sides of where a longer one costs more."""
    cached, written, plain = (draw(st.integers(0, 200_000)) for _ in range(3))
    return TokenCounts(
        input=cached + written + plain, cached=cached, cache_write=written, output=draw(st.integers(0, 100_000))
    )


@settings(deadline=None)  # the first example imports the price list
@given(tokens=counts(), which=st.sampled_from(PRICED))
def test_the_cost_is_the_one_that_the_source_of_the_prices_works_out(
    tokens: TokenCounts, which: tuple[str, str]
) -> None:
    api_type, model = which
    prices = unit_prices(api_type, "", model, moment=NOW, input_tokens=tokens.input)
    theirs = calc_price(
        Usage(
            input_tokens=tokens.input,
            cache_read_tokens=tokens.cached,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
        ),
        model,
        provider_id=VENDORS[api_type],
        genai_request_timestamp=NOW,
    ).total_price
    ours = cost_of(tokens, prices)
    assert ours is not None
    assert abs(ours - theirs) <= Decimal("1e-10")


def test_a_long_prompt_costs_more() -> None:
    short = unit_prices(ApiType.OPENAI, "", "gpt-6-sol", moment=NOW, input_tokens=272_000)
    long = unit_prices(ApiType.OPENAI, "", "gpt-6-sol", moment=NOW, input_tokens=272_001)
    assert short is not None
    assert long is not None
    assert (short.input, long.input) == (2, 4)


@pytest.mark.parametrize(
    ("api_type", "base_url", "model"),
    [
        (ApiType.OPENAI, "", "a-model-nobody-prices"),
        (ApiType.OPENAI_COMPATIBLE, "", "gpt-6-sol"),
        (ApiType.OPENAI_COMPATIBLE, "http://127.0.0.1:9/v1", "gpt-6-sol"),
    ],
)
def test_nobody_guesses_a_price(api_type: str, base_url: str, model: str) -> None:
    prices = unit_prices(api_type, base_url, model, moment=NOW)
    assert prices is None
    assert cost_of(NO_TOKENS, prices) is None


def test_a_known_address_has_its_own_prices() -> None:
    prices = unit_prices(
        ApiType.OPENAI_COMPATIBLE, "https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", moment=NOW
    )
    assert prices is not None
    assert prices.input > 0


@pytest.mark.parametrize("api_type", [ApiType.OLLAMA, ApiType.LLAMACPP, ApiType.GPT4ALL, ApiType.OFFLINE])
def test_local_is_free_even_when_nothing_was_counted(api_type: str) -> None:
    assert cost_of(None, unit_prices(api_type, "http://127.0.0.1:9", "anything", moment=NOW)) == 0


def test_what_is_not_counted_is_not_priced() -> None:
    prices = unit_prices(ApiType.OPENAI, "", "gpt-6-sol", moment=NOW)
    assert cost_of(None, prices) is None
    assert cost_of(TokenCounts(input=10), prices) is None
    assert cost_of(TokenCounts(input=10, output=0), prices) == Decimal("0.00002")


def test_a_model_that_writes_nothing_has_a_price_without_one_of_output() -> None:
    prices = unit_prices(ApiType.OPENAI, "", "text-embedding-3-small", moment=NOW)
    assert prices is not None
    assert prices.as_json() == {"input": "0.02"}
    assert cost_of(TokenCounts(input=1_000_000, output=0), prices) == Decimal("0.02")
    assert cost_of(TokenCounts(input=1_000_000, output=1), prices) is None
    priced_as = PricedAs(ApiType.OPENAI, "", "text-embedding-3-small")
    assert dearest(priced_as, 1_000_000, 0) == Decimal("0.02")
    assert dearest(priced_as, 1_000_000, 1) is None
