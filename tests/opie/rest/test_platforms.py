"""/api/v1/platforms/: keys go in and never come out, and no team reaches into the operator's network."""

import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from apps.accounts.models import AuditEntry, User
from apps.accounts.principal import principal_for
from apps.accounts.tokens import issue_pair
from apps.opie.models import Agent, AgentOSUsage, AIPlatform
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of

KEY = "sk-canary-9876543210-never-shown"
BODY = {"platform_name": "mine", "api_type": "openai", "default_model": "gpt-test", "api_key": KEY}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver of our own: numbers are what they are, and some names lead where they should not."""
    plain = socket.getaddrinfo
    known = {
        "api.example.com": ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
        "rebound.example.com": ["10.0.0.5"],
        "half.example.com": ["93.184.215.14", "127.0.0.1"],
        "six.example.com": ["::1"],
        "metadata.google.internal": ["169.254.169.254"],
        "localhost": ["127.0.0.1"],
    }

    def resolve(host: str, *rest: Any, **more: Any) -> Any:
        if host in known:
            return [entry for address in known[host] for entry in plain(address, *rest, **more)]
        if host.endswith(".example.com"):
            raise socket.gaierror(-2, "Name or service not known")
        return plain(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def operator(person: Person) -> Person:
    """The owner, who is also a superuser."""
    User.objects.filter(pk=person.user.pk).update(is_superuser=True)
    user = User.objects.get(pk=person.user.pk)
    return replace(person, user=user, principal=principal_for(user, person.team), bearer=issue_pair(user).access)


def made(who: Person, **body: Any) -> dict[str, Any]:
    answer = call("POST", "platforms/", BODY | body, who.headers)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_platform_is_kept_as_it_was_sent_without_its_key(person: Person) -> None:
    sent = {
        "base_url": "https://api.example.com/v1", "timeout": 30, "max_tokens": 2000, "supports_vision": True,
        "supports_json_mode": True, "supports_image_generation": False, "is_enabled": True, "priority": 7,
        "requests_per_minute": 100, "tokens_per_minute": None,
    }  # fmt: skip
    platform = made(person, **sent)
    kept = {name: value for name, value in BODY.items() if name != "api_key"} | sent
    shown = {"id": platform["id"], "has_key": True, "is_local": False, "belongs_to": "team", "not_offered": {}}
    assert platform == kept | shown
    assert call("GET", f"platforms/{platform['id']}/", None, person.headers).json() == platform
    assert call("GET", "platforms/?search=MINE", None, person.headers).json()["results"] == [platform]
    assert AIPlatform.objects.get(pk=platform["id"]).api_key == KEY
    again = call("POST", "platforms/", BODY, person.headers)
    assert (again.status_code, error_of(again)["code"]) == (409, "platform_name_taken")
    assert call("DELETE", f"platforms/{platform['id']}/", None, person.headers).status_code == 204


def test_a_key_never_comes_out(person: Person, admin_client: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # Nobody listens there, so the test says why; the key must be in no word of it.
    platform = made(person, base_url="https://api.example.com/v1")
    AIPlatform.objects.filter(pk=platform["id"]).update(base_url="http://127.0.0.1:9/v1", timeout=2)
    path = f"platforms/{platform['id']}/"
    answers = [
        call("GET", path, None, person.headers),
        call("GET", "platforms/", None, person.headers),
        call("PATCH", path, {"api_key": KEY + "2"}, person.headers),
        call("PATCH", path, {"api_key": [KEY]}, person.headers),
        call("PATCH", path, {"api_key": KEY * 100}, person.headers),
        call("PATCH", path, {"priority": KEY}, person.headers),
        call("POST", "platforms/", BODY, person.headers),
        call("POST", f"{path}test/", None, person.headers),
        admin_client.get(f"/admin/opie/aiplatform/{platform['id']}/change/"),
        admin_client.get("/admin/opie/aiplatform/"),
    ]
    seen = [answer.content.decode() for answer in answers]
    seen += [json.dumps([entry.before, entry.after]) for entry in AuditEntry.objects.all()]
    seen.append(caplog.text)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 400, 400, 409, 200, 200, 200]
    assert not [text for text in seen if "sk-canary" in text.replace("sk-canary-1234567890", "")]
    changed = AuditEntry.objects.get(action="platform.changed")
    assert changed.after is not None
    assert changed.after["api_key"] == "replaced"
    with_key = AIPlatform.objects.get(pk=platform["id"])
    assert with_key.api_key == KEY + "2"


def test_a_new_address_asks_for_the_key_again(person: Person) -> None:
    path = f"platforms/{made(person)['id']}/"
    for change in (
        {"base_url": "https://api.example.com/v1"},
        {"api_type": "anthropic"},
        {"base_url": "https://api.example.com/v1", "api_type": "openai_compatible"},
    ):
        answer = call("PATCH", path, change, person.headers)
        assert answer.status_code == 400
        assert list(error_of(answer)["fields"]) == ["api_key"]
    assert call("PATCH", path, {"priority": 3, "base_url": "", "api_type": "openai"}, person.headers).status_code == 200
    moved = {"base_url": "https://api.example.com/v1", "api_key": "another"}
    assert call("PATCH", path, moved, person.headers).status_code == 200
    assert call("PATCH", path, {"base_url": "", "api_key": ""}, person.headers).json()["has_key"] is False


PRIVATE = [
    "https://127.0.0.1/v1",
    "https://127.1/v1",
    "https://2130706433/v1",
    "https://0x7f000001/v1",
    "https://0x7f.0.0.1/v1",
    "https://0177.0.0.1/v1",
    "https://017700000001/v1",
    "https://127.0.0.1./v1",
    "https://0.0.0.0/v1",
    "https://10.1.2.3/v1",
    "https://172.16.0.1/v1",
    "https://192.168.1.1:8443/v1",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/v1",
    "https://224.0.0.1/v1",
    "https://255.255.255.255/v1",
    "https://[::1]/v1",
    "https://[::]/v1",
    "https://[::ffff:127.0.0.1]/v1",
    "https://[::ffff:7f00:1]/v1",
    "https://[0:0:0:0:0:ffff:0a00:0001]/v1",
    "https://[fd00::1]/v1",
    "https://[fe80::1]/v1",
    "https://[64:ff9b::7f00:1]/v1",
    "https://[64:ff9b::10.0.0.1]/v1",
    "https://[2002:7f00:1::]/v1",
    "https://localhost/v1",
    "https://LOCALHOST/v1",
    "https://localhost./v1",
    "https://rebound.example.com/v1",
    "https://half.example.com/v1",
    "https://six.example.com/v1",
    "https://metadata.google.internal/v1",
    "https://unknown.example.com/v1",
    "https://api.example.com@127.0.0.1/v1",
    "https://user:word@api.example.com/v1",
    "https://api.example.com\\@127.0.0.1/v1",
    "https://127.0.0.1\\@api.example.com/v1",
    "https://api.example.com:99999/v1",
    "https:///v1",
    "https://[::1/v1",
    "http://api.example.com/v1",
    "ftp://api.example.com/v1",
    "file:///etc/passwd",
    "gopher://api.example.com/",
    "//api.example.com/v1",
    "https://①②⑦.⓪.⓪.①/v1",
    "https://127。0。0。1/v1",
]


@pytest.mark.parametrize("base_url", PRIVATE)
def test_no_team_reaches_into_the_operators_network(person: Person, base_url: str) -> None:
    answer = call("POST", "platforms/", BODY | {"base_url": base_url}, person.headers)
    assert answer.status_code == 400, answer.content
    assert list(error_of(answer)["fields"]) == ["base_url"]
    platform = made(person)
    moved = call("PATCH", f"platforms/{platform['id']}/", {"base_url": base_url, "api_key": "k"}, person.headers)
    assert moved.status_code == 400
    assert AIPlatform.objects.get().base_url == ""


@pytest.mark.parametrize("api_type", ["ollama", "llama.cpp", "gpt4all", "offline"])
def test_local_platforms_are_the_operators(person: Person, api_type: str) -> None:
    answer = call("POST", "platforms/", BODY | {"api_type": api_type}, person.headers)
    assert list(error_of(answer)["fields"]) == ["api_type"]
    path = f"platforms/{made(person)['id']}/"
    assert call("PATCH", path, {"api_type": api_type, "api_key": ""}, person.headers).status_code == 400


def test_the_operator_may_use_the_network_of_the_house(operator: Person) -> None:
    local = made(operator, base_url="http://127.0.0.1:11434", api_type="ollama", api_key="")
    assert local["is_local"] is True
    for base_url in ("http://user:word@127.0.0.1/", "ftp://127.0.0.1/"):
        assert call("PATCH", f"platforms/{local['id']}/", {"base_url": base_url}, operator.headers).status_code == 400
    _, key = make_key(operator, "manage_platforms", "view_agents")
    body = BODY | {"platform_name": "by-key", "base_url": "http://127.0.0.1:11434"}
    assert call("POST", "platforms/", body, key).status_code == 400  # a key is nobody in person


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"api_type": "skynet"}, "api_type"),
        ({"timeout": 0}, "timeout"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"priority": -1}, "priority"),
        ({"requests_per_minute": 10**12}, "requests_per_minute"),
        ({"tokens_per_minute": 10**12}, "tokens_per_minute"),
        ({"team": "x"}, "team"),
        ({"id": "x"}, "id"),
        ({"has_key": True}, "has_key"),
        ({"default_model": ""}, "default_model"),
        ({"api_type": "openai_compatible"}, "base_url"),
    ],
)
def test_what_is_no_platform(person: Person, change: dict[str, Any], field: str) -> None:
    answer = call("POST", "platforms/", BODY | change, person.headers)
    assert answer.status_code == 400, answer.content
    assert field in error_of(answer)["fields"]
    path = f"platforms/{made(person)['id']}/"
    assert call("PATCH", path, {"platform_name": "renamed"}, person.headers).status_code == 400


def test_who_sees_changes_and_tries(
    person: Person, member: Person, viewer: Person, stranger: Person, platforms: dict[str, AIPlatform]
) -> None:
    mine = made(person)["id"]
    shared = str(platforms["offline"].pk)
    expected = {
        (member, mine): (200, 403), (viewer, mine): (200, 403), (stranger, mine): (404, 404),
        (person, shared): (200, 403), (member, shared): (200, 403), (stranger, shared): (200, 403),
    }  # fmt: skip
    for (who, pk), (read, write) in expected.items():
        assert call("GET", f"platforms/{pk}/", None, who.headers).status_code == read
        assert call("PATCH", f"platforms/{pk}/", {"priority": 1}, who.headers).status_code == write
        assert call("DELETE", f"platforms/{pk}/", None, who.headers).status_code == write
        assert call("POST", f"platforms/{pk}/test/", None, who.headers).status_code == write
    for who in (member, viewer):
        assert call("POST", "platforms/", BODY, who.headers).status_code == 403
    assert call("GET", "platforms/").status_code == 401
    assert call("POST", f"platforms/{mine}/test/").status_code == 401
    names = {row["platform_name"] for row in call("GET", "platforms/", None, stranger.headers).json()["results"]}
    assert names == set(platforms)
    assert not AgentOSUsage.objects.exists()


def test_the_operator_changes_the_installations_platforms(
    operator: Person, platforms: dict[str, AIPlatform], agents: dict[str, Agent]
) -> None:
    closed = platforms["closed"]
    changed = call("PATCH", f"platforms/{closed.pk}/", {"is_enabled": False}, operator.headers)
    assert (changed.status_code, changed.json()["belongs_to"]) == (200, "installation")
    assert call("DELETE", f"platforms/{closed.pk}/", None, operator.headers).status_code == 204
    assert Agent.objects.filter(agent_id="broken").exists()


# --- trying one out ---


def test_the_offline_responder_answers_a_real_question(operator: Person, platforms: dict[str, AIPlatform]) -> None:
    answer = call("POST", f"platforms/{platforms['offline'].pk}/test/", None, operator.headers)
    body = answer.json()
    assert (answer.status_code, body["ok"], body["error"]) == (200, True, None), body
    assert body["content"]
    assert body["cost"] == "0"
    [row] = AgentOSUsage.objects.all()
    assert (row.purpose, row.outcome, row.user_id, row.team_id) == (
        "test", "succeeded", operator.user.pk, operator.team.pk,
    )  # fmt: skip
    assert body["latency_ms"] == row.latency_ms
    assert body["usage"] == {"input_tokens": row.input_tokens, "output_tokens": row.output_tokens}


class _Vendor(BaseHTTPRequestHandler):
    status = 200
    asked: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        usage = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
        message = {"role": "assistant", "content": "ready"}
        body: dict[str, Any] = {
            "id": "x", "object": "chat.completion", "created": 1, "model": "gpt-test", "usage": usage,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }  # fmt: skip
        if self.status != 200:
            body = {"error": {"message": f"bad key {KEY}", "code": "invalid_api_key"}}
        raw = json.dumps(body).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def vendor() -> Iterator[ThreadingHTTPServer]:
    _Vendor.asked, _Vendor.status = [], 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Vendor)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_platform_is_asked_one_real_question(operator: Person, vendor: ThreadingHTTPServer) -> None:
    base_url = f"http://127.0.0.1:{vendor.server_port}/v1"
    path = f"platforms/{made(operator, api_type='openai_compatible', base_url=base_url)['id']}/test/"
    body = call("POST", path, None, operator.headers).json()
    assert (body["ok"], body["content"], body["model"]) == (True, "ready", "gpt-test")
    assert body["usage"] == {"input_tokens": 11, "output_tokens": 2}
    assert body["cost"] is None  # nobody has published a price for it
    assert len(_Vendor.asked) == 1
    row = AgentOSUsage.objects.get()
    assert (row.purpose, row.outcome, row.input_tokens) == ("test", "succeeded", 11)


def test_a_failure_is_shown_as_a_person_would_be_told(operator: Person, vendor: ThreadingHTTPServer) -> None:
    base_url = f"http://127.0.0.1:{vendor.server_port}/v1"
    path = f"platforms/{made(operator, api_type='openai_compatible', base_url=base_url)['id']}/test/"
    _Vendor.status = 401
    answer = call("POST", path, None, operator.headers)
    body = answer.json()
    assert (answer.status_code, body["ok"], body["error"]["code"]) == (200, False, "platform_key_refused"), body
    assert "key" in body["error"]["message"]
    assert KEY not in answer.content.decode()
    row = AgentOSUsage.objects.get()
    assert (row.purpose, row.outcome) == ("test", "failed")
