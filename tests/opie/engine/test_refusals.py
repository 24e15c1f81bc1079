"""Calls of tools with arguments that do not fit: the model is told in plain words, and may call again."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from apps.opie import rows
from apps.opie.models import Agent
from apps.opie.scope import RunScope
from apps.opie.tools import registry
from tests.opie.engine.conftest import Asks
from tests.opie.engine.scripted import Script, Tool
from tests.opie.people import Person


def book(
    scope: RunScope, room: str, seats: int = 1, days: list[int] | None = None, view: Literal["sea", "yard"] = "sea"
) -> str:
    """Book a room.

    Args:
        room: Which.
        seats: How many.
        days: On which.
        view: Of what.
    """
    return f"{room} with {seats} for {scope.principal.email}"


THERE_IS = (
    "It takes room (text), seats (whole number, optional), days (list, optional), view (one of sea/yard, optional)."
)
CALLS: list[tuple[dict[str, Any], str]] = [
    ({"rooom": "A"}, f"book cannot be called like that. The argument room is missing. There is no argument rooom. {THERE_IS}"),
    ({"room": "A", "scope": "me"}, f"book cannot be called like that. There is no argument scope. {THERE_IS}"),
    (
        {"room": "A", "seats": "many", "days": [1, "x"]},
        "book cannot be called like that. The argument seats does not fit: input should be a valid integer, unable to parse"
        " string as an integer. The argument days.1 does not fit: input should be a valid integer, unable to parse string as"
        f" an integer. {THERE_IS}",
    ),
    ({"room": "A", "view": "car park"}, f"book cannot be called like that. The argument view does not fit: input should be 'sea' or 'yard'. {THERE_IS}"),
    ({"room": "A"} | {f"extra{number}": 1 for number in range(9)}, "And 4 more."),
    ({"room": "A", "seats": "2"}, "A with 2 for ann@example.com"),
    ({"room": "A\0"}, "A with 1 for ann@example.com"),
    ({"room": 7}, "7 with 1 for ann@example.com"),
]  # fmt: skip


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "TOOLS", dict(registry.TOOLS))
    registry.register_tool(book, label="Book")
    yield
    registry._callable_for_model.cache_clear()


async def test_a_model_is_told_which_argument_is_wrong_and_what_there_is(
    ask: Asks, person: Person, agents: dict[str, Agent], script: Script, tools: None
) -> None:
    await rows.run(Agent.objects.filter(agent_id="scripted").update, tools=["book"])
    script.will([Tool("book", arguments) for arguments, _ in CALLS], ["I see."])
    result = await (await ask(person, "Book it")).result()
    told = [str(message.content) for message in script.heard[1] if message.role == "tool"]
    assert [one["result"] for one in result.tools] == told
    assert [one["failed"] for one in result.tools] == [True] * 5 + [False] * 3
    assert [text for (_, text), one in zip(CALLS, told, strict=True) if text not in one] == [], told
    assert "pydantic" not in "".join(told)


def test_every_tool_that_is_registered_says_what_there_is() -> None:
    for name in registry.TOOLS:
        (function,) = registry.functions_for([name])
        function.process_entrypoint()
        with pytest.raises(
            Exception, match=f"^{name} cannot be called like that. .*There is no argument no_such_thing"
        ) as refused:
            function.entrypoint(no_such_thing=1).send(None)
        assert "http" not in str(refused.value)
