"""Every vendor's real SDK, inside a real agent, over a real socket: what is said, done and written down."""

import asyncio
import json
from decimal import Decimal

import pytest
from agno.agent import Agent
from pydantic import BaseModel

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models import AgentOSRun, AgentOSUsage
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from tests.opie.providers.asking import ENDPOINTS, KEY, agent_on, ask, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.vendors.reply import Reply, Usage
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

each_platform = pytest.mark.parametrize("api_type", list(ENDPOINTS))
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

OPENAI_COUNTS = TokenCounts(input=120, cached=64, output=45, reasoning=20)
COUNTS = {
    ApiType.ANTHROPIC: TokenCounts(input=120, cached=64, cache_write=16, output=45),
    ApiType.GEMINI: TokenCounts(input=120, cached=64, output=45, reasoning=20),
    ApiType.OLLAMA: TokenCounts(input=120, output=45),
}


def counts_on(row: AgentOSUsage) -> TokenCounts:
    return TokenCounts(
        row.input_tokens,
        row.cached_tokens,
        row.cache_write_tokens,
        row.output_tokens,
        row.reasoning_tokens,
        row.audio_tokens,
    )


@each_platform
@streamed_or_not
async def test_an_answer_and_its_tokens(
    api_type: str, stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await metered(api_type, vendor.url)
    vendor.heard = asyncio.Event()  # the rest is said when somebody has heard the start: it is shown as it comes
    with scoped():
        question = "Say something about a fox."
        heard = await ask(agent_on(model), question, stream=stream, heard_something=vendor.heard.set)
    assert (heard.text, heard.error) == ("The quick brown fox jumps.", "")
    if stream:
        assert len(heard.pieces) >= 2
    (row,) = await usage_rows(run)
    assert counts_on(row) == COUNTS.get(ApiType(api_type), OPENAI_COUNTS)
    assert (row.outcome, row.certainty) == (CallOutcome.SUCCEEDED, Certainty.REPORTED)
    assert (row.platform_name, row.model) == (api_type.replace(".", ""), ENDPOINTS[api_type][1])
    assert row.latency_ms is not None
    assert row.time_to_first_token_ms is not None
    assert row.finished_at is not None


@each_platform
@streamed_or_not
async def test_a_tool_is_called_and_its_result_told(
    api_type: str, stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    first = Reply(tool="add_numbers", arguments={"first": 19, "second": 23}, usage=Usage(100, 0, 0, 10, 0))
    vendor.will(first, Reply(text="It is 42.", usage=Usage(150, 0, 0, 5, 0)))
    model = await metered(api_type, vendor.url)
    with scoped():
        heard = await ask(agent_on(model), "What is 19 + 23?", stream=stream)
    assert heard.text == "It is 42."
    assert heard.tools == [("add_numbers", "The sum is 42.")]
    assert "The sum is 42." in json.dumps(vendor.asked[1].body)
    calls = await usage_rows(run)
    assert [(row.input_tokens, row.output_tokens, row.outcome) for row in calls] == [
        (100, 10, "succeeded"),
        (150, 5, "succeeded"),
    ]


async def test_what_is_known_costs_to_the_last_digit(vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    """120 in, of which 64 read from and 16 written to the cache; 45 out: at 2, 0.1, 2.5 and 10 dollars a million."""
    model = await metered(ApiType.ANTHROPIC, vendor.url)
    with scoped():
        await ask(agent_on(model), "Hello", stream=True)
    (row,) = await usage_rows(run)
    assert row.cost == Decimal("0.0005764")
    assert row.unit_prices == {"input": "2", "output": "10", "cached": "0.1", "cache_write": "2.5"}


async def test_what_has_no_price_has_no_cost(vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    model = await metered(ApiType.OPENAI_COMPATIBLE, vendor.url)
    with scoped():
        await ask(agent_on(model), "Hello", stream=False)
    (row,) = await usage_rows(run)
    assert (row.input_tokens, row.cost, row.unit_prices) == (120, None, {})


@pytest.mark.parametrize("api_type", [ApiType.OLLAMA, ApiType.LLAMACPP, ApiType.GPT4ALL])
async def test_a_local_platform_costs_nothing(
    api_type: str, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await metered(api_type, vendor.url)
    with scoped():
        await ask(agent_on(model), "Hello", stream=False)
    (row,) = await usage_rows(run)
    assert row.cost == 0


@streamed_or_not
async def test_usage_that_is_missing_is_estimated_and_marked(
    stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(usage=None))
    for api_type in ENDPOINTS.keys() - {ApiType.ANTHROPIC}:  # whose format cannot leave it out
        model = await metered(api_type, vendor.url)
        with scoped():
            await ask(agent_on(model), "Say something about a fox.", stream=stream)
        *_, row = await usage_rows(run)
        assert (row.certainty, row.output_tokens, row.cached_tokens) == (Certainty.ESTIMATED, 7, None), api_type
        assert row.input_tokens is not None
        assert row.input_tokens >= 7


@each_platform
async def test_what_reaches_the_platform(api_type: str, vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(api_type, vendor.url)
    with scoped():
        await ask(agent_on(model), "Hello", stream=True)
    (asked,) = vendor.asked
    assert KEY in " ".join(asked.headers.values())
    sent = json.dumps(asked.body)
    assert "512" in sent
    assert ("0.3" in sent) == (api_type != ApiType.ANTHROPIC)  # today's Claude takes no temperature
    if api_type in (ApiType.OPENAI, ApiType.LLAMACPP, ApiType.GPT4ALL, ApiType.OPENAI_COMPATIBLE):
        assert asked.body["stream_options"] == {"include_usage": True}


@streamed_or_not
async def test_an_estimate_counts_what_was_written_to_call_a_tool(
    stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    """`add_numbers` and `{"first": 19, "second": 23}` are 38 bytes, whatever pieces and objects they came in."""
    call = Reply(tool="add_numbers", arguments={"first": 19, "second": 23}, usage=None)
    for api_type in ENDPOINTS.keys() - {ApiType.ANTHROPIC}:
        vendor.will(call, Reply())
        model = await metered(api_type, vendor.url)
        with scoped():
            await ask(agent_on(model), "What is 19 + 23?", stream=stream)
        *_, asked, _ = await usage_rows(run)
        assert (asked.certainty, asked.output_tokens) == (Certainty.ESTIMATED, 10), api_type


class Animal(BaseModel):
    """What is asked for in a shape."""

    name: str
    legs: int


@streamed_or_not
async def test_an_answer_in_a_shape(stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    vendor.will(Reply(text='{"name": "fox", "legs": 4}'))
    for api_type in ENDPOINTS:
        agent = Agent(model=await metered(api_type, vendor.url), output_schema=Animal, telemetry=False)
        with scoped():
            if stream:
                events = [event async for event in agent.arun("Describe a fox", stream=True, yield_run_output=True)]
                content = events[-1].content
            else:
                content = (await agent.arun("Describe a fox")).content
        assert content == Animal(name="fox", legs=4), api_type
    assert [row.outcome for row in await usage_rows(run)] == [CallOutcome.SUCCEEDED] * len(ENDPOINTS)


async def test_one_connection_serves_many_calls(vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    for api_type in ENDPOINTS:
        model = await metered(api_type, vendor.url)
        before = vendor.connections
        with scoped():
            for _ in range(3):
                await ask(agent_on(model), "Hello", stream=False)
        assert vendor.connections == before + 1, api_type
    assert len(await usage_rows(run)) == 3 * len(ENDPOINTS)
