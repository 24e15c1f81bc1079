"""How calls end that do not end well: what the person is told, what is written down, and what is kept out of logs."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Iterator

import pytest
from agno.models.message import Message
from django.conf import settings

from apps.api.errors import PlatformFailed
from apps.opie import rows
from apps.opie.models import AgentOSRun, AgentOSUsage
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.metered import MeteredModel
from apps.opie.scope import NoRunScope
from tests.opie.providers.asking import ENDPOINTS, KEY, agent_on, ask, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

each_platform = pytest.mark.parametrize("api_type", list(ENDPOINTS))
WIRES = (ApiType.OPENAI, ApiType.ANTHROPIC, ApiType.GEMINI, ApiType.OLLAMA)
each_wire = pytest.mark.parametrize("api_type", WIRES)
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

QUESTION = [Message(role="user", content="Say something about a fox.")]


async def answer(model: MeteredModel, *, stream: bool) -> str:
    """One call without an agent around it, which would turn its error into an event."""
    said = Message(role="assistant")
    model._ensure_message_metrics_initialized(said)
    if not stream:
        return str((await model.ainvoke(QUESTION, said)).content)
    return "".join([delta.content or "" async for delta in model.ainvoke_stream(QUESTION, said)])


async def failure(model: MeteredModel, *, stream: bool) -> PlatformFailed:
    with pytest.raises(PlatformFailed) as caught:
        await answer(model, stream=stream)
    return caught.value


REFUSALS = {
    "bad key": (Reply(status=401, text=f"Incorrect API key provided: {KEY}."), "platform_key_refused"),
    "not allowed": (Reply(status=403, text="Forbidden"), "platform_key_refused"),
    "no credit": (Reply(status=402, text="Payment required"), "platform_account_empty"),
    "no quota": (
        Reply(status=429, text="You exceeded your current quota.", error_code="insufficient_quota"),
        "platform_account_empty",
    ),
    "too many": (Reply(status=429, text="Slow down"), "platform_busy"),
    "no such model": (Reply(status=404, text="model not found"), "platform_refused_request"),
    "bad request": (Reply(status=400, text="Unknown parameter"), "platform_refused_request"),
    "broken": (Reply(status=500, text="Internal error"), "platform_failed"),
    "overloaded": (Reply(status=503, text="Overloaded"), "platform_busy"),
}


WORTH_ANOTHER_TRY = ("too many", "broken", "overloaded")


@each_wire
@streamed_or_not
async def test_a_refusal_is_told_written_down_and_costs_nothing(
    api_type: str, stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await metered(api_type, vendor.url)
    before = 0
    for kind, (reply, code) in REFUSALS.items():
        vendor.will(reply).asked.clear()
        with scoped():
            error = await failure(model, stream=stream)
        assert error.code == code, kind
        assert api_type in error.message
        assert reply.text not in error.message
        fresh = (await usage_rows(run))[before:]
        before += len(fresh)
        assert len(vendor.asked) == len(fresh) == (2 if kind in WORTH_ANOTHER_TRY else 1), kind
        for number, row in enumerate(fresh, start=1):
            assert (row.outcome, row.error_code, row.attempt) == (CallOutcome.FAILED, code, number), kind
            assert (row.input_tokens, row.output_tokens) == (0, 0), kind


@streamed_or_not
async def test_a_platform_that_is_not_there(
    stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for api_type in ENDPOINTS:
        model = await metered(api_type, f"http://127.0.0.1:{port}")
        with scoped():
            error = await failure(model, stream=stream)
        assert error.code == "platform_unreachable", api_type
        *_, row = await usage_rows(run)
        assert (row.outcome, row.error_code) == (CallOutcome.UNSENT, "platform_unreachable"), api_type
    assert await rows.run(lambda: AgentOSUsage.objects.calls().count()) == 0


@each_wire
async def test_a_stream_that_breaks_keeps_what_came(
    api_type: str, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await metered(api_type, vendor.will(Reply(fault="cut", text="One two three four five six seven.")).url)
    with scoped():
        heard = await ask(agent_on(model), "Count", stream=True)
    assert heard.text.startswith("One")
    assert "broke off in the middle" in heard.error
    (row,) = await usage_rows(run)
    assert (row.outcome, row.error_code) == (CallOutcome.INTERRUPTED, "platform_interrupted")
    assert row.output_tokens
    assert len(vendor.asked) == 1


@each_wire
async def test_an_answer_that_breaks_before_its_first_word(
    api_type: str, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await metered(api_type, vendor.will(Reply(fault="cut")).url)
    with scoped():
        error = await failure(model, stream=False)
    assert error.code == "platform_failed"
    calls = await usage_rows(run)
    assert [row.attempt for row in calls] == [1, 2]
    for row in calls:
        assert (row.outcome, row.certainty, row.output_tokens) == (CallOutcome.FAILED, Certainty.ESTIMATED, 0)
        assert row.input_tokens


@streamed_or_not
async def test_silence_ends_at_the_timeout(stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    vendor.will(Reply(fault="hang_first"))
    models = [await metered(api_type, vendor.url, timeout=1) for api_type in WIRES]
    with scoped():
        errors = await asyncio.gather(*(failure(model, stream=stream) for model in models))
    assert [error.code for error in errors] == ["platform_timeout"] * len(WIRES)
    for row in await usage_rows(run):
        assert (row.outcome, row.certainty) == (CallOutcome.FAILED, Certainty.ESTIMATED)
        assert 900 <= (row.latency_ms or 0) < 3000


@streamed_or_not
async def test_a_web_page_is_no_answer(stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    vendor.will(Reply(fault="not_json"))
    for api_type in WIRES:
        model = await metered(api_type, vendor.url)
        with scoped():
            error = await failure(model, stream=stream)
        assert error.code == "platform_failed", api_type
        *_, row = await usage_rows(run)
        assert row.outcome == CallOutcome.FAILED, api_type


@streamed_or_not
async def test_no_key_follows_a_redirect(stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    async with VendorServer() as elsewhere:
        vendor.will(Reply(status=307, text="Moved", location=f"{elsewhere.url}/v1/chat/completions"))
        for api_type in ENDPOINTS:
            model = await metered(api_type, vendor.url)
            with scoped():
                await failure(model, stream=stream)
            assert elsewhere.asked == [], api_type
    assert {row.outcome for row in await usage_rows(run)} == {CallOutcome.FAILED}


@each_wire
async def test_a_cancelled_stream_is_settled(
    api_type: str, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    """Cancelled while the platform is silent in the middle of its answer."""
    model = await metered(
        api_type, vendor.will(Reply(fault="hang", text="One two three four five six.")).url, timeout=60
    )
    with scoped():
        asking = asyncio.create_task(ask(agent_on(model), "Count", stream=True))
        await until(lambda: len(vendor.asked) == 1)
        await asyncio.sleep(0.2)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
    (row,) = await usage_rows(run)
    assert (row.outcome, row.certainty) == (CallOutcome.CANCELLED, Certainty.ESTIMATED)
    assert row.output_tokens
    assert row.finished_at is not None


async def test_a_cancelled_call_is_settled_even_when_it_is_cancelled_twice(
    vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    """Cancelled again while the settlement waits behind other work for the rows."""
    model = await metered(ApiType.OPENAI, vendor.will(Reply(fault="hang_first")).url)
    enough = threading.Event()
    with scoped():
        asking = asyncio.create_task(answer(model, stream=False))
        await until(lambda: len(vendor.asked) == 1)
        others = [asyncio.create_task(rows.run(enough.wait, 5)) for _ in range(settings.DATABASE_POOL_SIZE)]
        await asyncio.sleep(0.05)
        for _ in range(2):
            asking.cancel()
            await asyncio.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await asking
        enough.set()
        await asyncio.gather(*others)
    row = await settled(run)
    assert row.outcome == CallOutcome.CANCELLED


async def test_a_call_cancelled_before_it_was_made_is_no_call(
    vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    model = await metered(ApiType.OPENAI, vendor.url)
    with scoped():
        asking = asyncio.create_task(answer(model, stream=False))
        await asyncio.sleep(0)  # as far as the row, which is being written in a thread
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    row = await settled(run)
    assert (row.outcome, row.cost) == (CallOutcome.UNSENT, 0)
    assert vendor.asked == []


async def test_a_reader_who_leaves_settles_the_call(vendor: VendorServer, run: AgentOSRun, scoped: Scoped) -> None:
    vendor.pause = 0.01
    model = await metered(ApiType.OPENAI, vendor.url)
    said = Message(role="assistant")
    model._ensure_message_metrics_initialized(said)
    with scoped():
        stream = model.ainvoke_stream(QUESTION, said)
        async for delta in stream:
            if delta.content:
                break
        await stream.aclose()  # type: ignore[attr-defined]
    (row,) = await usage_rows(run)
    assert row.outcome == CallOutcome.CANCELLED


async def test_nothing_is_spent_that_belongs_to_nobody(vendor: VendorServer, principal: object) -> None:
    model = await metered(ApiType.OPENAI, vendor.url)
    with pytest.raises(NoRunScope):
        await answer(model, stream=False)
    assert vendor.asked == []
    assert await rows.run(AgentOSUsage.objects.count) == 0


async def test_synchronous_calls_are_refused(vendor: VendorServer, principal: object) -> None:
    model = await metered(ApiType.OPENAI, vendor.url)
    with pytest.raises(NotImplementedError, match="asynchronously"):
        model.invoke(QUESTION)
    with pytest.raises(NotImplementedError, match="asynchronously"):
        model.invoke_stream(QUESTION)


@contextlib.contextmanager
def everything_logged() -> Iterator[list[str]]:
    """All records of all loggers, Agno's included, which do not pass theirs on."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter("%(name)s %(message)s").format(record))

    listener, root = Listener(), logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("agno", "agno-team", "agno-workflow"))]
    before = [(one, one.level) for one in loggers]
    for one in loggers:
        one.addHandler(listener)
        one.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        for one, level in before:
            one.removeHandler(listener)
            one.setLevel(level)


@each_wire
@streamed_or_not
async def test_no_key_in_any_log_or_error(
    api_type: str, stream: bool, vendor: VendorServer, run: AgentOSRun, scoped: Scoped, caplog: pytest.LogCaptureFixture
) -> None:
    """The platform repeats the key in the error that refuses it, and everything logs at its most talkative."""
    caplog.set_level(logging.DEBUG)
    vendor.will(Reply(status=401, text=f"Nobody here knows {KEY}."))
    model = await metered(api_type, vendor.url)
    with everything_logged() as lines, scoped():
        error = await failure(model, stream=stream)
        logging.getLogger("host").error("as a host would log it", exc_info=error)
    everything = "\n".join(lines) + caplog.text
    assert "Nobody here knows [key]" in everything
    assert KEY not in everything
    assert KEY not in repr(model.candidates)


async def until(condition: object) -> None:
    """Wait for something that happens in another task."""
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event to set
            await asyncio.sleep(0.01)


async def settled(run: AgentOSRun) -> AgentOSUsage:
    """The one call of the run, once it is settled: a call whose caller is gone is settled in the background."""
    async with asyncio.timeout(5):
        while True:
            calls = await usage_rows(run)
            if calls and calls[0].outcome != CallOutcome.OPEN:
                assert len(calls) == 1
                return calls[0]
            await asyncio.sleep(0.01)
