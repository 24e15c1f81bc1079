"""The offline responder: what it understands, and that it runs, streams and is counted like any model."""

import asyncio
import socket
from typing import Any

import pytest
from agno.agent import Agent

from apps.opie import rows
from apps.opie.models import AgentOSRun, AIPlatform
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.metered import MeteredModel
from apps.opie.providers.offline_rules import INTRODUCTION, Say, UseTool, present, reply_to
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot
from tests.opie.providers.asking import ask, usage_rows
from tests.opie.providers.people import Scoped

TOOLS = frozenset({"calculate", "get_date_and_time", "search_my_sessions"})


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("What is 17*23?", "17*23"),
        ("17 * 23", "17 * 23"),
        ("what's (3+4)*2 = ?", "(3+4)*2"),
        ("How much is 15% of 80?", "15 / 100 * 80"),
        ("What is 12 times 12 plus 1", "12 * 12 + 1"),
        ("What is 1,234 + 6?", "1234 + 6"),
        ("Please calculate -5 + 3.", "-5 + 3"),
        ("compute 2^10", "2 ** 10"),
        ("What is 10 divided by 4?", "10 / 4"),
        ("What is 7 × 8?", "7 * 8"),
    ],
)
def test_arithmetic_goes_to_the_calculator(text: str, expression: str) -> None:
    assert reply_to(text, TOOLS) == UseTool("calculate", {"expression": expression})


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("What time is it?", {}),
        ("what is the date today", {}),
        ("What time is it in Tokyo?", {"time_zone": "Asia/Tokyo"}),
        ("What day is it in New York right now?", {"time_zone": "America/New_York"}),
        ("current time in Europe/Berlin", {"time_zone": "Europe/Berlin"}),
        ("What time is it in Atlantis?", {}),
    ],
)
def test_the_time_goes_to_the_clock(text: str, arguments: dict[str, str]) -> None:
    assert reply_to(text, TOOLS) == UseTool("get_date_and_time", arguments)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("search for rust in my chats", "rust"),
        ('Find "ownership rules" in my past conversations', "ownership rules"),
        ("find what we said about invoices in my sessions", "invoices"),
        ("search my sessions for blue whales", "blue whales"),
    ],
)
def test_looking_back_goes_to_the_search(text: str, query: str) -> None:
    assert reply_to(text, TOOLS) == UseTool("search_my_sessions", {"query": query})


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "write 2-3 sentences about cats",
        "On 2026-11-21 what happened?",
        "find me a good book",
        "(((",
        "1 +",
    ],
)
def test_for_the_rest_it_says_what_it_is(text: str) -> None:
    reply = reply_to(text, TOOLS)
    assert isinstance(reply, Say)
    assert reply.text.startswith(INTRODUCTION)
    assert "OPENAI_API_KEY" in reply.text
    assert "setup_platforms" in reply.text
    assert "arithmetic" in reply.text


def test_it_offers_only_the_tools_that_it_was_given() -> None:
    reply = reply_to("What is 17*23?", frozenset({"get_date_and_time"}))
    assert isinstance(reply, Say)
    assert "date and time" in reply.text
    assert "arithmetic" not in reply.text
    nothing = reply_to("What is 17*23?", frozenset())
    assert isinstance(nothing, Say)
    assert "tools of this agent" not in nothing.text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (("calculate", "391", False), "The result is 391."),
        (("calculate", '{"result": 391}', False), "The result is result: 391."),
        (("get_date_and_time", "Saturday, 10:00 UTC.", False), "It is Saturday, 10:00 UTC."),
        (("search_my_sessions", '[{"title": "Rust"}]', False), "- title: Rust"),
        (("search_my_sessions", "", False), "it found nothing"),
        (("calculate", "division by zero", True), "could not help: division by zero"),
        (("calculate", "", True), "could not help: it said nothing."),
        (("some_other", "42", False), "The tool some_other says: 42"),
    ],
)
def test_results_are_told_in_a_sentence(result: tuple[str, str, bool], words: str) -> None:
    text = present([result]).text
    assert words in text
    assert "offline responder" in text


def calculate(expression: str) -> str:
    """Work out an expression.

    Args:
        expression: The arithmetic.
    """
    return {"17*23": "391"}[expression]


@pytest.fixture
def offline(transactional_db: None) -> MeteredModel:
    row = AIPlatform.objects.create(
        platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline-responder"
    )
    return MeteredModel((Candidate(PlatformSnapshot.of(row), "offline-responder", max_tokens=100, temperature=0.8),))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_it_runs_in_an_agent_without_a_network(
    stream: bool,
    offline: MeteredModel,
    run: AgentOSRun,
    scoped: Scoped,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.OPIE_OFFLINE_PAUSE_MS = 0
    only_the_database(monkeypatch)
    with scoped():
        heard = await ask(Agent(model=offline, tools=[calculate], telemetry=False), "What is 17*23?", stream=stream)
    assert heard.text.startswith("The result is 391.")
    assert heard.tools == [("calculate", "391")]
    calls = await usage_rows(run)
    assert [(row.outcome, row.certainty, row.cost) for row in calls] == [
        (CallOutcome.SUCCEEDED, Certainty.ESTIMATED, 0)
    ] * 2
    assert all(row.input_tokens and row.output_tokens for row in calls)


async def test_its_stream_can_be_seen_and_stopped(
    offline: MeteredModel, run: AgentOSRun, scoped: Scoped, settings: Any
) -> None:
    settings.OPIE_OFFLINE_PAUSE_MS = 20
    pieces: list[str] = []

    async def listen() -> None:
        async for event in Agent(model=offline, telemetry=False).arun("hello", stream=True):
            pieces.append(str(event.content or ""))

    with scoped():
        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.5)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
    assert 3 < len(pieces) < 40
    (row,) = await usage_rows(run)
    assert row.outcome == CallOutcome.CANCELLED
    assert await rows.run(lambda: AgentOSRun.objects.count()) == 1


def only_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else opens a connection fails. (The database is reached through libpq, not through Python's sockets.)"""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"the offline responder opened a connection: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)
