"""DjangoDb under an agent that records itself: the recorder writes, Agno reads, and neither undoes the other."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from agno.models.message import Message

from apps.opie import rows
from apps.opie.agentos.db import DjangoDb
from apps.opie.agentos.service import AgentOSService
from apps.opie.models import Agent, AgentOSMessage, AgentOSSession
from apps.opie.providers.offline import OfflineResponder
from tests.opie.agentos.conftest import Person

Seen = list[list[tuple[str, str]]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What the model was given, call by call, without the system message."""
    calls: Seen = []
    asked = OfflineResponder.ainvoke_stream

    async def noting(self: OfflineResponder, messages: list[Message], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        calls.append([(one.role, str(one.content)) for one in messages if one.role != "system"])
        async for part in asked(self, messages, *args, **kwargs):
            yield part

    monkeypatch.setattr(OfflineResponder, "ainvoke_stream", noting)
    return calls


async def test_the_model_is_asked_once_and_knows_what_was_said(seen: Seen, ann: Person, assistant: Agent) -> None:
    service = await rows.run(lambda: AgentOSService(ann.principal))
    first = await (await service.open_turn("assistant", "one")).result()
    await (await service.open_turn("assistant", "two", first.session_id)).result()
    assert seen == [[("user", "one")], [("user", "one"), ("assistant", first.content), ("user", "two")]]


async def test_what_failed_is_no_history(seen: Seen, ann: Person, assistant: Agent) -> None:
    service = await rows.run(lambda: AgentOSService(ann.principal))
    first = await (await service.open_turn("assistant", "one")).result()
    await rows.run(lambda: AgentOSMessage.objects.filter(is_answer=True).update(status="failed"))
    await (await service.open_turn("assistant", "two", first.session_id)).result()
    assert seen[-1] == [("user", "two")]


async def test_agno_leaves_the_session_as_it_is(ann: Person, assistant: Agent) -> None:
    service = await rows.run(lambda: AgentOSService(ann.principal))
    turn = await service.open_turn("assistant", "one")
    await rows.run(lambda: AgentOSSession.objects.update(title="Renamed meanwhile"))
    await turn.result()
    session = await rows.run(AgentOSSession.objects.get)
    assert (session.title, session.metadata) == ("Renamed meanwhile", {})
    numbers = await rows.run(lambda: list(AgentOSMessage.objects.order_by("number").values_list("number", flat=True)))
    assert numbers == [1, 2]


async def test_a_name_that_agno_only_read_does_not_undo_a_new_one(ann: Person, assistant: Agent) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    made = await rows.run(lambda: AgentOSService(ann.principal).create_session("assistant", "Before"))
    held = await db.get_session(str(made.pk))
    await db.rename_session(str(made.pk), None, "After")
    await db.upsert_session(held)
    assert (await rows.run(AgentOSSession.objects.get)).title == "After"
    held.session_data["session_name"] = "By Agno"
    await db.upsert_session(held)
    assert (await rows.run(AgentOSSession.objects.get)).title == "By Agno"
