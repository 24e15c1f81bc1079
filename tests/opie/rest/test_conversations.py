"""/api/v1/conversations/ and /chat/: the same sessions under the names of the music store's contract."""

import json
from typing import Any

import pytest
from django.test import AsyncClient
from django.utils import timezone

from apps.opie import rows
from apps.opie.engine.verifying import verification_of
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession, AgentOSUsage, MessageReaction, RunEventBatch
from apps.opie.models.runs import RunStatus
from tests.opie.engine.conftest import script
from tests.opie.engine.scripted import Script
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of
from tests.opie.rest.test_streams import frames_of

__all__ = ["script"]

Answer = dict[str, Any]


@pytest.fixture(autouse=True)
def _helper_answers(agents: Any, settings: Any) -> None:
    settings.OPIE_CHAT_AGENT = "helper"


def ask(person: Person, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = call(method, path, body, person.headers)
    assert answer.status_code == status, answer.content
    return answer.json() if answer.content else None


def say(person: Person, message: str, **body: Any) -> Answer:
    found: Answer = ask(person, "POST", "chat/", {"message": message, **body})
    return found


def test_a_conversation_from_its_beginning_to_its_end(person: Person, stranger: Person) -> None:
    made = ask(person, "POST", "conversations/", {"title": "Sums"}, 201)
    assert (made["id"], made["agent_id"], made["title"]) == (made["session_id"], "helper", "Sums")
    here = f"conversations/{made['id']}/"
    first = say(person, "What is 2 * 3?", thread_id=made["id"])
    assert ("6" in first["message"], first["message"]) == (True, first["content"])
    assert (first["agent"], first["thread_id"]) == ("helper", made["id"])
    say(person, "What is 4 * 5?", thread_id=made["id"])

    # The list, with `limit` as another name of page_size, and the same in words and order as the sessions.
    other = ask(person, "POST", "conversations/", {"agent_id": "assistant"}, 201)
    page = ask(person, "GET", "conversations/?limit=1&ordering=created_at")
    assert ([one["id"] for one in page["results"]], page["count"]) == ([made["id"]], 2)
    assert "limit=1" in page["next"]
    assert [one["id"] for one in ask(person, "GET", "conversations/?search=4+*+5")["results"]] == [made["id"]]
    assert len(ask(person, "GET", "conversations/?page_size=2")["results"]) == 2
    assert ask(person, "GET", "conversations/?limit=0", status=400)["error"]["fields"].keys() == {"limit"}
    assert ask(stranger, "GET", "conversations/")["results"] == []

    # One, with its messages; and those a piece at a time.
    whole = ask(person, "GET", here + "?include_messages=true")
    listed = ask(person, "GET", here + "messages/?limit=3&offset=1")
    assert [one["message_id"] for one in listed["results"]] == [one["message_id"] for one in whole["messages"]][1:4]
    assert listed["count"] == len(whole["messages"])
    assert "messages" not in ask(person, "GET", here)
    assert ask(person, "GET", here + "messages/?offset=-1", status=400)["error"]["fields"].keys() == {"offset"}

    # Going on from a point, elsewhere.
    body = {"message_id": first["message_id"]}
    branch = ask(person, "POST", here + "continue_from_message/", body, 201)
    copied = ask(person, "GET", f"conversations/{branch['id']}/messages/?limit=200")["results"]
    assert 0 < len(copied) < listed["count"]
    times = [one["created_at"] for one in whole["messages"]]
    assert [one["created_at"] for one in copied] == times[: len(copied)]

    changed = ask(person, "PATCH", here, {"title": "Old sums", "is_archived": True})
    assert (changed["title"], changed["is_archived"]) == ("Old sums", True)
    ask(person, "DELETE", f"conversations/{other['id']}/", status=204)
    assert not AgentOSSession.objects.filter(pk=other["id"]).exists()


def test_a_conversation_is_emptied_and_the_books_still_add_up(person: Person) -> None:
    told = say(person, "What is 2 * 3?")
    again = call(
        "POST", "agentos/send-message/", {"agent_id": "helper", "regenerate_of": told["message_id"]}, person.headers
    )
    assert again.status_code == 200
    here = f"conversations/{told['thread_id']}/"
    used, usage = AgentOSUsage.objects.count(), ask(person, "GET", "agentos/metrics/usage/")
    run = AgentOSRun.objects.order_by("created_at")[0]
    AgentOSRun.objects.filter(pk=run.pk).update(status=RunStatus.WAITING, finished_at=None)
    busy = call("DELETE", here + "clear_history/", None, person.headers)
    assert (busy.status_code, error_of(busy)["code"]) == (409, "session_busy")
    AgentOSRun.objects.filter(pk=run.pk).update(status=RunStatus.COMPLETED, finished_at=timezone.now())

    cleared = ask(person, "DELETE", here + "clear_history/")
    assert (cleared["message_count"], cleared["head"], cleared["title"]) == (0, None, "What is 2 * 3?")
    assert ask(person, "GET", here + "messages/")["results"] == []
    assert (AgentOSMessage.objects.count(), RunEventBatch.objects.count()) == (0, 0)
    assert AgentOSUsage.objects.filter(session=told["thread_id"], run__isnull=False).count() == used > 0
    assert ask(person, "GET", "agentos/metrics/usage/") == usage
    run_row = ask(person, "GET", f"agentos/runs/{told['run_id']}/")
    assert (run_row["usage"], run_row["content"]) == (told["usage"], "")
    # It goes on as one in which nothing was said.
    say(person, "What is 7 * 7?", thread_id=told["thread_id"])
    assert [one["number"] for one in ask(person, "GET", here + "messages/")["results"]][:2] == [1, 2]


async def test_a_reader_who_lost_a_stream_resumes_it_to_the_same_end(
    person: Person, settings: Any, script: Script
) -> None:
    settings.OPIE_CHAT_AGENT = "scripted"
    script.will(["One ", 0.3, "two."])
    first = await stream(person, "chat/", {"message": "Count", "stream": True})
    await anext(first)
    await anext(first)
    await first.aclose()
    question = await rows.run(AgentOSMessage.objects.get, role="user")
    resumed = await stream(
        person, f"chat/{question.session_id}/resume/", {"last_message_id": str(question.pk), "stream": True}
    )
    frames = frames_of("".join([piece.decode() async for piece in resumed]))
    assert [frames[0].event, frames[-1].event] == ["run.started", "run.finished"]
    last = frames[-1].data
    assert (last["message"], last["agent"], last["thread_id"]) == ("One two.", "scripted", str(question.session_id))
    assert last["message"] == last["content"]


async def stream(person: Person, path: str, body: Answer) -> Any:
    answer: Any = await AsyncClient().post(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=person.headers
    )
    assert answer.status_code == 200
    return aiter(answer.streaming_content)


def test_an_interrupted_thread_is_carried_on(person: Person, stranger: Person) -> None:
    told = say(person, "What is 2 * 3?")
    thread = f"chat/{told['thread_id']}/resume/"
    question = str(AgentOSMessage.objects.get(role="user").pk)
    # The answer was finished while nobody read it.
    assert ask(person, "POST", thread, {"last_message_id": question})["message_id"] == told["message_id"]
    up_to_date = call("POST", thread, {"last_message_id": told["message_id"]}, person.headers)
    assert (up_to_date.status_code, error_of(up_to_date)["code"]) == (409, "nothing_to_resume")
    # It broke off: tried again, in a branch beside it, whether the caller had a piece of the answer or not.
    for last in (question, told["message_id"]):
        AgentOSRun.objects.update(status=RunStatus.INTERRUPTED)
        again = ask(person, "POST", thread, {"last_message_id": last})
        assert (again["thread_id"], again["message"]) == (told["thread_id"], told["message"])
        assert again["run_id"] != told["run_id"]
    assert AgentOSMessage.objects.filter(role="user").count() == 1

    nobodys = {"last_message_id": told["thread_id"]}
    unknown = call("POST", thread, nobodys, person.headers)
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "message_not_found")
    foreign = call("POST", thread, {"last_message_id": question}, stranger.headers)
    assert (foreign.status_code, error_of(foreign)["code"]) == (404, "session_not_found")


def test_a_customer_is_certain_from_a_key_that_may_say_so_and_a_claim_from_everybody_else(person: Person) -> None:
    _, trusted = make_key(person, "run_agents", "view_agents", "verify_customers")
    _, plain = make_key(person)
    body = {"message": "What is 2 * 3?", "customer_id": "5"}

    known = call("POST", "chat/", body, trusted).json()
    assert verification_of(known["thread_id"], "customer").subject == "5"
    assert AgentOSMessage.objects.filter(session=known["thread_id"], content__contains="customer number").count() == 0
    assert AgentOSSession.objects.get(pk=known["thread_id"]).title == "What is 2 * 3?"
    another = call("POST", "chat/", body | {"thread_id": known["thread_id"], "customer_id": "6"}, trusted)
    assert (another.status_code, error_of(another)["code"]) == (409, "bound_to_another")

    for headers in (plain, person.headers):
        claimed = call("POST", "chat/", body, headers).json()
        assert verification_of(claimed["thread_id"], "customer").state == "wanted"
        asked = AgentOSMessage.objects.get(session=claimed["thread_id"], role="user")
        assert asked.content == "What is 2 * 3?\n\nMy customer number is 5."


def test_what_a_reader_thought_and_what_it_adds_up_to(person: Person, stranger: Person) -> None:
    told = say(person, "What is 2 * 3?")
    say(person, "What is 4 * 5?", thread_id=told["thread_id"])
    say(person, "What is 7 * 7?")
    ask(person, "POST", "agentos/send-message/", {"agent_id": "assistant", "message": "What is 1 + 1?"})
    here = f"messages/{told['message_id']}/react/"
    ask(person, "POST", here, {"reaction": "thumbs_up"})
    kept = ask(person, "POST", here, {"reaction": "thumbs_down", "reason": " Too short "})
    assert (kept["reaction"], kept["reason"]) == ("thumbs_down", "Too short")
    assert MessageReaction.objects.count() == 1
    shown = ask(person, "GET", f"conversations/{told['thread_id']}/?include_messages=true")["messages"]
    reactions = {one["message_id"]: one["reaction"] for one in shown}
    assert (reactions.pop(told["message_id"]), set(reactions.values())) == ("thumbs_down", {None})
    for body, field in (
        ({"reaction": "shrug"}, "reaction"),
        ({"reaction": "thumbs_up", "reason": "x" * 1001}, "reason"),
    ):
        assert ask(person, "POST", here, body, 400)["error"]["fields"].keys() == {field}
    question = next(one["message_id"] for one in shown if one["role"] == "user")
    body = {"reaction": "thumbs_up"}
    assert ask(person, "POST", f"messages/{question}/react/", body, 409)["error"]["code"] == "not_an_answer"
    assert ask(stranger, "POST", here, body, 404)["error"]["code"] == "message_not_found"

    figures = ask(person, "GET", "conversations/statistics/")
    assert (figures["conversations"], figures["messages"], figures["messages_per_conversation"]) == (3, 8, 2.67)
    assert figures["session_seconds_median"] >= 0
    assert figures["favourite_agents"] == ["helper", "assistant"]
    most = figures["usage_by_agent"][0]
    assert (most["agent_id"], most["answers"], most["conversations"], most["thumbs_down"]) == ("helper", 3, 2, 1)
    used = ask(person, "GET", "agentos/metrics/usage/?group_by=agent")["results"]
    (helper,) = [one for one in used if one["group"] == "helper"]
    assert (most["calls"], most["cost"]) == (helper["calls"], helper["cost"])
    assert ask(stranger, "GET", "conversations/statistics/") | {"usage_by_agent": None} == {
        "conversations": 0, "archived": 0, "messages": 0, "messages_per_conversation": None,
        "session_seconds_median": None, "usage_by_agent": None, "favourite_agents": [],
    }  # fmt: skip
    ask(person, "DELETE", here, status=204)
    assert ask(person, "GET", "conversations/statistics/")["usage_by_agent"][0]["thumbs_down"] == 0


def test_so_many_requests_an_hour(person: Person, member: Person, settings: Any) -> None:
    settings.OPIE_REQUESTS_PER_HOUR_USER = 2
    ask(person, "GET", "conversations/")
    say(person, "What is 2 * 3?")
    for refused in (
        call("GET", "conversations/", None, person.headers),
        call("POST", "chat/", {"message": "One more"}, person.headers),
    ):
        error = error_of(refused)
        assert (refused.status_code, error["code"]) == (429, "limit_exceeded")
        assert 0 < int(refused["Retry-After"]) <= 3600
    ask(member, "GET", "conversations/")
    settings.OPIE_REQUESTS_PER_HOUR_USER = 0
    ask(person, "GET", "conversations/")
