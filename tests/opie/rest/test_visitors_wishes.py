"""What a visitor of a widget wants of it besides an answer, and what an address of it does not take."""

from typing import Any

from apps.opie.models import Agent, AgentOSSession
from tests.opie.people import Person
from tests.opie.rest.test_visitors import Visit, made, staff, visited


def test_a_visitor_takes_back_the_wish_for_a_person(person: Person, agents: dict[str, Agent]) -> None:
    visit, other = Visit(widget := made(person)), Visit(widget)
    path, sessions = f"{visit.path}person/", AgentOSSession.objects.filter(pk=visit.session)

    def want(method: str, who: Visit = visit) -> Any:
        return visited(path, {} if method == "POST" else None, who.headers, method=method)

    def stands(answer: Any) -> tuple[str, bool]:
        return answer.json()["state"], answer.json()["asks_for_person"]

    assert stands(want("POST")) == ("waits", True)
    assert stands(want("DELETE")) == ("agent", False)
    want("POST")
    sessions.update(message_count=1)
    staff("POST", visit.session, "take-over/", person)
    assert want("DELETE", other).status_code == 404
    assert stands(visited(visit.path, None, visit.headers, method="GET")) == ("taken_over", False)
    assert stands(want("DELETE")) == ("agent", False)
    assert (
        staff("POST", visit.session, "reply/", person, {"message": "Late"}).json()["error"]["code"] == "not_taken_over"
    )


def test_another_method_than_there_is(person: Person, agents: dict[str, Agent]) -> None:
    visit = Visit(made(person))
    for path in (f"{visit.widget}visit/", f"{visit.widget}customer/", f"{visit.path}person/"):
        answer = visited(path, {}, visit.headers, method="PUT")
        assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed"), path
        assert "POST" in answer.headers["Allow"]
