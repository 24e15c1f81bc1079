"""What cannot be used is refused with one shape of error, and leaves no trace in the rows."""

from typing import Any
from uuid import uuid4

import pytest

from apps.opie.engine import opening, recording
from apps.opie.engine.opening import Ask
from apps.opie.models import Agent, AgentOSRun, AgentOSSession
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, counts, error_of

NESTED = b'{"agent_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.fixture
def their_run(agents: dict[str, Agent], stranger: Person) -> AgentOSRun:
    """A run in somebody else's session."""
    opened = opening.open_turn(stranger.principal, agents["foreign"], Ask("A secret of theirs"))
    recording.forget(opened.run_id)
    return AgentOSRun.objects.get(pk=opened.run_id)


SEND, CREATE, AGENTS = "agentos/send-message/", "agentos/create-session/", "agents/"
HELPER = {"agent_id": "helper"}
NEW_AGENT = {"agent_id": "new", "name": "New"}

BAD_BODIES: list[tuple[str, str, Any, str]] = [
    # address, what is wrong, body, the field that is named ("" when the body as a whole cannot be read)
    (SEND, "nothing", {}, "message"),
    (SEND, "no agent", {"message": "Hi"}, "agent_id"),
    (SEND, "empty", HELPER | {"message": ""}, "message"),
    (SEND, "blank", HELPER | {"message": " \n\t "}, "message"),
    (SEND, "null", HELPER | {"message": None}, "message"),
    (SEND, "a number", HELPER | {"message": {"a": 1}}, "message"),
    (SEND, "a list", HELPER | {"message": ["Hi"]}, "message"),
    (SEND, "too long", HELPER | {"message": "x" * 100_001}, "message"),
    (SEND, "NUL", HELPER | {"message": "a\x00b"}, "message"),
    (SEND, "half a pair", HELPER | {"message": "a\ud800b"}, "message"),
    (SEND, "NUL in the agent", {"agent_id": "a\x00", "message": "Hi"}, "agent_id"),
    (SEND, "agent of a type", {"agent_id": ["helper"], "message": "Hi"}, "agent_id"),
    (SEND, "no uuid", HELPER | {"message": "Hi", "session_id": "mine"}, "session_id"),
    (SEND, "session a list", HELPER | {"message": "Hi", "session_id": []}, "session_id"),
    (SEND, "stream of a type", HELPER | {"message": "Hi", "stream": "perhaps"}, "stream"),
    (SEND, "unknown", HELPER | {"message": "Hi", "run_id": str(uuid4())}, "run_id"),
    (SEND, "user of another", HELPER | {"message": "Hi", "user_id": str(uuid4())}, "user_id"),
    (SEND, "a list as body", [HELPER], "non_field_errors"),
    (SEND, "text as body", "Hi", "non_field_errors"),
    (SEND, "null as body", b"null", ""),
    (SEND, "no JSON", b'{"agent_id": ', ""),
    (SEND, "not UTF-8", b'{"message": "\xff"}', ""),
    (SEND, "NaN", b'{"agent_id": NaN}', ""),
    (SEND, "endless nesting", NESTED, ""),
    (CREATE, "nothing", {}, "agent_id"),
    (CREATE, "title too long", HELPER | {"title": "x" * 201}, "title"),
    (CREATE, "title of a type", HELPER | {"title": {}}, "title"),
    (CREATE, "NUL", HELPER | {"title": "a\x00"}, "title"),
    (CREATE, "half a pair", HELPER | {"title": "\udfff"}, "title"),
    (CREATE, "unknown", HELPER | {"user": "me"}, "user"),
    (CREATE, "null as body", b"null", ""),
    (CREATE, "no JSON", b"{", ""),
    (CREATE, "endless nesting", NESTED, ""),
    (AGENTS, "nothing", {}, "agent_id"),
    (AGENTS, "no slug", NEW_AGENT | {"agent_id": "No Slug!"}, "agent_id"),
    (AGENTS, "long id", NEW_AGENT | {"agent_id": "x" * 65}, "agent_id"),
    (AGENTS, "empty name", NEW_AGENT | {"name": " "}, "name"),
    (AGENTS, "long name", NEW_AGENT | {"name": "x" * 121}, "name"),
    (AGENTS, "kind", NEW_AGENT | {"kind": "wizard"}, "kind"),
    (AGENTS, "hot", NEW_AGENT | {"temperature": 2.1}, "temperature"),
    (AGENTS, "cold", NEW_AGENT | {"temperature": -0.1}, "temperature"),
    (AGENTS, "no number", NEW_AGENT | {"temperature": "warm"}, "temperature"),
    (AGENTS, "true", NEW_AGENT | {"temperature": True}, "temperature"),
    (AGENTS, "no tokens", NEW_AGENT | {"max_tokens": 0}, "max_tokens"),
    (AGENTS, "huge tokens", NEW_AGENT | {"max_tokens": 10**30}, "max_tokens"),
    (AGENTS, "history", NEW_AGENT | {"history_length": -1}, "history_length"),
    (AGENTS, "tool", NEW_AGENT | {"tools": ["format_disk"]}, "tools"),
    (AGENTS, "tools of a type", NEW_AGENT | {"tools": "calculate"}, "tools"),
    (AGENTS, "platform", NEW_AGENT | {"models": [{"platform": "nowhere", "model": "m"}]}, "models"),
    (AGENTS, "no platform", NEW_AGENT | {"models": [{"model": "m"}]}, "models.0.platform"),
    (AGENTS, "model unknown", NEW_AGENT | {"models": [{"platform": "offline", "key": "x"}]}, "models.0.key"),
    (AGENTS, "models of a type", NEW_AGENT | {"models": {"platform": "offline"}}, "models"),
    (AGENTS, "twice", NEW_AGENT | {"models": [{"platform": "offline"}] * 2}, "models"),
    (AGENTS, "capability", NEW_AGENT | {"capabilities": ["code review"]}, "capabilities.0"),
    (AGENTS, "visibility", NEW_AGENT | {"visibility": "secret"}, "visibility"),
    (AGENTS, "status", NEW_AGENT | {"status": "alive"}, "status"),
    (AGENTS, "priority", NEW_AGENT | {"priority": 101}, "priority"),
    (AGENTS, "low priority", NEW_AGENT | {"priority": -1}, "priority"),
    (AGENTS, "no schema", NEW_AGENT | {"output_schema": "json"}, "output_schema"),
    (AGENTS, "wrong schema", NEW_AGENT | {"output_schema": {"type": "objekt"}}, "output_schema"),
    (AGENTS, "schema elsewhere", NEW_AGENT | {"output_schema": {"$ref": "http://127.0.0.1/"}}, "output_schema"),
    (AGENTS, "endless schema", NEW_AGENT | {"output_schema": {"anyOf": [{"$ref": "#"}]}}, "output_schema"),
    (AGENTS, "NUL in schema", NEW_AGENT | {"output_schema": {"title": "\x00"}}, "output_schema"),
    (AGENTS, "owner", NEW_AGENT | {"owner": "me"}, "owner"),
    (AGENTS, "version", NEW_AGENT | {"version": 7}, "version"),
    (AGENTS, "NUL", NEW_AGENT | {"system_prompt": "\x00"}, "system_prompt"),
    (AGENTS, "prompt", NEW_AGENT | {"system_prompt": "x" * 100_001}, "system_prompt"),
    (AGENTS, "null as body", b"null", ""),
    (AGENTS, "a list as body", [NEW_AGENT], "non_field_errors"),
    (AGENTS, "endless nesting", NESTED, ""),
]


@pytest.mark.django_db(transaction=True)
def test_a_body_that_cannot_be_used(agents: Any, person: Person) -> None:
    before = counts()
    for path, wrong, body, field in BAD_BODIES:
        answer = call("POST", path, body, person.headers)
        assert answer.status_code == 400, (path, wrong, answer.content)
        error = error_of(answer)
        if field:
            named = error.get("fields", {})
            assert any(name == field or name.startswith(field + ".") for name in named), (path, wrong, error)
    assert counts() == before


@pytest.mark.parametrize("path", [SEND, CREATE, AGENTS])
def test_bodies_of_another_kind_or_size(agents: Any, person: Person, path: str) -> None:
    before = counts()
    form = call("POST", path, b"agent_id=helper&message=Hi", person.headers, "application/x-www-form-urlencoded")
    assert (form.status_code, error_of(form)["code"]) == (415, "unsupported_media_type")
    assert call("POST", path, b"{}", person.headers, "text/plain").status_code == 415
    huge = call("POST", path, {"message": "x" * 2_000_000}, person.headers)
    assert (huge.status_code, error_of(huge)["code"]) == (413, "too_large")
    assert counts() == before


def same_404(first: Any, second: Any) -> None:
    one, other = error_of(first), error_of(second)
    assert (first.status_code, second.status_code) == (404, 404)
    assert one | {"request_id": ""} == other | {"request_id": ""}


def test_what_is_foreign_answers_like_what_is_not_there(agents: Any, person: Person, their_run: AgentOSRun) -> None:
    before = counts()
    nothing, theirs, session = uuid4(), their_run.pk, their_run.session_id
    pairs: list[tuple[str, str, str, Any, Any]] = [
        ("POST", SEND, SEND, {"agent_id": "nobody", "message": "Hi"}, {"agent_id": "foreign", "message": "Hi"}),
        (
            "POST", SEND, SEND,
            HELPER | {"message": "Hi", "session_id": str(nothing)},
            HELPER | {"message": "Hi", "session_id": str(session)},
        ),
        ("POST", CREATE, CREATE, {"agent_id": "nobody"}, {"agent_id": "foreign"}),
        ("GET", "agents/nobody/", "agents/foreign/", None, None),
        ("PATCH", "agents/nobody/", "agents/foreign/", {"name": "Mine"}, {"name": "Mine"}),
        ("PUT", "agents/nobody/", "agents/foreign/", {"name": "Mine"}, {"name": "Mine"}),
        ("DELETE", "agents/nobody/", "agents/foreign/", None, None),
    ]  # fmt: skip
    for method in ("GET", "PATCH", "DELETE"):
        body = {"title": "Mine"} if method == "PATCH" else None
        pairs.append((method, f"agentos/sessions/{nothing}/", f"agentos/sessions/{session}/", body, body))
    pairs.append(("GET", f"agentos/sessions/{nothing}/messages/", f"agentos/sessions/{session}/messages/", None, None))
    for method, end in (("GET", ""), ("GET", "events/"), ("POST", "cancel/")):
        pairs.append((method, f"agentos/runs/{nothing}/{end}", f"agentos/runs/{theirs}/{end}", None, None))
    for method, missing, foreign, body, foreign_body in pairs:
        same_404(call(method, missing, body, person.headers), call(method, foreign, foreign_body, person.headers))
    assert counts() == before
    their_run.refresh_from_db()
    assert (their_run.status, their_run.cancel_requested_at) == ("running", None)


def test_ids_that_can_be_none_are_not_there(agents: Any, person: Person) -> None:
    for path in (
        "agentos/sessions/x/", "agentos/runs/1/", "agentos/runs/../events/", "agents/%00/", "agents/a%00b/",
        "agents/%F0%9F%98%80/", "agents/" + "x" * 500 + "/", "agents/a%0Ab/",
    ):  # fmt: skip
        answer = call("GET", path, None, person.headers)
        assert answer.status_code == 404, path
        error_of(answer)


QUERIES = [
    "agentos/sessions/?search=%00", "agentos/sessions/?agent_id=%00", "agents/?search=%00",
    "agentos/sessions/?page=0", "agentos/sessions/?page=x", "agentos/sessions/?page_size=0",
    "agentos/sessions/?page_size=100000", "agentos/sessions/?ordering=user__password", "agents/?page=-1",
]  # fmt: skip


@pytest.mark.parametrize("path", QUERIES)
def test_queries_that_cannot_be_used(agents: Any, person: Person, path: str) -> None:
    answer = call("GET", path, None, person.headers)
    assert answer.status_code == 400
    assert error_of(answer)["fields"]


@pytest.mark.parametrize("said", ["x", "-1", "1.5", "٣", "9" * 30, "1\t2"])
def test_a_last_event_id_that_is_none(agents: Any, person: Person, said: str) -> None:
    session = AgentOSSession.objects.create(user=person.user, team=person.team)
    run = AgentOSRun.objects.create(session=session, user=person.user, team=person.team)
    answer = call("GET", f"agentos/runs/{run.pk}/events/", None, person.headers | {"Last-Event-ID": said})
    assert answer.status_code == 400
    assert list(error_of(answer)["fields"]) == ["Last-Event-ID"]


def test_a_session_takes_only_what_may_be_changed(agents: Any, person: Person) -> None:
    session = AgentOSSession.objects.create(user=person.user, team=person.team, title="Old")
    path = f"agentos/sessions/{session.pk}/"
    for wrong in ({"title": "x" * 201}, {"title": None}, {"user": "me"}, {"message_count": 7}, {"is_archived": "so"},
                  {"title": "\x00"}):  # fmt: skip
        answer = call("PATCH", path, wrong, person.headers)
        assert answer.status_code == 400, wrong
        assert list(error_of(answer)["fields"]) == list(wrong)
    assert call("PUT", path, {"title": "New"}, person.headers).status_code == 405
    assert call("PATCH", path, b"{", person.headers).status_code == 400
    session.refresh_from_db()
    assert (session.title, session.message_count) == ("Old", 0)


def test_a_role_or_a_key_that_may_not(agents: Any, person: Person, viewer: Person) -> None:
    before = counts()
    _, may_look = make_key(person, "view_agents")
    _, may_run = make_key(person, "run_agents")
    session = AgentOSSession.objects.create(user=viewer.user, team=viewer.team)
    for headers in (viewer.headers, may_look):
        for method, path, body in (
            ("POST", SEND, HELPER | {"message": "Hi"}),
            ("POST", CREATE, HELPER),
            ("POST", AGENTS, NEW_AGENT),
            ("PATCH", "agents/helper/", {"name": "Mine"}),
            ("DELETE", "agents/helper/", None),
            ("POST", f"agentos/runs/{uuid4()}/cancel/", None),
        ):
            answer = call(method, path, body, headers)
            assert (answer.status_code, error_of(answer)["code"]) == (403, "not_allowed"), (method, path)
    assert call("PATCH", f"agentos/sessions/{session.pk}/", {"title": "x"}, viewer.headers).status_code == 403
    for path in ("agentos/", "agentos/agents/", "agentos/sessions/", "agents/"):
        assert call("GET", path, None, viewer.headers).status_code == 200
        assert call("GET", path, None, may_run).status_code == 403
    assert counts() == before | {"AgentOSSession": 1}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused_in_the_same_shape(agents: Any, person: Person, method: str) -> None:
    answer = call(method, SEND, None, person.headers)
    if method != "OPTIONS":
        assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")


def test_a_header_that_is_no_credential(agents: Any) -> None:
    for said in ("Basic abc", "Bearer", "Bearer  ", "Bearer x y z", "bearer opie_short", "Bearer eyJ.a.b", "Token x",
                 "Bearer " + "x" * 5000, "Bearer opie_aaaaaaaaaa_" + "a" * 43):  # fmt: skip
        for method, path in (("GET", "agentos/sessions/"), ("POST", SEND)):
            answer = call(method, path, {}, {"Authorization": said})
            assert answer.status_code == 401, said
            assert answer["WWW-Authenticate"] == "Bearer"
            error_of(answer)
