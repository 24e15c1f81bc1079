"""A host answers by rule for an agent of its own, when no platform can: over the real wire, with every platform failing."""

from typing import Any

import pytest

from apps.api.errors import InvalidInput
from apps.opie import checks, extend
from apps.opie.models import AgentOSMessage, AgentOSUsage
from apps.opie.providers import responders
from apps.opie.scope import RunScope
from tests.opie.people import Person
from tests.opie.rest.caller import call

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responders, "_responders", {})
    monkeypatch.setattr(responders, "_taken", [])


def ask(person: Person, agent_id: str, message: str = "What do I owe?") -> Any:
    return call("POST", "agentos/send-message/", {"agent_id": agent_id, "message": message}, person.headers)


def test_it_takes_the_place_of_platforms_that_fail(person: Person, agents: Any) -> None:
    def respond(scope: RunScope, text: str) -> str:
        """Rows are at hand: this is where tools run."""
        scope.notes["answered_by"] = {"layer": "keywords", "rows": AgentOSMessage.objects.count()}
        return f"{scope.principal.email} asked: {text}"

    extend.register_responder("broken", respond)
    answer = ask(person, "broken")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["content"] == "ann@example.com asked: What do I owe?"
    assert body["platform"] == "offline"
    message = AgentOSMessage.objects.get(pk=body["message_id"])
    assert message.metadata["notes"] == {
        "answered_by": {"layer": "keywords", "rows": 1},
        "layer": "keywords",
        "failed_attempts": ["closed cannot be reached"] * 2,
    }
    asked = AgentOSUsage.objects.order_by("id")
    assert [row.platform_name for row in asked] == ["closed", "closed", "offline"]
    assert [row.outcome == "succeeded" for row in asked] == [False, False, True]


def test_agents_of_others_end_as_before(person: Person, agents: Any) -> None:
    extend.register_responder("helper", lambda scope, text: "By rule.")
    assert ask(person, "broken").status_code == 502
    assert ask(person, "helper").json()["content"] == "By rule."


@pytest.mark.parametrize(
    ("raised", "told"),
    [(InvalidInput("Say which invoice."), "Say which invoice."), (OSError("/inside"), "I cannot look that up"), ("", "I cannot look")],
)  # fmt: skip
def test_there_is_always_an_answer(person: Person, agents: Any, raised: Any, told: str) -> None:
    async def respond(scope: RunScope, text: str) -> str:
        if isinstance(raised, Exception):
            raise raised
        return str(raised)

    extend.register_responder("broken", respond)
    body = ask(person, "broken").json()
    assert body["content"].startswith(told)
    assert "inside" not in body["content"]


def test_what_is_registered_wrongly_is_said_at_start() -> None:
    def respond(scope: RunScope, text: str) -> str:
        return "x"

    extend.register_responder("broken", respond)
    extend.register_responder("broken", respond)
    assert "opie.E012" not in {one.id for one in checks.what_is_called_around_runs_fits()}
    extend.register_responder("broken", lambda scope, text: "y")
    extend.register_responder("other", lambda text: "y")  # type: ignore[misc, arg-type]
    told = [one.msg for one in checks.what_is_called_around_runs_fits()]
    assert told == [
        "There are two responders for broken. Keep one.",
        "The responder for other does not fit: it is called with (scope, text).",
    ]
    assert responders.responder_for("broken") is respond
