"""From one platform to the next: who is asked, what is written down, and what the person is told."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from agno.media import Image
from agno.models.message import Message

from apps.accounts.principal import Principal
from apps.api.errors import LimitExceeded, PlatformFailed
from apps.opie import rows
from apps.opie.models import AgentOSRun, AgentOSUsage, AIPlatform, Limit
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers import CompletionRequest, complete, fallback
from apps.opie.providers.clients import close_clients
from apps.opie.providers.failures import retry_after_of
from apps.opie.providers.foreign import with_usable_ids
from apps.opie.providers.metered import MeteredModel
from tests.opie.providers.asking import add_platform, agent_on, ask, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.opie.providers.storm import WIRES, one_answer
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000" "1f15c4890000000d49444154789c6360000000000200" "01e221bc330000000049454e44ae426082"
)  # fmt: skip
DOWN = Reply(status=500, text="down")


@pytest.fixture
async def second() -> Any:
    """Another vendor."""
    async with VendorServer() as server:
        yield server
        await close_clients()


async def chain(*of: tuple[str, str], **fields: Any) -> MeteredModel:
    """A model with a candidate for each (api_type, address)."""
    made = [await metered(api_type, url, platform_name=f"p{n}", **fields) for n, (api_type, url) in enumerate(of)]
    return MeteredModel(tuple(model.candidates[0] for model in made))


async def told(run: AgentOSRun) -> list[tuple[str, str, str, int]]:
    return [(row.platform_name, row.outcome, row.error_code, row.attempt) for row in await usage_rows(run)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_next_platform_answers_and_every_attempt_is_a_row(
    stream: bool, vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(DOWN)
    model = await chain((ApiType.OPENAI, vendor.url), (ApiType.ANTHROPIC, second.url))
    with scoped():
        assert await one_answer(model, stream=stream) == "The quick brown fox jumps."
    assert await told(run) == [
        ("p0", "failed", "platform_failed", 1),
        ("p0", "failed", "platform_failed", 2),
        ("p1", "succeeded", "", 3),
    ]


async def test_a_second_try_is_enough(vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    vendor.will(Reply(status=503), Reply())
    with scoped():
        assert await one_answer(await chain((ApiType.OPENAI, vendor.url)), stream=True)
    assert [row[1] for row in await told(run)] == ["failed", "succeeded"]


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_what_another_try_would_not_help_goes_straight_on(
    status: int, vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await chain((ApiType.OPENAI, vendor.will(Reply(status=status)).url), (ApiType.OLLAMA, second.url))
    with scoped():
        assert await one_answer(model, stream=True)
    assert [row[:2] for row in await told(run)] == [("p0", "failed"), ("p1", "succeeded")]


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_bad_request_is_told_at_once(
    status: int, vendor: VendorServer, second: VendorServer, scoped: Scoped
) -> None:
    model = await chain((ApiType.OPENAI, vendor.will(Reply(status=status)).url), (ApiType.OLLAMA, second.url))
    with scoped(), pytest.raises(PlatformFailed) as caught:
        await one_answer(model, stream=True)
    assert (caught.value.code, len(vendor.asked), second.asked) == ("platform_refused_request", 1, [])


@pytest.mark.parametrize("api_type", WIRES)
async def test_after_the_first_token_nothing_is_replayed(
    api_type: str, vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(fault="cut", text="One two three four five six seven."))
    model = await chain((api_type, vendor.url), (ApiType.OPENAI, second.url))
    with scoped():
        heard = await ask(agent_on(model), "Count", stream=True)
    assert heard.text.startswith("One")
    assert "broke off in the middle" in heard.error
    assert second.asked == []
    assert await told(run) == [("p0", "interrupted", "platform_interrupted", 1)]


async def test_when_nobody_answers_it_says_who_was_tried(
    vendor: VendorServer, second: VendorServer, scoped: Scoped
) -> None:
    vendor.will(Reply(status=401, text="canary of the vendor"))
    model = await chain((ApiType.OPENAI, vendor.url), (ApiType.GEMINI, second.will(Reply(status=503)).url))
    with scoped(), pytest.raises(PlatformFailed) as caught:
        await one_answer(model, stream=False)
    assert caught.value.code == "platform_busy"
    assert caught.value.message == "p1 is busy at the moment. Try again shortly. Also tried: p0 refused its key."
    assert "canary of the vendor" in str(caught.value.__cause__), "operators see every cause"


@pytest.mark.parametrize("fault", ["cut_clean", "empty"])
@pytest.mark.parametrize("api_type", WIRES)
async def test_what_is_no_answer_is_asked_for_elsewhere(
    fault: str, api_type: str, vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(text="", fault="end_early" if fault == "cut_clean" else ""))
    model = await chain((api_type, vendor.url), (ApiType.OPENAI, second.url))
    with scoped():
        assert await one_answer(model, stream=True) == "The quick brown fox jumps."
    assert [row[1:3] for row in await told(run)] == [("failed", "platform_failed")] * 2 + [("succeeded", "")]


@pytest.mark.parametrize("api_type", WIRES)
async def test_a_stream_that_ends_too_early_is_no_whole_answer(
    api_type: str, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await chain((api_type, vendor.will(Reply(fault="end_early", text="One two three four.")).url))
    with scoped():
        heard = await ask(agent_on(model), "Count", stream=True)
    assert "broke off in the middle" in heard.error
    (row,) = await usage_rows(run)
    assert (row.outcome, row.certainty) == (CallOutcome.INTERRUPTED, Certainty.ESTIMATED)
    if api_type == ApiType.ANTHROPIC:  # it says at the start what it bills for the question
        assert (row.input_tokens, row.cached_tokens) == (120, 64)


@pytest.mark.parametrize(("said", "attempts", "pause"), [("0.05", 2, 0.05), ("30", 1, 0.0)])
async def test_retry_after_is_obeyed_or_the_next_one_asked(
    said: str, attempts: int, pause: float, vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(status=429, retry_after=said))
    model = await chain((ApiType.OPENAI, vendor.url), (ApiType.OLLAMA, second.url))
    before = asyncio.get_running_loop().time()
    with scoped():
        await one_answer(model, stream=True)
    assert asyncio.get_running_loop().time() - before >= pause
    assert len(vendor.asked) == attempts


async def test_the_person_is_told_when_to_come_back(vendor: VendorServer, scoped: Scoped) -> None:
    model = await chain((ApiType.ANTHROPIC, vendor.will(Reply(status=529, retry_after="17")).url))
    with scoped(), pytest.raises(PlatformFailed) as caught:
        await one_answer(model, stream=False)
    assert (caught.value.code, caught.value.headers["Retry-After"]) == ("platform_busy", "17")


def test_pauses_grow_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    cause = fallback.Cause(candidate=None, failure=None)  # type: ignore[arg-type]
    policy = fallback.Fallback.__new__(fallback.Fallback)
    for tries, longest in ((1, 0.5), (2, 1.0)):
        policy._tries = tries
        pauses = {policy._pause_after(cause) for _ in range(50)}
        assert len(pauses) > 40
        assert longest / 2 <= min(pauses) <= max(pauses) <= longest


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": "3"}, "", 3.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, "", 0.0),
        ({"retry-after": "soon"}, "", None),
        ({}, '{"@type": "RetryInfo", "retryDelay": "21s"}', 21.0),
    ],
)
def test_when_to_come_back_in_every_vendors_words(headers: dict[str, str], text: str, seconds: float | None) -> None:
    class Said:
        pass

    error, response = RuntimeError(text), Said()
    response.headers = headers  # type: ignore[attr-defined]
    error.response = response  # type: ignore[attr-defined]
    assert retry_after_of(error) == seconds


@pytest.mark.parametrize("first", WIRES)
@pytest.mark.parametrize("then", WIRES)
async def test_a_loop_of_tools_goes_on_at_another_vendor(
    first: str, then: str, vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    """The first asks for the tool and fails when it is told the result; the second understands what was said."""
    vendor.will(Reply(tool="add_numbers", arguments={"first": 19, "second": 23}), DOWN)
    model = await chain((first, vendor.url), (then, second.will(Reply(text="It is 42.")).url))
    with scoped():
        heard = await ask(agent_on(model), "What is 19 + 23?", stream=True)
    assert (heard.text, heard.tools) == ("It is 42.", [("add_numbers", "The sum is 42.")])
    (asked,) = second.asked
    sent = str(asked.body)
    assert "The sum is 42." in sent
    assert "add_numbers" in sent
    if then == ApiType.OPENAI:
        call, result = asked.body["messages"][-2:]
        assert call["tool_calls"][0]["id"] == result["tool_call_id"] != ""
    if then == ApiType.ANTHROPIC:
        call, result = asked.body["messages"][-2:]
        assert call["content"][-1]["id"] == result["content"][0]["tool_use_id"] != ""
    if then == ApiType.GEMINI:
        part = next(p for c in asked.body["contents"] for p in c["parts"] if "functionCall" in p)
        assert bool(part.get("thoughtSignature")) == (first != then)


async def test_signatures_of_one_vendor_go_to_no_other(
    vendor: VendorServer, second: VendorServer, scoped: Scoped
) -> None:
    vendor.will(DOWN)
    model = await chain((ApiType.OPENAI, vendor.url), (ApiType.ANTHROPIC, second.url))
    history = [
        Message(role="user", content="Hello"),
        Message(
            role="assistant",
            content="Hi.",
            reasoning_content="hm",
            provider_data={"signature": "canary", "content_blocks": [{"type": "text", "text": "canary"}]},
        ),
        Message(role="user", content="Again"),
    ]
    said = Message(role="assistant")
    model._ensure_message_metrics_initialized(said)
    with scoped():
        await model.ainvoke(history, said)
    assert "Hi." in str(second.asked[0].body)
    assert "canary" not in str(second.asked[0].body)


def test_every_tool_call_has_an_id_that_every_vendor_takes() -> None:
    calls = [{"id": None}, {"id": "a.b:c"}, {"id": "x" * 60}, {"id": "call_1"}, {"id": "call_1"}]
    ids = [call["id"] for call in with_usable_ids(calls)]
    assert len(set(ids)) == 5
    assert ids[3] == "call_1"
    assert all(name.replace("_", "").replace("-", "").isalnum() and len(name) <= 40 for name in ids)


async def ask_with_image(model: MeteredModel, *, stream: bool) -> str:
    question = [Message(role="user", content="What is this?", images=[Image(content=PIXEL, format="png")])]
    said = Message(role="assistant")
    model._ensure_message_metrics_initialized(said)
    if not stream:
        return str((await model.ainvoke(question, said)).content)
    return "".join([delta.content or "" async for delta in model.ainvoke_stream(question, said)])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api_type", WIRES)
async def test_an_image_reaches_the_model(api_type: str, stream: bool, vendor: VendorServer, scoped: Scoped) -> None:
    with scoped():
        await ask_with_image(await chain((api_type, vendor.url)), stream=stream)
    assert "iVBORw0KGgo" in str(vendor.asked[0].body)


async def test_an_image_goes_to_one_that_sees(
    vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    blind, seeing = (await chain((ApiType.OPENAI, vendor.url), (ApiType.OLLAMA, second.url))).candidates
    blind = replace(blind, platform=replace(blind.platform, supports_vision=False))
    with scoped():
        await ask_with_image(MeteredModel((blind, seeing)), stream=True)
        with pytest.raises(PlatformFailed, match="does not see images") as caught:
            await ask_with_image(MeteredModel((blind,)), stream=True)
    assert caught.value.code == "platform_limit_exceeded"
    assert vendor.asked == []
    assert [row[:3] for row in await told(run)] == [
        ("p0", "unsent", "platform_limit_exceeded"),
        ("p1", "succeeded", ""),
        ("p0", "unsent", "platform_limit_exceeded"),
    ]


async def test_what_is_longer_than_the_context_window_is_not_sent(vendor: VendorServer, scoped: Scoped) -> None:
    model = await chain((ApiType.ANTHROPIC, vendor.url))
    question, said = [Message(role="user", content="word " * 3_000_000)], Message(role="assistant")
    with scoped(), pytest.raises(PlatformFailed, match=r"it takes \d+ tokens, and this has about \d+"):
        await model.ainvoke(question, said)
    assert vendor.asked == []


async def test_a_longer_answer_than_the_platform_gives_is_not_asked_for(vendor: VendorServer, scoped: Scoped) -> None:
    (candidate,) = (await chain((ApiType.OPENAI, vendor.url), max_tokens=1000)).candidates
    with scoped(), pytest.raises(PlatformFailed, match="an answer may have 1000 tokens at most"):
        await complete(CompletionRequest((candidate,), (("user", "Hello"),), max_tokens=1001))
    assert vendor.asked == []


async def test_a_completion_outside_an_agent(
    vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(DOWN)
    candidates = (await chain((ApiType.OPENAI, vendor.url), (ApiType.ANTHROPIC, second.url))).candidates
    with scoped(purpose="summary"):
        said = await complete(CompletionRequest(candidates, (("system", "Be brief."), ("user", "Hello"))))
    assert (said.content, said.platform, said.tokens and said.tokens.input) == ("The quick brown fox jumps.", "p1", 120)
    row = await rows.run(AgentOSUsage.objects.get, pk=said.call_id)
    assert (row.purpose, row.cost, row.attempt) == ("summary", said.cost, 3)


async def test_the_platforms_own_limit_is_a_reason_to_ask_the_next(
    vendor: VendorServer, second: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await chain((ApiType.OPENAI, vendor.url), (ApiType.OLLAMA, second.url))
    first = model.candidates[0]
    model = MeteredModel((replace(first, platform=replace(first.platform, requests_per_minute=1)), model.candidates[1]))
    with scoped():
        for _ in range(2):
            await one_answer(model, stream=False)
    assert [row[:3] for row in await told(run)] == [
        ("p0", "succeeded", ""),
        ("p0", "unsent", "platform_limit_reached"),
        ("p1", "succeeded", ""),
    ]


async def test_the_persons_own_limit_is_none(
    vendor: VendorServer, second: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    await rows.run(Limit.objects.create, team_id=principal.team_id, requests_per_minute=1)
    model = await chain((ApiType.OPENAI, vendor.url), (ApiType.OLLAMA, second.url))
    with scoped():
        await one_answer(model, stream=False)
        with pytest.raises(LimitExceeded) as caught:
            await one_answer(model, stream=False)
    assert "Retry-After" in caught.value.headers
    assert [row[:2] for row in await told(run)] == [("p0", "succeeded")]


def test_a_key_that_cannot_be_read_takes_nobody_with_it(principal: Principal, settings: Any) -> None:
    from cryptography.fernet import Fernet

    from apps.opie.models import Agent, PlatformHealth
    from apps.opie.providers.choice import candidates_for

    settings.OPIE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    lost = add_platform(ApiType.OPENAI, "http://127.0.0.1:9", platform_name="lost")
    settings.OPIE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    add_platform(ApiType.ANTHROPIC, "http://127.0.0.1:9")
    agent = Agent.objects.create(agent_id="helper", name="Helper", team_id=principal.team_id)
    assert [one.platform.platform_name for one in candidates_for(agent, principal)] == ["anthropic"]
    assert PlatformHealth.objects.get(platform=lost).reason == "platform_key_unreadable"
    row = AIPlatform.objects.get(pk=lost.pk)
    row.priority = 7
    row.save()  # and nothing of the key is lost by saving the row
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM opie_aiplatform WHERE id = %s", [lost.pk])
        assert len(cursor.fetchone()[0]) > 50
