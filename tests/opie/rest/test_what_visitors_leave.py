"""What the team has of visitors: what they thought of answers, and conversations whose widget is gone."""

from typing import Any
from uuid import UUID, uuid4

from django.test import AsyncClient

from apps.accounts.models import AuditEntry
from apps.api.errors import PlatformFailed
from apps.opie import rows
from apps.opie.agentos.visitor_answers import CANNOT_ANSWER
from apps.opie.engine.saying import say
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AIPlatform
from apps.opie.models.messages import MessageRole
from tests.opie.engine.conftest import script
from tests.opie.engine.scripted import Script
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of
from tests.opie.rest.test_streams import web
from tests.opie.rest.test_visitors import SHOP, SUPPORT, WIDGETS, Visit, made, staff, visited

__all__ = ["script", "web"]


async def test_a_visitor_says_what_they_think_of_an_answer_and_the_team_reads_it(
    person: Person, member: Person, agents: dict[str, Agent], script: Script, web: AsyncClient
) -> None:
    widget = await rows.run(made, person)
    visit, other = await rows.run(Visit, widget), await rows.run(Visit, widget)
    script.will(["Blue."])
    answer = (await visit.ask(web, "Which colour?"))["message_id"]
    # As the leader of a team notes it: visitors are shown the member's name, and nothing else of the notes.
    noted = {"notes": {"answered_by": "helper", "tool": "look_up"}}
    await rows.run(AgentOSMessage.objects.filter(pk=answer).update, metadata=noted)
    between = {"session_id": visit.session, "number": 9, "role": "tool", "content": "look_up", "parent_id": answer}
    await rows.run(lambda: AgentOSMessage.objects.create(**between))

    def seen() -> None:
        asked, said = visit.read()["messages"]
        assert (said["by"], "look_up" in str(said)) == ({"kind": "agent", "name": "Helper"}, False)
        one = f"{visit.path}messages/{answer}/react/"

        def react(body: Any, path: str = one, who: Visit = visit, **more: Any) -> Any:
            return visited(path, body, who.headers | more.pop("headers", {}), **more)

        up, down = {"reaction": "thumbs_up"}, {"reaction": "thumbs_down", "reason": " It is green. "}
        assert (react(up).status_code, react(down).status_code) == (200, 200)
        kept = {answer: {"reaction": "thumbs_down", "reason": "It is green."}}
        assert visit.read(after=2)["reactions"] == kept
        assert staff("GET", visit.session, "?after=2", person).json()["reactions"] == kept
        (figures,) = call("GET", "conversations/statistics/", None, visit.headers).json()["usage_by_agent"]
        assert (figures["thumbs_up"], figures["thumbs_down"]) == (0, 1)
        # Over REST they are told as little as in the widget: no costs, tools and thoughts.
        assert {"cost", "total_tokens", "calls"} & set(figures) == set()
        one_of_rest = f"conversations/{visit.session}/"
        for read in (
            call("GET", f"{one_of_rest}messages/?branch=all", None, visit.headers).json()["results"],
            call("GET", f"{one_of_rest}?include_messages=true", None, visit.headers).json()["messages"],
        ):
            assert [message["content"] for message in read] == ["Which colour?", "Blue."]
            assert {"reasoning", "tool_calls", "tool_name", "citations"} & set(read[1]) == set()

        elsewhere = visited(f"{visit.widget}conversations/", {}, visit.headers).json()["conversation_id"]
        for path, who, status in (
            (one, other, 404),
            (f"{other.path}messages/{answer}/react/", other, 404),
            (f"{other.path}messages/{answer}/react/", visit, 404),
            (f"{visit.widget}conversations/{elsewhere}/messages/{answer}/react/", visit, 404),
            (f"{visit.path}messages/{uuid4()}/react/", visit, 404),
            (f"{visit.path}messages/{asked['id']}/react/", visit, 409),
        ):
            assert react(up, path, who).status_code == status, (path, who)
        for body in ({"reaction": "heart"}, {}, {"reason": "x"}, up | {"message_id": answer}):
            assert react(body).status_code == 400, body
        assert react(up, headers={"Origin": SHOP}).status_code == 403
        assert call("POST", f"messages/{answer}/react/", up, visit.headers).status_code == 401
        for who in (person, member):
            assert call("POST", f"messages/{answer}/react/", up, who.headers).status_code == 404
        assert visit.read()["reactions"] == kept
        assert react(None, method="DELETE").status_code == 204
        assert (visit.read()["reactions"], staff("GET", visit.session, "", person).json()["reactions"]) == ({}, {})

    await rows.run(seen)


async def test_a_visitor_is_not_told_why_there_is_no_answer(
    person: Person, agents: dict[str, Agent], script: Script, web: AsyncClient
) -> None:
    visit = await rows.run(Visit, await rows.run(made, person))
    script.will([PlatformFailed("The key of acme-prod is wrong: set ACME_API_KEY.", code="platform_auth")])
    last = await visit.ask(web, "First", ends="run.failed")
    assert last["error"] == {"code": "unavailable", "message": CANNOT_ANSWER}

    def read() -> None:
        one = f"conversations/{visit.session}/"
        for said in (
            visit.read()["messages"],
            call("GET", f"{one}messages/", None, visit.headers).json()["results"],
            call("GET", f"{one}?include_messages=true", None, visit.headers).json()["messages"],
        ):
            assert [(message["content"], message["status"]) for message in said] == [
                ("First", "complete"), (CANNOT_ANSWER, "failed"),
            ]  # fmt: skip
        # The team reads what it was.
        seen = staff("GET", visit.session, "", person).json()["messages"][1]["content"]
        assert seen == AgentOSRun.objects.get().error_message != CANNOT_ANSWER
        AIPlatform.objects.update(is_enabled=False)
        for answer in (
            visited(f"{visit.path}messages/", {"message": "Second"}, visit.headers),
            call("POST", "chat/", {"message": "Third", "thread_id": visit.session}, visit.headers),
        ):
            assert answer.status_code in (502, 503)
            assert error_of(answer)["message"] == CANNOT_ANSWER

    await rows.run(read)


def test_what_was_said_through_a_deleted_widget_stays_to_be_read(
    person: Person, member: Person, stranger: Person, agents: dict[str, Agent]
) -> None:
    kept, gone, with_agent = made(person), made(person, name="Old"), made(person, name="Lost", agent_id="helper")
    visits = [Visit(widget) for widget in (kept, gone, with_agent)]
    held, others = visits[1], (visits[0], visits[2])
    for visit in visits:
        say(UUID(visit.session), MessageRole.USER, "Hello?", {})
    staff("POST", held.session, "take-over/", person)
    one = f"{WIDGETS}{gone['id']}/"
    assert call("GET", one, None, person.headers).json()["conversations"] == 1
    assert call("DELETE", one, None, person.headers).status_code == 204
    assert AuditEntry.objects.get(action="widget.deleted").before["conversations"] == 1
    # A widget goes with its agent as well.
    assert call("DELETE", "agents/helper/", None, person.headers).status_code == 204

    def listed(state: str, who: Person = person) -> list[tuple[str, str, str | None]]:
        found = call("GET", f"{SUPPORT}?state={state}", None, who.headers).json()["results"]
        return sorted((line["widget"]["name"], line["state"], line["widget"]["id"]) for line in found)

    assert listed("closed") == [("Lost", "closed", None), ("Old", "closed", None)]
    assert listed("agent") == [("Shop", "agent", kept["id"])]
    assert (listed("taken_over"), listed("waits"), listed("closed", stranger)) == ([], [], [])
    read = staff("GET", held.session, "", person).json()
    assert ([message["content"] for message in read["messages"]], read["state"]) == (["Hello?"], "closed")
    for deed in ("take-over/", "hand-back/", "reply/"):
        answer = staff("POST", held.session, deed, person, {"message": "x"})
        assert (answer.status_code, error_of(answer)["code"]) == (409, "widget_gone"), deed
        assert staff("POST", held.session, deed, member, {"message": "x"}).status_code == 403
        assert staff("POST", held.session, deed, stranger, {"message": "x"}).status_code == 404
    assert [visited(visit.path, None, visit.headers, "GET").status_code for visit in (held, *others)] == [404, 200, 404]
    assert call("POST", "chat/", {"message": "Hi", "thread_id": held.session}, held.headers).status_code == 404
    # What they go on with elsewhere, they go on with for themselves: a copy is the team's to read, too.
    first = call("GET", f"conversations/{held.session}/messages/", None, held.headers).json()["results"][0]
    copied = call(
        "POST",
        f"conversations/{held.session}/continue_from_message/",
        {"message_id": first["message_id"]},
        held.headers,
    )
    assert (copied.status_code, len(listed("closed"))) == (201, 3)
