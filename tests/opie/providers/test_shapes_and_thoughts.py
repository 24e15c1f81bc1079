"""Answers in a shape, and what a model thought, through every vendor's SDK."""

import json
from typing import Any

import pytest
from agno.agent import Agent
from agno.models.message import Message
from pydantic import BaseModel

from apps.opie.models import AgentOSRun
from apps.opie.models.platforms import ApiType
from apps.opie.providers.metered import MeteredModel
from tests.opie.providers.asking import ENDPOINTS, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.opie.providers.storm import WIRES
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

# How each vendor is asked for a shape by its own means.
NATIVELY = {
    ApiType.OPENAI: "response_format",
    ApiType.ANTHROPIC: "output_format",
    ApiType.GEMINI: "responseSchema",
    ApiType.OLLAMA: "format",
}


class Animal(BaseModel):
    """What is asked for."""

    name: str
    legs: int


async def described(model: MeteredModel, *, stream: bool) -> object:
    agent = Agent(model=model, output_schema=Animal, telemetry=False)
    if not stream:
        return (await agent.arun("Describe a fox")).content
    events = [event async for event in agent.arun("Describe a fox", stream=True, yield_run_output=True)]
    return events[-1].content


@streamed_or_not
@pytest.mark.parametrize("api_type", WIRES)
async def test_a_shape_is_asked_for_by_the_vendors_own_means(
    api_type: str, stream: bool, vendor: VendorServer, scoped: Scoped
) -> None:
    vendor.will(Reply(text='{"name": "fox", "legs": 4}'))
    with scoped():
        assert await described(await metered(api_type, vendor.url), stream=stream) == Animal(name="fox", legs=4)
    sent = json.dumps(vendor.asked[0].body)
    assert NATIVELY[ApiType(api_type)] in sent or "output_config" in sent
    assert '"legs"' in sent


@streamed_or_not
@pytest.mark.parametrize("api_type", WIRES)
async def test_without_json_mode_instructions_have_to_do(
    api_type: str, stream: bool, vendor: VendorServer, scoped: Scoped
) -> None:
    vendor.will(Reply(text='{"name": "fox", "legs": 4}'))
    model = await metered(api_type, vendor.url, supports_json_mode=False)
    with scoped():
        assert await described(model, stream=stream) == Animal(name="fox", legs=4)
    body = vendor.asked[0].body
    assert NATIVELY[ApiType(api_type)] not in body
    assert "responseSchema" not in body.get("generationConfig", {})
    assert "legs" in json.dumps(body)


async def test_one_that_cannot_decides_for_all(vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    able = (await metered(ApiType.OPENAI, vendor.url)).candidates
    unable = (await metered(ApiType.OLLAMA, vendor.url, supports_json_mode=False)).candidates
    assert MeteredModel(able).supports_native_structured_outputs
    both = MeteredModel((*able, *unable))
    assert not both.supports_native_structured_outputs
    vendor.will(Reply(status=500), Reply(status=500), Reply(text='{"name": "fox", "legs": 4}'))
    with scoped():
        assert await described(both, stream=True) == Animal(name="fox", legs=4)
    assert len(await usage_rows(run)) == 3


ANIMAL: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "legs": {"type": "integer"}},
    "required": ["name", "legs"],
    "additionalProperties": False,
}


async def wanted(model: MeteredModel, *, stream: bool, tools: list[dict[str, Any]] | None = None) -> None:
    question, said = [Message(role="user", content="Describe a fox")], Message(role="assistant")
    model._ensure_message_metrics_initialized(said)
    if stream:
        assert [delta async for delta in model.ainvoke_stream(question, said, tools)]
    else:
        await model.ainvoke(question, said, tools)


@streamed_or_not
@pytest.mark.parametrize("api_type", WIRES)
async def test_a_json_schema_is_asked_for_by_the_vendors_own_means(
    api_type: str, stream: bool, vendor: VendorServer, scoped: Scoped
) -> None:
    vendor.will(Reply(text='{"name": "fox", "legs": 4}'))
    model = await metered(api_type, vendor.url)
    assert model.want(ANIMAL, has_tools=False)
    with scoped():
        await wanted(model, stream=stream)
    body = vendor.asked[0].body
    asked = {
        ApiType.OPENAI: lambda: body["response_format"]["json_schema"]["schema"],
        ApiType.ANTHROPIC: lambda: (body.get("output_format") or body["output_config"]["format"])["schema"],
        ApiType.GEMINI: lambda: body["generationConfig"]["responseJsonSchema"],
        ApiType.OLLAMA: lambda: body["format"],
    }[ApiType(api_type)]()
    assert asked == ANIMAL


@pytest.mark.parametrize("api_type", ENDPOINTS)
@pytest.mark.parametrize(
    "schema",
    [
        ANIMAL | {"if": {"properties": {"legs": {"const": 2}}}, "then": {"required": ["wings"]}},
        {"type": "object"},
        {"type": "object", "properties": {"any": {}}},
        {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}},
    ],
)
async def test_what_a_vendor_might_not_understand_is_told_in_words(
    api_type: str, schema: dict[str, Any], vendor: VendorServer, run: AgentOSRun
) -> None:
    assert not (await metered(api_type, vendor.url)).want(schema, has_tools=False)


async def test_gemini_takes_either_tools_or_a_shape(vendor: VendorServer, scoped: Scoped) -> None:
    model = await metered(ApiType.GEMINI, vendor.url)
    assert not model.want(ANIMAL, has_tools=True)
    tool = {"type": "function", "function": {"name": "count", "parameters": {"type": "object", "properties": {}}}}
    with scoped():
        await wanted(model, stream=True, tools=[tool])
    assert "responseJsonSchema" not in vendor.asked[0].body["generationConfig"]


async def test_servers_that_speak_like_openai_are_asked_for_json_and_told_the_rest(
    vendor: VendorServer, scoped: Scoped
) -> None:
    model = await metered(ApiType.LLAMACPP, vendor.url)
    assert not model.want(ANIMAL, has_tools=False)
    with scoped():
        await wanted(model, stream=False)
    assert vendor.asked[0].body["response_format"] == {"type": "json_object"}


THINKERS = [ApiType.OPENAI_COMPATIBLE, ApiType.LLAMACPP, ApiType.ANTHROPIC, ApiType.GEMINI, ApiType.OLLAMA]


@streamed_or_not
@pytest.mark.parametrize("api_type", THINKERS)
async def test_what_was_thought_is_shown_where_the_vendor_sends_it(
    api_type: str, stream: bool, vendor: VendorServer, scoped: Scoped
) -> None:
    vendor.will(Reply(text="Red.", thought="Foxes are red."))
    model = await metered(api_type, vendor.url)
    question, said = [Message(role="user", content="What colour?")], Message(role="assistant")
    model._ensure_message_metrics_initialized(said)
    with scoped():
        if stream:
            deltas = [delta async for delta in model.ainvoke_stream(question, said)]
            thought = "".join(delta.reasoning_content or "" for delta in deltas)
            text = "".join(delta.content or "" for delta in deltas)
        else:
            answer = await model.ainvoke(question, said)
            thought, text = answer.reasoning_content or "", str(answer.content)
    assert (thought, text) == ("Foxes are red.", "Red.")


def test_every_platform_is_covered() -> None:
    assert set(THINKERS) | {ApiType.OPENAI, ApiType.GPT4ALL} == set(ENDPOINTS)
