"""What the team has of visitors: what they thought of answers, and conversations whose widget is gone."""

from typing import Any
from uuid import uuid4

from django.test import AsyncClient

from apps.opie import rows
from apps.opie.models import Agent, AgentOSMessage
from tests.opie.engine.conftest import script
from tests.opie.engine.scripted import Script
from tests.opie.people import Person
from tests.opie.rest.caller import call
from tests.opie.rest.test_streams import web
from tests.opie.rest.test_visitors import SHOP, Visit, made, staff, visited

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
        figures = call("GET", "conversations/statistics/", None, visit.headers).json()["usage_by_agent"]
        assert [(of["thumbs_up"], of["thumbs_down"]) for of in figures] == [(0, 1)]

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
