"""The tools of general use, and how tools are registered and called."""

import threading
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from apps.api.errors import InvalidInput
from apps.opie.models import AgentOSMessage, AgentOSSession
from apps.opie.scope import NoRunScope, RunScope, current_scope
from apps.opie.tools import registry
from apps.opie.tools.general import calculate, get_date_and_time, search_my_sessions
from tests.opie.people import Person


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("1 + 1", "2"), ("(1250 * 1.19) / 3", "495.833333333"), ("0.1 + 0.2", "0.3"), ("2 ^ 10", "1024"),
        ("7 // 2", "3"), ("7 % 4", "3"), ("6 × 7", "42"), ("9 ÷ 3", "3"), ("-3 + 5", "2"), ("10 ** 20", "1" + "0" * 20),
    ],
)  # fmt: skip
def test_calculating(expression: str, result: str) -> None:
    assert calculate(expression) == result


@pytest.mark.parametrize(
    "expression",
    [
        "", "1 +", "9 ** 9 ** 9", "1 / 0", "__import__('os')", "open('/etc/passwd')", "(1).__class__", "x + 1",
        "'a' * 10000000", "[1] * 99999999", "lambda: 1", "1 if True else 2" * 100, "((((", "10 ** 100000", "1e400 - 1e400",
        "1 << 100000", "'%099999999d' % 1",
    ],
)  # fmt: skip
def test_what_cannot_be_calculated_says_so_at_once(expression: str) -> None:
    answered: list[str] = []
    thread = threading.Thread(target=lambda: answered.append(calculate(expression)), daemon=True)
    thread.start()
    thread.join(2)
    assert answered, "it is still calculating, or it raised"
    assert len(answered[0]) < 250
    assert "/etc" not in answered[0] or "cannot" in answered[0]


def test_the_time_anywhere() -> None:
    told = get_date_and_time("Asia/Tokyo")
    assert told.endswith("Asia/Tokyo")
    assert f"{datetime.now(ZoneInfo('Asia/Tokyo')):%d %B %Y}" in told
    assert get_date_and_time().endswith("UTC")


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "", "/etc/passwd", "../../etc/passwd", "a\x00b", "x" * 5000, "Europe"]
)
def test_a_zone_that_is_none(zone: str) -> None:
    assert get_date_and_time(zone).startswith("There is no time zone")


def say(person: Person, *texts: str, role: str = "user") -> AgentOSSession:
    session = AgentOSSession.objects.create(user=person.user, team=person.team, title="Plans")
    for number, text in enumerate(texts, start=1):
        AgentOSMessage.objects.create(session=session, number=number, role=role, content=text)
    return session


def test_only_ones_own_earlier_chats_are_searched(person: Person, member: Person) -> None:
    current = say(person, "What did we say about the launch?")
    say(person, "The launch is in May.", "100% sure")
    say(member, "The launch is secret.")
    say(person, "launch results", role="tool")
    scope = RunScope(person.principal, session_id=current.pk)
    found = search_my_sessions(scope, "LAUNCH")
    assert "in May" in found
    assert "secret" not in found
    assert "What did we say" not in found
    assert "results" not in found
    assert search_my_sessions(scope, "100%").count("- ") == 1
    assert "None of the earlier chats" in search_my_sessions(scope, "launch June")
    assert "None of the earlier chats" in search_my_sessions(scope, "_aunch")
    assert search_my_sessions(scope, "  ") == "Say which words to look for."


def test_what_a_model_writes_cannot_break_the_search(person: Person) -> None:
    scope = RunScope(person.principal)
    for query in ("a\x00b", "half \ud800", "x" * 10_000, "'; DROP TABLE", "%" * 50, " ".join("abcdefghijklmnop")):
        assert "None of the earlier chats" in search_my_sessions(scope, query)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "TOOLS", dict(registry.TOOLS))
    registry._callable_for_model.cache_clear()


def called(name: str) -> Any:
    (function,) = registry.functions_for([name])
    return function


async def test_a_sync_tool_runs_beside_the_loop_and_keeps_no_connection(tools: Any, person: Person) -> None:
    seen: list[Any] = []

    def look(scope: RunScope, word: str) -> str:
        """Look.

        Args:
            word: Anything.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        seen.append((threading.current_thread().name, connection))
        return f"{word} for {scope.principal.email}"

    registry.register_tool(look, label="Look")
    function = called("look")
    function.process_entrypoint()
    assert set(function.parameters["properties"]) == {"word"}
    with pytest.raises(NoRunScope):
        await function.entrypoint(word="x")
    token = current_scope.set(RunScope(person.principal))
    try:
        assert await function.entrypoint(word="tea") == "tea for ann@example.com"
    finally:
        current_scope.reset(token)
    name, used = seen[0]
    assert name.startswith("tools")
    assert used.connection is None


async def test_only_errors_that_are_meant_to_be_read_are_told(tools: Any, person: Person) -> None:
    async def pick(number: int) -> str:
        """Pick."""
        if number < 0:
            raise InvalidInput("Pick a number from 0 on.")
        raise OSError("/inside/path")

    registry.register_tool(pick, label="Pick")
    function = called("pick")
    function.process_entrypoint()
    token = current_scope.set(RunScope(person.principal))
    try:
        with pytest.raises(InvalidInput, match="from 0 on"):
            await function.entrypoint(number=-1)
        with pytest.raises(registry.ToolFailed) as failed:
            await function.entrypoint(number=1)
    finally:
        current_scope.reset(token)
    assert "/inside" not in str(failed.value)


def test_tools_that_nobody_registers_any_more_are_left_out() -> None:
    assert [function.name for function in registry.functions_for(["gone", "calculate"])] == ["calculate"]
