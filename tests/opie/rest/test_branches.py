"""Asking again, asking otherwise, and going on from another place: the old branch stays."""

from typing import Any

import pytest

from apps.opie.models import AgentOSSession
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of

Answer = dict[str, Any]


@pytest.fixture
def told(agents: Any, person: Person) -> list[Answer]:
    """Two turns: a sum, and another."""
    first = send(person, message="What is 2 * 3?")
    return [first, send(person, message="What is 4 * 5?", session_id=first["session_id"])]


def send(person: Person, status: int = 200, **body: Any) -> Answer:
    answer = call("POST", "agentos/send-message/", {"agent_id": "helper", **body}, person.headers)
    assert answer.status_code == status, answer.content
    found: Answer = answer.json()
    return found


def said(person: Person, session_id: str, more: str = "") -> list[Answer]:
    listed = call("GET", f"agentos/sessions/{session_id}/messages/{more}", None, person.headers).json()["results"]
    return [message for message in listed if message["role"] == "user" or message["is_answer"]]


def texts(messages: list[Answer]) -> list[str]:
    return [message["content"] for message in messages if message["role"] == "user"]


def test_an_answer_is_tried_again_beside_the_old_one(person: Person, told: list[Answer]) -> None:
    session_id = told[0]["session_id"]
    again = send(person, regenerate_of=told[1]["message_id"])
    assert (again["session_id"], "20" in again["content"]) == (session_id, True)
    assert again["message_id"] != told[1]["message_id"]
    shown = said(person, session_id)
    assert [message["message_id"] for message in shown if message["is_answer"]] == [
        told[0]["message_id"], again["message_id"],
    ]  # fmt: skip
    everything = said(person, session_id, "?branch=all")
    assert len(everything) == 5
    assert {message["parent_id"] for message in everything if message["message_id"] in shown[-1:]} <= {
        message["message_id"] for message in everything
    }


def test_another_agent_that_tries_an_answer_again_does_not_take_the_chat_over(
    person: Person, told: list[Answer]
) -> None:
    again = send(person, regenerate_of=told[1]["message_id"], agent_id="assistant")
    assert again["agent_id"] == "assistant"
    session = AgentOSSession.objects.select_related("agent").get()
    assert session.agent is not None
    assert session.agent.agent_id == "helper"
    send(person, message="What is 1 + 1?", session_id=again["session_id"], agent_id="assistant")
    session = AgentOSSession.objects.select_related("agent").get()
    assert session.agent is not None
    assert session.agent.agent_id == "assistant"


def test_a_question_is_changed_and_the_old_branch_can_be_shown_again(person: Person, told: list[Answer]) -> None:
    session_id = told[0]["session_id"]
    first = said(person, session_id)[0]
    changed = send(person, edit_of=first["message_id"], message="What is 7 * 7?")
    assert "49" in changed["content"]
    assert texts(said(person, session_id)) == ["What is 7 * 7?"]

    send(person, message="What is 1 + 1?", session_id=session_id)
    assert texts(said(person, session_id)) == ["What is 7 * 7?", "What is 1 + 1?"]

    back = call("PATCH", f"agentos/sessions/{session_id}/", {"head": first["message_id"]}, person.headers).json()
    assert back["head"] == told[1]["message_id"]
    assert texts(said(person, session_id)) == ["What is 2 * 3?", "What is 4 * 5?"]


def test_a_branch_becomes_a_session_of_its_own(person: Person, stranger: Person, told: list[Answer]) -> None:
    session_id, until = told[0]["session_id"], {"message_id": told[0]["message_id"]}
    made = call("POST", f"agentos/sessions/{session_id}/branch/", until, person.headers).json()
    assert made["session_id"] != session_id
    copied = said(person, made["session_id"])
    assert [message["content"] for message in copied] == ["What is 2 * 3?", told[0]["content"]]
    again = send(person, regenerate_of=copied[1]["message_id"])
    assert (again["session_id"], "6" in again["content"]) == (made["session_id"], True)
    send(person, message="What is 8 * 8?", session_id=made["session_id"])
    assert texts(said(person, made["session_id"])) == ["What is 2 * 3?", "What is 8 * 8?"]
    assert texts(said(person, session_id)) == ["What is 2 * 3?", "What is 4 * 5?"]
    foreign = call("POST", f"agentos/sessions/{session_id}/branch/", until, stranger.headers)
    assert (foreign.status_code, error_of(foreign)["code"]) == (404, "session_not_found")


@pytest.mark.parametrize("name", ["regenerate_of", "edit_of"])
def test_what_is_not_ones_own_is_not_there(person: Person, stranger: Person, told: list[Answer], name: str) -> None:
    body = {"agent_id": "assistant", name: told[0]["message_id"]}
    if name == "edit_of":
        body["message"] = "Tell me theirs"
    answer = call("POST", "agentos/send-message/", body, stranger.headers)
    assert answer.status_code == 404
    elsewhere = send(person, message="Elsewhere")
    other = call("POST", "agentos/send-message/", body | {"session_id": elsewhere["session_id"]}, person.headers)
    assert (other.status_code, error_of(other)["code"]) == (404, "message_not_found")
    patched = call(
        "PATCH", f"agentos/sessions/{elsewhere['session_id']}/", {"head": told[0]["message_id"]}, person.headers
    )
    assert (patched.status_code, error_of(patched)["code"]) == (404, "message_not_found")


def test_asking_again_takes_the_question_as_it_was(person: Person, told: list[Answer]) -> None:
    body = {"agent_id": "helper", "regenerate_of": told[0]["message_id"], "message": "Something else"}
    answer = call("POST", "agentos/send-message/", body, person.headers)
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, ["regenerate_of"])


@pytest.mark.parametrize(("sent", "status"), [("refuse", 200), ("steer", 200), ("shout", 400)])
def test_what_becomes_of_messages_while_it_is_busy(person: Person, told: list[Answer], sent: str, status: int) -> None:
    changed = call("PATCH", f"agentos/sessions/{told[0]['session_id']}/", {"when_busy": sent}, person.headers)
    assert changed.status_code == status
    if status == 200:
        assert changed.json()["when_busy"] == sent
