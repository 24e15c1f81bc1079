"""Turns that are asked for, and a loop that is left clean."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from apps.opie.agentos.service import AgentOSService
from apps.opie.engine import turn as turns
from apps.opie.engine.turn import Turn
from apps.opie.events import RunEvent
from apps.opie.models.platforms import ApiType
from apps.opie.providers.registry import get_registry
from tests.opie.engine.scripted import Script
from tests.opie.people import Person

Asks = Callable[..., Awaitable[Turn]]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """What the platform `scripted` says."""
    written = Script()
    monkeypatch.setitem(get_registry(), str(ApiType.OPENAI_COMPATIBLE), written.adapter())
    return written


@pytest.fixture
async def ask(agents: dict[str, Any]) -> AsyncIterator[Asks]:
    """Ask an agent as the service does; what is still running at the end of the test is stopped and settled."""

    async def asked(
        person: Person, text: str = "Hello", agent: str = "scripted", session_id: UUID | str | None = None
    ) -> Turn:
        return await AgentOSService(person.principal).open_turn(agent, text, session_id)

    yield asked
    left = list(turns._tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def all_events(turn: Turn, after: int = 0) -> list[RunEvent]:
    """Every event of the run, until its last."""
    return [event async for batch in turn.events(after) for event in batch]


async def until(turn: Turn, kind: str) -> list[RunEvent]:
    """The events up to the first of this kind; then the reader leaves."""
    seen: list[RunEvent] = []
    async for batch in turn.events():
        for event in batch:
            seen.append(event)
            if event.type == kind:
                return seen
    return seen
