"""Visitors of a widget: what they may, what they may not, and what becomes of a conversation that a person takes over."""

import json
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import AsyncClient, Client
from django.utils import timezone

from apps.accounts.api_keys import create_api_key
from apps.accounts.models import AuditEntry, Membership, Plan, Role, User
from apps.accounts.principal import principal_for
from apps.accounts.teams import accept_invitation, invite
from apps.accounts.tokens import issue_pair
from apps.opie import rows
from apps.opie.engine.visiting import clear_visitors, signature_of
from apps.opie.models import Agent, AgentOSRun, AgentOSSession, AgentOSUsage, SessionVerification, SupportWidget
from tests.opie.engine.conftest import script
from tests.opie.engine.scripted import SILENCE, Script
from tests.opie.people import Person, make_person
from tests.opie.rest.caller import call, error_of
from tests.opie.rest.test_streams import frames_of, web

__all__ = ["script", "web"]

SHOP = "https://shop.example"
WIDGETS = "agentos/widgets/"
SUPPORT = "agentos/support/"
BODY = {"name": "Shop", "agent_id": "scripted", "greeting": "Hello!", "allowed_origins": [SHOP]}
OWN = {"Origin": "http://testserver"}


def made(who: Person, **changes: Any) -> dict[str, Any]:
    answer = call("POST", WIDGETS, BODY | changes, who.headers)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def visited(path: str, body: Any = None, headers: dict[str, str] | None = None, method: str = "POST") -> Any:
    client = Client(raise_request_exception=False)
    raw = json.dumps(body or {}).encode()
    return client.generic(method, f"/widget/{path}", raw, "application/json", headers=OWN | (headers or {}))


class Visit:
    """A visitor's browser."""

    def __init__(self, widget: dict[str, Any], **about: Any) -> None:
        self.widget = f"{widget['id']}/"
        answer = visited(f"{self.widget}visit/", about)
        assert answer.status_code == 201, answer.content
        self.headers = {"Authorization": f"Visitor {answer.json()['token']}"}
        self.session = answer.json()["conversation_id"]
        self.path = f"{self.widget}conversations/{self.session}/"

    @property
    def user(self) -> User:
        return AgentOSSession.objects.get(pk=self.session).user

    def read(self, after: int = 0) -> dict[str, Any]:
        answer = visited(f"{self.path}?after={after}", None, self.headers, "GET")
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    async def ask(self, web: AsyncClient, text: str, ends: str = "run.finished") -> dict[str, Any]:
        answer: Any = await web.post(
            f"/widget/{self.path}messages/",
            json.dumps({"message": text}),
            "application/json",
            headers=OWN | self.headers,
        )
        assert answer.status_code == 200, answer.content
        text = b"".join([part async for part in answer.streaming_content]).decode()
        last = frames_of(text)[-1]
        assert last.event == ends
        return last.data


def staff(method: str, session: str, deed: str, who: Person, body: Any = None) -> Any:
    return call(method, f"{SUPPORT}{session}/{deed}", body, who.headers)


def test_widgets_are_made_changed_and_deleted_by_who_manages_agents(
    person: Person, member: Person, viewer: Person, stranger: Person, agents: dict[str, Agent]
) -> None:
    widget = made(person, allowed_origins=[f"{SHOP}:443/", SHOP, "http://localhost:8080"])
    assert widget["allowed_origins"] == [SHOP, "http://localhost:8080"]
    kept = SupportWidget.objects.get(pk=widget["id"])
    assert (kept.secret, len(kept.secret) >= 40) == (widget["secret"], True)
    one = f"{WIDGETS}{widget['id']}/"
    assert "secret" not in call("GET", one, None, person.headers).json()
    renewed = call("PATCH", one, {"renew_secret": True, "is_active": False}, person.headers).json()
    assert renewed["secret"] != widget["secret"]
    assert renewed["is_active"] is False
    for other, status in ((member, 404), (viewer, 403), (stranger, 404)):
        for method in ("GET", "PATCH", "DELETE"):
            assert call(method, one, {}, other.headers).status_code == status, (other.user, method)
    assert call("GET", WIDGETS, None, stranger.headers).json()["count"] == 0
    # Who manages only their own agents may not spend the team's money on another's.
    assert call("POST", WIDGETS, BODY, member.headers).status_code == 400
    assert call("DELETE", one, None, person.headers).status_code == 204
    deeds = AuditEntry.objects.filter(object_id=widget["id"]).values_list("action", flat=True)
    assert sorted(deeds) == ["widget.changed", "widget.created", "widget.deleted"]
    assert widget["secret"] not in str(list(AuditEntry.objects.values("before", "after")))


NO_ORIGINS = (
    *("http://shop.example", "https://*.example", "*", "https://shop.example/path", "https://a@shop.example"),
    *("https://shop.example; script-src *", "https://shop.example'", "javascript:alert(1)", "https://a:99999"),
)


def test_what_is_no_widget(person: Person, agents: dict[str, Agent]) -> None:
    Agent.objects.filter(agent_id="helper").update(visibility="private")
    Agent.objects.filter(agent_id="broken").update(kind="auto")
    wrong: list[tuple[str, Any]] = [("allowed_origins", [origin]) for origin in NO_ORIGINS]
    wrong += [("agent_id", name) for name in ("foreign", "nobody", "helper", "broken")]
    for field, value in [*wrong, ("allowed_origins", []), ("secret", "mine")]:
        answer = call("POST", WIDGETS, BODY | {field: value}, person.headers)
        assert (answer.status_code, next(iter(error_of(answer)["fields"])).split(".")[0]) == (400, field), value


def test_a_visitor_is_nobody_elsewhere_and_can_never_sign_in(person: Person, agents: dict[str, Agent]) -> None:
    widget = made(person)
    assert not User.objects.filter(is_visitor=True).exists()
    visit, other = Visit(widget), Visit(widget)
    user = visit.user
    assert (user.email, user.is_visitor) == (f"visitor-{user.pk}@visitors.invalid", True)
    assert AgentOSSession.objects.get(pk=visit.session).widget_id == SupportWidget.objects.get().pk

    # Everywhere else the token is answered like none at all.
    for method, path in (
        *(
            ("GET", "agents/"),
            ("GET", "agentos/sessions/"),
            ("POST", "agentos/send-message/"),
            ("GET", "agentos/runs/"),
        ),
        *(
            ("POST", "agentos/create-session/"),
            ("GET", SUPPORT),
            ("GET", "teams/"),
            ("POST", "api-keys/"),
            ("GET", WIDGETS),
        ),
        *(("GET", f"conversations/{visit.session}/export/"), ("GET", "conversations/export/")),
        ("POST", "conversations/import/"),
        ("POST", "auth/logout/"),
    ):
        answer, nobody = call(method, path, {}, visit.headers), call(method, path, {})
        assert (answer.status_code, error_of(answer)["code"]) == (401, error_of(nobody)["code"]), path
    # Theirs is one conversation; a colleague's token, none, and a broken one lead to none.
    assert visit.read()["messages"] == []
    for headers in (other.headers, {}, {"Authorization": "Visitor x"}, person.headers):
        answer = visited(visit.path, None, headers, "GET")
        assert answer.status_code in (401, 404), answer.content
    # Another site cannot send anything, whatever it knows.
    for path in (f"{visit.widget}visit/", f"{visit.path}person/", f"{visit.path}messages/", f"{visit.widget}customer/"):
        for origin in (SHOP, "null", ""):
            assert visited(path, {"message": "Hi"}, visit.headers | {"Origin": origin}).status_code == 403, path

    # No way of signing in is one of theirs.
    for change in ({"password": "pbkdf2$x"}, {"is_staff": True}, {"is_superuser": True}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=user.pk).update(**change)
    call("POST", "auth/password/reset/", {"email": user.email})
    Client().post("/accounts/password/reset/", {"email": user.email})
    assert mail.outbox == []
    assert authenticate(None, email=user.email, password="") is None
    assert call("POST", "auth/login/", {"email": user.email, "password": "x"}).status_code == 401
    assert (
        call(
            "POST", "auth/register/", {"email": "visitor-1@visitors.invalid", "password": "q9!hoW_lo-and-high"}
        ).status_code
        == 201
    )
    assert not User.objects.filter(email="visitor-1@visitors.invalid").exists()
    bearer = {"Authorization": f"Bearer {issue_pair(user).access}"}
    _, key = create_api_key(principal_for(user), "stolen", ["run_agents"])
    for headers in (bearer, {"Authorization": f"Bearer {key}"}):
        assert call("POST", "agentos/create-session/", {"agent_id": "helper"}, headers).status_code == 401
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/agentos/").status_code == 302


def test_a_visitor_talks_over_rest_with_the_widgets_agent_alone(
    person: Person, member: Person, agents: dict[str, Agent], settings: Any
) -> None:
    visit, other = Visit(made(person, agent_id="helper")), Visit(made(person, agent_id="assistant"))
    asked = call("POST", "chat/", {"message": "What is 2 + 40?"}, visit.headers)
    assert (asked.status_code, asked.json()["agent"], "42" in asked.json()["message"]) == (200, "helper", True)
    # Nothing of tools, models and money.
    assert set(asked.json()) <= {
        "status", "content", "message", "agent", "agent_id", "answered_by", "run_id", "session_id", "thread_id", "message_id",
    }  # fmt: skip
    thread = asked.json()["thread_id"]
    # It is the widget's like any: the team sees it, and may take it over.
    staff("POST", thread, "take-over/", person)
    left = call("POST", "chat/", {"message": "Hello?", "thread_id": thread}, visit.headers).json()
    assert (left["for_person"], left["message"], left["run_id"]) == (True, "", None)
    staff("POST", thread, "reply/", person, {"message": "Yes?"})
    one = f"conversations/{thread}/"
    read = call("GET", f"{one}messages/", None, visit.headers).json()["results"]
    assert [message["content"] for message in read][-2:] == ["Hello?", "Yes?"]
    assert call("GET", "conversations/", None, visit.headers).json()["count"] == 2
    for whose in (other, member, person):
        assert call("GET", one, None, whose.headers).status_code == 404
        assert call("POST", "chat/", {"message": "Hi", "thread_id": thread}, whose.headers).status_code == 404
    # No other agent is there for them, whoever else may talk to it.
    assert call("POST", "conversations/", {"agent_id": "scripted"}, visit.headers).status_code == 404
    made_here = call("POST", "conversations/", {}, visit.headers).json()
    assert AgentOSSession.objects.get(pk=made_here["id"]).widget is not None
    # What was said is the team's, too: a visitor neither changes nor deletes it.
    for method, path in (("PATCH", one), ("DELETE", one), ("DELETE", f"{one}clear_history/")):
        assert call(method, path, {"title": "Sums"}, visit.headers).status_code in (401, 403), (method, path)
    assert (
        call("POST", f"{one}continue_from_message/", {"message_id": read[1]["message_id"]}, visit.headers).status_code
        == 201
    )

    settings.OPIE_REQUESTS_PER_HOUR_VISITOR = 3
    for path in ("person/", "person/"):
        answer = visited(f"{other.path}{path}", {}, other.headers)
    assert (answer.status_code, int(answer["Retry-After"]) > 1) == (429, True)
    assert other.read()["state"] == "waits"


def test_visitors_are_no_colleagues_and_the_role_cannot_be_given(
    person: Person, member: Person, agents: dict[str, Agent]
) -> None:
    visit = Visit(made(person))
    members = f"teams/{person.team.pk}/members/"
    assert {one["role"] for one in call("GET", members, None, person.headers).json()["results"]} == {"owner", "member"}
    assert call("PATCH", f"{members}{visit.user.pk}/", {"role": "owner"}, person.headers).status_code == 404
    assert call("PATCH", f"{members}{member.user.pk}/", {"role": "visitor"}, person.headers).status_code == 400
    asked = call("POST", f"teams/{person.team.pk}/invitations/", {"email": "x@y.zz", "role": "visitor"}, person.headers)
    assert asked.status_code == 400
    person.team.plan = Plan.objects.create(name="Small", max_seats=3)
    person.team.save()
    newcomer = make_person("new", agents["foreign"].team, Role.MEMBER)  # type: ignore[arg-type]
    _, token = invite(person.principal, person.team, newcomer.user.email, Role.MEMBER)
    assert accept_invitation(newcomer.principal, token).role == Role.MEMBER
    assert Membership.objects.filter(team=person.team).count() == 4


def test_a_hosts_customer_is_known_by_a_fresh_signature_alone(person: Person, agents: dict[str, Agent]) -> None:
    made_widget, other = made(person), made(person, name="Other")
    widget = SupportWidget.objects.get(pk=made_widget["id"])
    path, now = f"{widget.pk}/customer/", int(time.time())

    def shown(customer: str, at: int, signature: str, of: str = path) -> Any:
        return visited(of, {"customer": customer, "time": at, "signature": signature})

    right = signature_of(widget, "5", now)
    customer_pass = shown("5", now, right).json()["customer_pass"]
    for at in (now - 400, now + 200):
        answer = shown("5", at, signature_of(widget, "5", at))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "signature_old")
    wrong = [("6", now, right, path), ("5", now + 1, right, path), ("5", now, "0" * 64, path), ("5", now, "é", path)]
    for customer, at, signature, of in [*wrong, ("5", now, right, f"{other['id']}/customer/")]:
        answer = shown(customer, at, signature, of)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "signature_wrong")

    visit = Visit(made_widget, customer_pass=customer_pass)
    known = SessionVerification.objects.get(session=visit.session)
    assert (known.kind, known.subject, known.method) == ("customer", "5", "host")
    anonymous, passed = Visit(made_widget), {"customer_pass": customer_pass}
    assert not SessionVerification.objects.filter(session=anonymous.session).exists()
    assert visited(f"{anonymous.path}customer/", passed, anonymous.headers).status_code == 200
    at_another = Visit(other)
    assert visited(f"{at_another.path}customer/", passed, at_another.headers).status_code == 400
    sixth = shown("6", now, signature_of(widget, "6", now)).json()
    assert visited(f"{visit.path}customer/", sixth, visit.headers).json()["error"]["code"] == "bound_to_another"


async def test_a_person_takes_over_answers_and_hands_back(
    person: Person, member: Person, stranger: Person, agents: dict[str, Agent], script: Script, web: AsyncClient
) -> None:
    widget = await rows.run(made, person)
    visit = await rows.run(Visit, widget)
    session = visit.session
    colleague = await rows.run(make_person, "cleo", person.team, Role.ADMIN)
    await rows.run(User.objects.filter(pk=person.user.pk).update, name="Ann")

    async def deed(method: str, name: str, who: Person = person, body: Any = None) -> Any:
        return await rows.run(staff, method, session, name, who, body)

    script.will(["Of the agent."])
    first = await visit.ask(web, "First")
    assert first["content"] == "Of the agent."
    # What the team paid, and with what, is not for visitors.
    assert set(first) == {"status", "content", "agent_id", "message_id", "run_id", "session_id"}
    # Staff sees the widgets' conversations, and nobody's own; who may not answer sees none.
    await rows.run(lambda: AgentOSSession.objects.create(user=member.user, team=person.team, message_count=1))
    listed = await rows.run(call, "GET", SUPPORT, None, person.headers)
    assert [(one["id"], one["state"]) for one in listed.json()["results"]] == [(session, "agent")]
    for who, status in ((member, 403), (stranger, 404)):
        for method, name in (("GET", ""), ("POST", "take-over/"), ("POST", "hand-back/"), ("POST", "reply/")):
            assert (await deed(method, name, who, {"message": "x"})).status_code == status, (who.user, name)
    assert (await deed("POST", "reply/", body={"message": "Too soon"})).json()["error"]["code"] == "not_taken_over"

    asked = await rows.run(visited, f"{visit.path}person/", {}, visit.headers)
    assert asked.json()["state"] == "waits"
    waiting = await rows.run(call, "GET", f"{SUPPORT}?state=waits&search=first", None, person.headers)
    assert waiting.json()["count"] == 1
    taken = (await deed("POST", "take-over/")).json()
    assert (taken["state"], taken["taken_over_by"]["name"]) == ("taken_over", "Ann")
    lost = await deed("POST", "take-over/", colleague)
    assert (lost.status_code, "Ann" in lost.json()["error"]["message"]) == (409, True)
    assert (await deed("POST", "reply/", colleague, {"message": "Me"})).status_code == 409

    heard, runs = len(script.heard), await rows.run(AgentOSRun.objects.count)
    left = await visit.ask(web, "Second")
    assert (left["for_person"], left["content"], left["message_id"]) == (True, "", None)
    await visit.ask(web, "Third")
    said = (await deed("POST", "reply/", body={"message": "Of Ann."})).json()
    assert said["by"] == {"kind": "person", "name": "Ann"}
    assert (len(script.heard), await rows.run(AgentOSRun.objects.count)) == (heard, runs)
    read = await rows.run(visit.read)
    assert [(one["by"]["kind"], one["content"]) for one in read["messages"]] == [
        ("visitor", "First"), ("agent", "Of the agent."), ("visitor", "Second"), ("visitor", "Third"), ("person", "Of Ann."),
    ]  # fmt: skip
    assert read["with"] == {"kind": "person", "name": "Ann"}
    assert person.user.email not in json.dumps(read)
    assert [one["content"] for one in (await rows.run(visit.read, 4))["messages"]] == ["Of Ann."]

    await deed("POST", "hand-back/", colleague)
    script.will(["Again of the agent."])
    assert (await visit.ask(web, "Fourth"))["content"] == "Again of the agent."
    given = [message.get_content_string() for message in script.heard[-1] if message.role != "system"]
    assert given == ["First", "Of the agent.", "Second\n\nThird", "Of Ann.", "Fourth"]
    deeds = await rows.run(
        lambda: list(AuditEntry.objects.filter(object_id=session).order_by("id").values_list("action", flat=True))
    )
    assert deeds == ["support.take_over", "support.reply", "support.hand_back"]
    assert (await deed("GET", "")).status_code == 200
    assert await rows.run(AuditEntry.objects.filter(action="support.view", object_id=session).count) == 1


async def test_taking_over_stops_what_the_agent_is_writing(
    person: Person, agents: dict[str, Agent], script: Script, web: AsyncClient
) -> None:
    visit = await rows.run(Visit, await rows.run(made, person))
    script.will(["Half an ", SILENCE])

    async def post(text: str) -> Any:
        answer: Any = await web.post(
            f"/widget/{visit.path}messages/",
            json.dumps({"message": text}),
            "application/json",
            headers=OWN | visit.headers,
        )
        return aiter(answer.streaming_content)

    writing = await post("First")
    while b"Half an" not in await anext(writing):
        pass
    waiting = await post("Second")
    assert (await rows.run(staff, "POST", visit.session, "take-over/", person)).status_code == 200
    rest = b"".join([part async for part in writing]) + b"".join([part async for part in waiting])
    assert rest.count(b"event: run.cancelled") == 2
    reply = await rows.run(staff, "POST", visit.session, "reply/", person, {"message": "Here I am."})
    assert reply.status_code == 201, reply.content
    said = [one["content"] for one in (await rows.run(visit.read))["messages"]]
    assert set(said) == {"First", "Half an ", "Second", "Here I am."}
    assert said[-1] == "Here I am."


def test_quiet_visitors_are_cleared_with_what_they_said(
    person: Person, agents: dict[str, Agent], settings: Any
) -> None:
    widget = made(person)
    quiet, talking = Visit(widget), Visit(widget)
    long_ago = timezone.now() - timedelta(days=settings.OPIE_VISITOR_DAYS + 1)
    User.objects.update(date_joined=long_ago)
    AgentOSSession.objects.filter(pk=quiet.session).update(updated_at=long_ago)
    AgentOSUsage.objects.create(user=quiet.user, team=person.team, platform_name="x", model="x")
    assert clear_visitors() == 1
    assert not AgentOSSession.objects.filter(pk=quiet.session).exists()
    assert talking.read()["state"] == "agent"
    assert visited(quiet.path, None, quiet.headers, "GET").status_code == 401
    assert AgentOSUsage.objects.get().user is None
    # A widget that is off or gone serves nobody.
    call("PATCH", f"{WIDGETS}{widget['id']}/", {"is_active": False}, person.headers)
    assert visited(talking.path, None, talking.headers, "GET").status_code == 404
    assert visited(f"{talking.path}messages/", {"message": "Hi"}, talking.headers).status_code == 404
    assert visited(f"{talking.widget}visit/").status_code == 404
    assert visited(f"{uuid4()}/visit/").status_code == 404
