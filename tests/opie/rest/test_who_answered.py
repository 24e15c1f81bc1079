"""Who in a team answered and what was noted of it, for those who read it again over REST."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.opie import extend
from apps.opie.models import Agent, AgentOSMessage
from apps.opie.providers import responders
from apps.opie.scope import RunScope
from tests.opie.engine.conftest import script
from tests.opie.engine.scripted import Script, Tool
from tests.opie.engine.test_teams import squad
from tests.opie.people import Person
from tests.opie.rest.caller import call
from tests.opie.rest.test_conversations import ask, say

__all__ = ["script", "squad"]

ASKED = [
    [Tool("delegate_task_to_member", {"member_id": "scout", "task": "Find the number."})],
    ["The scout says seven."],
    ["It is seven."],
]


def test_a_member_is_named_wherever_the_answer_is_read(
    person: Person, squad: Agent, script: Script, settings: Any
) -> None:
    settings.OPIE_CHAT_AGENT = "scripted"
    script.will(*ASKED, ["I say so myself."], *ASKED, *ASKED)
    first = say(person, "Which number?")
    here, thread = f"conversations/{first['thread_id']}/", {"thread_id": first["thread_id"]}
    assert (first["agent"], first["answered_by"], first["agent_id"], first["metadata"]) == (
        "scout", "scout", "scripted", {},
    )  # fmt: skip
    alone = say(person, "And you?", **thread)
    assert (alone["agent"], "answered_by" in alone) == ("scripted", False)
    # The row also holds what is between Opie and a vendor: that is for nobody to read.
    kept = AgentOSMessage.objects.get(pk=first["message_id"])
    kept.metadata |= {"provider_data": {"signature": "sealed"}, "notes": {"layer": "keywords"}}
    kept.save()

    def lists() -> list[list[dict[str, Any]]]:
        found: list[list[dict[str, Any]]] = [
            ask(person, "GET", f"{here}messages/?limit=200")["results"],
            ask(person, "GET", f"{here}?include_messages=true")["messages"],
            ask(person, "GET", f"agentos/sessions/{first['thread_id']}/messages/?page_size=100")["results"],
        ]
        return found

    with CaptureQueriesContext(connection) as few:
        for messages in lists():
            assert [one["answered_by"] for one in messages if one["is_answer"]] == ["scout", "scripted"]
            assert {one["answered_by"] for one in messages if not one["is_answer"]} == {None}
            told = next(one for one in messages if one["message_id"] == first["message_id"])
            assert (told["metadata"], "sealed" in str(messages)) == ({"notes": {"layer": "keywords"}}, False)
    # The rounds that say who was asked need not be on the page.
    last = ask(person, "GET", f"{here}messages/?limit=1&offset=3")["results"]
    assert [one["answered_by"] for one in last] == ["scout"]
    run = ask(person, "GET", f"agentos/runs/{first['run_id']}/")
    assert (run["answered_by"], run["metadata"]) == ("scout", {"notes": {"layer": "keywords"}})
    for _ in range(2):
        say(person, "Which number?", **thread)
    with CaptureQueriesContext(connection) as many:
        assert all(sum(one["answered_by"] == "scout" for one in messages) == 3 for messages in lists())
    assert len(many) == len(few)

    # On the page too, and in a conversation that branches off.
    branch = ask(person, "POST", f"{here}continue_from_message/", {"message_id": first["message_id"]}, 201)
    page = Client()
    page.force_login(person.user)
    for session_id, answers in ((first["thread_id"], 3), (branch["id"], 1)):
        shown = page.get(f"/agentos/chat/scripted/?session={session_id}").content.decode()
        assert shown.count("Answered by </span>Scout</span>") == answers
    copied = [one["answered_by"] for one in ask(person, "GET", f"conversations/{branch['id']}/messages/")["results"]]
    assert copied[-1] == "scout"

    # A host's word counts before the leader's, and a file may bring anything.
    for noted, who in (({"answered_by": "helper"}, "helper"), ({"answered_by": 7}, "scout"), ("what?", "scout")):
        AgentOSMessage.objects.filter(pk=first["message_id"]).update(metadata={"notes": noted})
        assert [one["answered_by"] for one in lists()[0] if one["message_id"] == first["message_id"]] == [who]


def test_layers_are_told_with_an_answer_a_run_and_a_task(person: Person, agents: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(responders, "_responders", {})

    def respond(scope: RunScope, text: str) -> str:
        scope.notes["tool"] = "look_up"
        return "By rule."

    extend.register_responder("broken", respond)
    noted = {
        "tool": "look_up", "answered_by": "broken", "layer": "keywords", "failed_attempts": ["closed cannot be reached"] * 2,
    }  # fmt: skip
    body = {"agent_id": "broken", "message": "What do I owe?"}
    for path, more in (("agentos/send-message/", {}), ("agentos/runs/", {"background": False})):
        told = call("POST", path, body | more, person.headers).json()
        assert (told["metadata"], told["answered_by"]) == ({"notes": noted}, "broken"), path
        run = ask(person, "GET", f"agentos/runs/{told['run_id']}/")
        assert (run["metadata"], run["answered_by"]) == ({"notes": noted}, "broken"), path
