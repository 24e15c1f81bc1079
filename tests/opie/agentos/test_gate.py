"""What the gate lets in, and that nothing else of AgentOS is there."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone
from fastapi.routing import APIRoute

from apps.accounts.models import Membership, Role, User
from apps.accounts.tokens import issue_pair
from apps.opie import rows
from apps.opie.agentos.answers import safe_frame
from apps.opie.agentos.letin import LET_IN, find_route
from apps.opie.engine.visiting import begin_visit
from apps.opie.models import Agent, AgentOSMemory, AgentOSMessage, AgentOSRun, AgentOSSession, SupportWidget
from apps.opie.models.agents import AgentStatus, AgentVisibility
from tests.opie.agentos.asking import BODIES, filled, make_things
from tests.opie.agentos.conftest import Person, make_agent
from tests.opie.agentos.serving import Serving, error_of, serving

NOT_FOUND = {"code": "not_found", "message": "There is nothing here, or it is not for you."}


def routes_of(served: Serving) -> list[tuple[str, str]]:
    """Every method and path of Agno's own app, whatever it is nested in."""
    found = [("GET", path) for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/mcp")]

    def walk(routes: Any, prefix: str = "") -> None:
        for route in routes:
            if isinstance(route, APIRoute):
                found.extend((method, prefix + route.path) for method in route.methods)
            elif hasattr(route, "routes"):
                walk(route.routes, prefix + getattr(route, "path", ""))

    walk(served.agent_os.get_routes())
    return sorted(set(found))


def test_every_route_of_agentos_is_let_in_or_not_there(
    served: Serving, http: httpx.Client, ann: Person, assistant: Agent
) -> None:
    let_in = {(route.method, route.path) for route in LET_IN}
    routes = routes_of(served)
    assert len(routes) > 100, "Agno's routes are not found any more"
    assert let_in <= set(routes), "something is let in that Agno does not have"
    headers = ann.headers
    for method, path in routes:
        if (method, path) in let_in or path == "/health":
            continue
        answer = http.request(method, filled(path, agent_id="assistant"), headers=headers)
        assert (answer.status_code, error_of(answer)) == (404, NOT_FOUND), f"{method} {path}"


def test_nobody_and_no_visitor_gets_anything_but_health(
    served: Serving, http: httpx.Client, ann: Person, assistant: Agent
) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    visit = begin_visit(
        SupportWidget.objects.create(
            team=ann.team, agent=assistant, name="w", allowed_origins=["https://a.example"], created_by=ann.user
        )
    )
    ids = {"agent_id": "assistant", "session_id": str(visit.session.pk)}
    user = User.objects.get(pk=visit.principal.user_id)
    tokens = (f"Visitor {visit.token}", f"Bearer {visit.token}", f"Bearer {issue_pair(user).access}")
    for method, path in [*routes_of(served), ("GET", "/"), ("OPTIONS", "/agents"), ("GET", "/nowhere")]:
        if path == "/health":
            continue
        answer = http.request(method, filled(path))
        assert answer.status_code == 401, f"{method} {path}"
        assert answer.headers["www-authenticate"] == "Bearer"
        if method != "HEAD":
            assert error_of(answer)["code"] == "not_signed_in"
        for token in tokens:
            more = BODIES.get((method, path), lambda _: {})(ids | {"run_id": ids["session_id"], "memory_id": "1"})
            visitor = http.request(method, filled(path, **ids), headers={"Authorization": token}, **more)
            assert visitor.status_code == 401, f"{method} {path} {token[:8]}"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer x",
        "Bearer",
        "Basic eHg6eHg=",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "Bearer agno_pat_abc",
        "Bearer é",
    ],
)
def test_credentials_that_do_not_hold_are_refused(http: httpx.Client, header: str, assistant: Agent) -> None:
    answer = http.get("/agents", headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert error_of(answer)["code"] in ("token_invalid", "not_signed_in")


def test_the_inner_token_opens_nothing_from_outside(served: Serving, http: httpx.Client, ann: Person) -> None:
    inner = served.agent_os.tokens.for_principal(ann.principal)
    assert http.get("/agents", headers={"Authorization": f"Bearer {inner}"}).status_code == 401


FIELDS = (
    *("run_id", "session_state", "dependencies", "knowledge_filters", "debug_mode", "metadata", "tools", "version"),
    *("factory_input", "files_metadata", "background", "images", "input_files", "output_schema", "stream_events"),
    *("add_history_to_context", "model", "yield_run_output", "parent_run_id", "retries", "__class__"),
)


def test_form_fields_that_are_not_let_in_are_named(http: httpx.Client, ann: Person, assistant: Agent) -> None:
    headers = ann.headers
    for field in FIELDS:
        sent = {"message": "hello", "stream": "false", field: "{}"}
        for body in ({"data": sent}, {"json": sent}, {"files": {name: (None, value) for name, value in sent.items()}}):
            answer = http.post("/agents/assistant/runs", headers=headers, **body)  # type: ignore[arg-type]
            assert answer.status_code == 400, body
            assert list(error_of(answer)["fields"]) == [field]
    assert AgentOSRun.objects.count() == 0


def test_nobody_acts_as_somebody_else(http: httpx.Client, ann: Person, ben: Person, assistant: Agent) -> None:
    own, other = str(ann.user.pk), str(ben.user.pk)
    answer = http.post(
        "/agents/assistant/runs", headers=ann.headers, data={"message": "x", "stream": "false", "user_id": other}
    )
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, ["user_id"])
    assert http.get("/sessions", params={"user_id": other}, headers=ann.headers).status_code == 400
    assert http.get("/sessions", params={"user_id": own}, headers=ann.headers).status_code == 200
    assert http.get("/sessions", params={"db_id": "opie"}, headers=ann.headers).status_code == 400
    assert http.post("/memories", json={"memory": "x", "user_id": other}, headers=ann.headers).status_code == 400


BODIES_OF_NO_USE = (
    (b"message=", "application/x-www-form-urlencoded", 400),
    (b"", "application/x-www-form-urlencoded", 400),
    (b"stream=maybe&message=x", "application/x-www-form-urlencoded", 400),
    (b"message=a&message=b", "application/x-www-form-urlencoded", 400),
    (b"message=%00", "application/x-www-form-urlencoded", 400),
    (b"{", "application/json", 400),
    (b"[1]", "application/json", 400),
    (b'{"message": 5}', "application/json", 400),
    (b'{"message": "\\ud800"}', "application/json", 400),
    (b'{"message": "a", "message": "b"}', "application/json", 400),
    (b"[" * 100_000, "application/json", 400),
    (b"--x\r\nnonsense", "multipart/form-data; boundary=x", 400),
    (b"message=x", "multipart/form-data", 400),
    (b"message=x", "text/plain", 400),
    (b"message=" + b"x" * 2_000_000, "application/x-www-form-urlencoded", 413),
    (b"message=" + b"x" * 200_000, "application/x-www-form-urlencoded", 400),
)


def test_bodies_that_cannot_be_used(http: httpx.Client, ann: Person, assistant: Agent) -> None:
    headers = ann.headers
    for body, content_type, status in BODIES_OF_NO_USE:
        answer = http.post("/agents/assistant/runs", content=body, headers={**headers, "Content-Type": content_type})
        assert answer.status_code == status, (body[:40], content_type)
        assert "Traceback" not in answer.text
        error_of(answer)
    assert AgentOSRun.objects.count() == 0


def test_a_file_is_refused_by_name(http: httpx.Client, ann: Person, assistant: Agent) -> None:
    files = {"message": (None, "x"), "files": ("a.txt", b"text")}
    answer = http.post("/agents/assistant/runs", files=files, headers=ann.headers)  # type: ignore[arg-type]
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, ["files"])


@pytest.fixture
def things(ann: Person, assistant: Agent) -> dict[str, str]:
    return {**make_things(ann, assistant), "team_id": "assistant"}


@pytest.mark.parametrize("caller", ["ben", "eve"])
def test_foreign_ids_answer_like_unknown_ones(
    http: httpx.Client, things: dict[str, str], request: pytest.FixtureRequest, caller: str
) -> None:
    headers = request.getfixturevalue(caller).headers
    unknown = {**{name: str(uuid4()) for name in things}, "agent_id": things["agent_id"], "team_id": things["team_id"]}
    before = _state()
    asked = 0
    for route in LET_IN:
        body = BODIES.get((route.method, route.path), lambda ids: {})
        if not body(things) and not set(re.findall(r"\{(\w+)\}", route.path)) & {"session_id", "run_id", "memory_id"}:
            continue
        asked += 1
        answers = [
            http.request(route.method, filled(route.path, **ids), headers=headers, **body(ids))
            for ids in (things, unknown)
        ]
        for answer in answers:
            assert (answer.status_code, error_of(answer)) == (404, NOT_FOUND), f"{route.method} {route.path}"
    assert asked >= 18
    assert _state() == before


def _state() -> list[Any]:
    return [
        list(AgentOSSession.objects.values_list("title", "message_count", "updated_at")),
        list(AgentOSRun.objects.order_by("pk").values_list("status", "cancel_requested_at")),
        list(AgentOSMemory.objects.values_list("memory")),
        AgentOSMessage.objects.count(),
    ]


def test_agents_that_are_not_served_are_not_there(
    http: httpx.Client, ann: Person, ben: Person, eve: Person, assistant: Agent
) -> None:
    make_agent(ann.team, ann.user, "draft", status=AgentStatus.DRAFT)
    make_agent(ann.team, ann.user, "vault", visibility=AgentVisibility.PRIVATE)
    for person, agent_id in ((eve, "assistant"), (ann, "draft"), (ben, "vault"), (ann, "nowhere")):
        for method, path, more in (
            ("GET", f"/agents/{agent_id}", {}),
            ("POST", f"/agents/{agent_id}/runs", {"data": {"message": "x", "stream": "false"}}),
            ("POST", "/sessions", {"json": {"agent_id": agent_id}}),
        ):
            answer = http.request(method, path, headers=person.headers, **more)  # type: ignore[arg-type]
            assert (answer.status_code, error_of(answer)) == (404, NOT_FOUND), f"{method} {path}"
    assert http.get("/agents/vault", headers=ann.headers).status_code == 200


def test_cancel_asks_the_run_to_stop_wherever_it_runs(http: httpx.Client, ann: Person, things: dict[str, str]) -> None:
    where = f"/agents/assistant/runs/{things['run_id']}/cancel?session_id={things['session_id']}"
    assert http.post(where, headers=ann.headers).status_code == 200
    assert AgentOSRun.objects.get(pk=things["run_id"]).cancel_requested_at is not None


def test_a_busy_session_answers_409_in_our_shape(http: httpx.Client, ann: Person, things: dict[str, str]) -> None:
    AgentOSRun.objects.filter(pk=things["run_id"]).update(heartbeat_at=timezone.now())
    sent = {"message": "x", "session_id": things["session_id"]}
    answer = http.post("/agents/assistant/runs", data={**sent, "stream": "false"}, headers=ann.headers)
    assert (answer.status_code, error_of(answer)["code"]) == (409, "session_busy")
    streamed = http.post("/agents/assistant/runs", data=sent, headers=ann.headers)
    assert "session_busy" in streamed.text
    assert "Traceback" not in streamed.text


def test_a_failure_of_the_build_is_told_and_nothing_inside_it(
    http: httpx.Client, ann: Person, assistant: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("postgresql://secret@internal")

    monkeypatch.setattr("apps.opie.engine.builder.build", broken)
    answer = http.post("/agents/assistant/runs", data={"message": "x", "stream": "false"}, headers=ann.headers)
    assert (answer.status_code, error_of(answer)["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_without_a_platform_the_answer_says_so(http: httpx.Client, ann: Person, assistant: Agent, offline: Any) -> None:
    offline.delete()
    answer = http.post("/agents/assistant/runs", data={"message": "x", "stream": "false"}, headers=ann.headers)
    assert (answer.status_code, error_of(answer)["code"]) == (503, "no_platform")


@pytest.mark.parametrize(
    "host", ["evil.example.com", "127.0.0.1.evil.example.com", "127.0.0.1@evil.example.com", "a/b"]
)
def test_other_hosts_are_not_served(http: httpx.Client, ann: Person, host: str) -> None:
    answer = http.get("/agents", headers={**ann.headers, "Host": host})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "unknown_host")


def test_a_second_authorization_header_is_refused(http: httpx.Client, ann: Person, ben: Person) -> None:
    headers = [("Authorization", f"Bearer {ann.token}"), ("Authorization", f"Bearer {ben.token}")]
    assert http.get("/agents", headers=headers).status_code == 400


@pytest.mark.parametrize(
    "path", ["/agents/", "//agents", "/agents/assistant/runs/../../..", "/agents%2Fassistant", "/AGENTS", "/agents/%00"]
)
def test_a_path_is_what_it_says_or_not_there(http: httpx.Client, ann: Person, assistant: Agent, path: str) -> None:
    answer = http.get(path, headers=ann.headers)
    assert answer.status_code in (404, 200)
    assert find_route("GET", path) is None or path == "/agents"


def test_request_ids_are_the_callers_when_sane(http: httpx.Client) -> None:
    assert http.get("/health", headers={"X-Request-Id": "my-request-1"}).headers["x-request-id"] == "my-request-1"
    assert http.get("/health", headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"


async def test_websockets_are_closed(served: Serving, ann: Person) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await served.app({"type": "websocket", "path": "/workflows/ws", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_server_for_one_person_serves_nobody_else(ann: Person, ben: Person, assistant: Agent) -> None:
    with serving(only_user_id=ann.user.pk) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/agents", headers=ann.headers).status_code == 200
        assert http.get("/agents", headers=ben.headers).status_code == 403


def test_events_with_errors_keep_only_text_of_ours() -> None:
    foreign = json.dumps({"event": "RunError", "content": "postgresql://secret", "traceback": "x", "error_type": None})
    safe = safe_frame(b"event: RunError\ndata: " + foreign.encode())
    assert b"secret" not in safe
    assert b"traceback" not in safe
    ours = json.dumps({"event": "TeamRunError", "content": "Too many requests.", "error_type": "opie:limit_exceeded"})
    assert b"Too many requests." in safe_frame(b"data: " + ours.encode())


def test_a_session_is_not_deleted_under_its_answer(http: httpx.Client, ann: Person, things: dict[str, str]) -> None:
    AgentOSRun.objects.filter(pk=things["run_id"]).update(heartbeat_at=timezone.now())
    answer = http.delete(f"/sessions/{things['session_id']}", headers=ann.headers)
    assert (answer.status_code, error_of(answer)["code"]) == (409, "session_busy")
    AgentOSRun.objects.filter(pk=things["run_id"]).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    assert http.delete(f"/sessions/{things['session_id']}", headers=ann.headers).status_code == 204
    assert not AgentOSSession.objects.exists()


def test_a_session_needs_its_agent_named(http: httpx.Client, ann: Person, assistant: Agent, desk: Agent) -> None:
    for query, body, field in (("", {}, "agent_id"), ("?type=team", {"agent_id": "assistant"}, "team_id")):
        answer = http.post(f"/sessions{query}", json=body, headers=ann.headers)
        assert (answer.status_code, list(error_of(answer)["fields"])) == (400, [field])
    assert http.post("/sessions?type=team", json={"team_id": "desk"}, headers=ann.headers).status_code == 201


def test_a_platform_that_fails_is_told_with_the_run(
    http: httpx.Client, ann: Person, assistant: Agent, offline: Any
) -> None:
    offline.api_type, offline.base_url, offline.api_key = (
        "openai_compatible",
        "http://127.0.0.1:9/v1",
        "sk-secret-key-1",
    )
    offline.save()
    answer = http.post("/agents/assistant/runs", data={"message": "x", "stream": "false"}, headers=ann.headers)
    error = error_of(answer)
    assert (answer.status_code, error["run_id"]) == (502, str(AgentOSRun.objects.get().pk))
    streamed = http.post("/agents/assistant/runs", data={"message": "x"}, headers=ann.headers)
    assert "RunError" in streamed.text
    for text in (answer.text, streamed.text):
        assert "127.0.0.1:9" not in text
        assert "sk-secret" not in text


def test_a_person_of_two_teams_acts_for_the_one_they_name(
    http: httpx.Client, ann: Person, assistant: Agent, other_team: Any
) -> None:
    Membership.objects.create(team=other_team, user=ann.user, role=Role.MEMBER)
    make_agent(other_team, ann.user, "theirs")

    def agents(team: str) -> list[str]:
        answer = http.get("/agents", headers={**ann.headers, "X-Opie-Team": team})
        return [one["id"] for one in answer.json()]

    assert (agents("ours"), agents("theirs")) == (["assistant"], ["theirs"])
    assert http.get("/agents", headers={**ann.headers, "X-Opie-Team": "nowhere"}).status_code == 403


async def test_agnos_own_app_refuses_without_the_gate(served: Serving, ann: Person, assistant: Agent) -> None:
    app = served.agent_os.get_app()
    token = await rows.run(lambda: served.agent_os.tokens.for_principal(ann.principal))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://agentos") as inner:
        for path in ("/agents", "/sessions", "/memories", "/config"):
            assert (await inner.get(path)).status_code == 401, path
            with_token = await inner.get(path, headers={"Authorization": f"Bearer {token}"})
            assert with_token.status_code == 403, path
