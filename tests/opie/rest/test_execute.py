"""/api/v1/agents/{agent_id}/execute/ and /api/v1/executions/: the same rows as runs, in the shape of executions."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Role
from apps.opie import rows
from apps.opie.engine import background
from apps.opie.models import Agent, AgentOSRun, AIPlatform
from apps.opie.models.agents import AgentStatus, AgentVisibility
from apps.opie.models.platforms import ApiType
from apps.opie.providers.clients import close_clients
from tests.opie.people import Person, make_key, make_person
from tests.opie.rest.caller import call, counts, error_of
from tests.opie.rest.test_streams import frames_of
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

BODY = {"input_data": {"question": "What is 6 * 7?"}}
SHAPE = {
    "success", "output", "execution_id", "tokens_used", "cost", "execution_time", "platform_used", "model_used",
    "metadata",
}  # fmt: skip
FINDINGS = {
    "type": "object",
    "properties": {
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"severity": {"enum": ["low", "high"]}, "line": {"type": "integer"}},
                "required": ["severity", "line"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["findings"],
    "additionalProperties": False,
}
GOOD = '{"findings": [{"severity": "high", "line": 3}]}'


def execute(who: Person, agent_id: str = "helper", body: Any = BODY) -> Any:
    return call("POST", f"agents/{agent_id}/execute/", body, who.headers)


def test_the_shape_of_an_execution(agents: Any, person: Person) -> None:
    answer = execute(person)
    body = answer.json()
    assert (answer.status_code, set(body)) == (200, SHAPE), answer.content
    assert (body["success"], body["cost"], body["platform_used"]) == (True, "0", "offline")
    assert "42" in body["output"]
    assert body["metadata"]["agent_id"] == "helper"
    assert body["tokens_used"] == body["metadata"]["usage"]["total_tokens"] > 0
    run = call("GET", f"agentos/runs/{body['execution_id']}/", None, person.headers).json()
    assert body["execution_time"] == run["duration_ms"] / 1000
    read = call("GET", f"executions/{body['execution_id']}/", None, person.headers)
    assert read.json() == body


def test_executions_are_runs_under_another_name(agents: Any, person: Person, member: Person) -> None:
    first = execute(person).json()
    sent = call("POST", "agentos/send-message/", {"agent_id": "helper", "message": "Hi"}, person.headers).json()
    listed = call("GET", "executions/?agent_id=helper", None, person.headers).json()
    assert [one["execution_id"] for one in listed["results"]] == [sent["run_id"], first["execution_id"]]
    assert listed["results"][1] == first
    assert call("GET", "executions/?status=failed", None, person.headers).json()["count"] == 0
    assert call("GET", "executions/", None, member.headers).json()["count"] == 0
    with CaptureQueriesContext(connection) as few:
        call("GET", "executions/", None, person.headers)
    for _ in range(3):
        execute(person)
    with CaptureQueriesContext(connection) as many:
        call("GET", "executions/", None, person.headers)
    assert len(many) == len(few)


def test_left_to_the_worker(agents: Any, person: Person) -> None:
    answer = execute(person, body=BODY | {"background": True})
    left = answer.json()
    assert (answer.status_code, left["success"], left["metadata"]["status"]) == (202, None, "pending")
    asyncio.run(background.run_to_end(AgentOSRun.objects.get(pk=left["execution_id"]).pk))
    done = call("GET", f"executions/{left['execution_id']}/", None, person.headers).json()
    assert (done["success"], "42" in done["output"]) == (True, True)

    waits = execute(person, body=BODY | {"background": True}).json()["execution_id"]
    stopped = call("POST", f"executions/{waits}/cancel/", None, person.headers)
    assert (stopped.status_code, stopped.json()["metadata"]["status"]) == (202, "cancelled")
    assert stopped.json()["success"] is False


def test_when_no_platform_answers(agents: Any, person: Person) -> None:
    answer = execute(person, "broken")
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (502, "platform_unreachable")
    failed = call("GET", f"executions/{error['run_id']}/", None, person.headers).json()
    assert (failed["success"], failed["metadata"]["error"]["code"]) == (False, "platform_unreachable")


def test_others_may_not(agents: Any, person: Person, member: Person, viewer: Person, stranger: Person) -> None:
    mine = execute(person).json()["execution_id"]
    unknown = error_of(call("GET", f"executions/{uuid4()}/", None, member.headers))
    for who in (member, stranger):
        for method, path in (("GET", f"executions/{mine}/"), ("POST", f"executions/{mine}/cancel/")):
            answer = call(method, path, None, who.headers)
            assert answer.status_code == 404, (who, path)
            assert {**error_of(answer), "request_id": ""} == {**unknown, "request_id": ""}
    assert execute(stranger).status_code == 404
    assert execute(person, "foreign").status_code == 404
    assert execute(viewer).status_code == 403
    assert call("POST", "agents/helper/execute/", BODY).status_code == 401
    _, reads_only = make_key(person, "view_agents")
    assert call("POST", "agents/helper/execute/", BODY, reads_only).status_code == 403
    assert call("GET", f"executions/{mine}/", None, reads_only).status_code == 200


NESTED = b'{"input_data": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}"
BAD: list[tuple[str, Any, str]] = [
    ("nothing", {}, "input_data"),
    ("no object", {"input_data": "code"}, "input_data"),
    ("empty", {"input_data": {}}, "input_data"),
    ("null", {"input_data": None}, "input_data"),
    ("format alone", {"input_data": {"output_format": "json"}}, "input_data"),
    ("unknown field", BODY | {"user": "me"}, "user"),
    ("too large", {"input_data": {"a": "x" * 100_001}}, "input_data"),
    ("NUL", {"input_data": {"a": ["\x00"]}}, "input_data"),
    ("half a pair", b'{"input_data": {"a": "\\ud800"}}', "input_data"),
    ("no schema", {"input_data": {"a": 1, "output_format": {"type": "thing"}}}, "input_data.output_format"),
    ("endless schema", {"input_data": {"a": 1, "output_format": {"$ref": "#"}}}, "input_data.output_format"),
    (
        "schema elsewhere",
        BODY | {"context": {"output_format": {"$ref": "file:///etc/passwd"}}},
        "context.output_format",
    ),
    ("context", BODY | {"context": []}, "context"),
    ("history", BODY | {"context": {"conversation_history": [{"role": "tool", "content": "x"}]}}, "context"),
    ("stream", BODY | {"stream": "perhaps"}, "stream"),
    ("attempts", BODY | {"background": True, "most_attempts": 99}, "most_attempts"),
    ("NaN", b'{"input_data": {"a": NaN}}', ""),
    ("no JSON", b"{", ""),
    ("a list", [BODY], "non_field_errors"),
]


def test_a_body_that_cannot_be_used(agents: Any, person: Person) -> None:
    before = counts()
    for name, body, field in BAD:
        answer = execute(person, body=body)
        assert answer.status_code == 400, (name, answer.content)
        named = error_of(answer).get("fields", {})
        assert not field or any(one.startswith(field) for one in named), (name, named)
    assert counts() == before
    assert execute(person, body=NESTED).status_code in (200, 400)
    assert execute(person, body={"input_data": {"a": "x" * 2_200_000}}).status_code == 413


@pytest.fixture
def openai(person: Person) -> AIPlatform:
    platform = AIPlatform.objects.create(
        platform_name="vendor", api_type=ApiType.OPENAI, default_model="gpt-6-sol", api_key="sk-canary-1234567890",
        supports_json_mode=True, timeout=5,
    )  # fmt: skip
    agent = Agent.objects.create(
        agent_id="reviewer", name="Reviewer", kind="task", owner=person.user, team=person.team,
        visibility=AgentVisibility.TEAM, status=AgentStatus.PUBLISHED, output_schema=FINDINGS,
    )  # fmt: skip
    agent.models.create(platform=platform, position=0)
    return platform


async def post(person: Person, body: Any, vendor: VendorServer, openai: AIPlatform) -> Any:
    await rows.run(AIPlatform.objects.filter(pk=openai.pk).update, base_url=f"{vendor.url}/v1")
    headers = {"Authorization": f"Bearer {person.bearer}"}
    answer = await AsyncClient().post(
        "/api/v1/agents/reviewer/execute/", json.dumps(body), "application/json", headers=headers
    )
    if answer.streaming:
        answer.frames = b"".join([part async for part in answer.streaming_content]).decode()
    await close_clients()
    return answer


async def test_structured_output_over_a_real_socket(person: Person, openai: AIPlatform) -> None:
    async with VendorServer().will(Reply(text=GOOD)) as vendor:
        answer = await post(person, {"input_data": {"code": "x = 1"}}, vendor, openai)
        asked = vendor.asked[0].body["response_format"]
    assert answer.json()["output"] == {"findings": [{"severity": "high", "line": 3}]}
    assert asked["json_schema"] == {"name": "output", "schema": FINDINGS, "strict": True}


async def test_a_second_round_over_a_real_socket_is_billed_and_streamed(person: Person, openai: AIPlatform) -> None:
    async with VendorServer().will(Reply(text="Line 3 is bad."), Reply(text=GOOD)) as vendor:
        body = {"input_data": {"code": "x = 1"}, "stream": True}
        answer = await post(person, body, vendor, openai)
        asked = [one.body for one in vendor.asked]
    frames = frames_of(answer.frames)
    kinds = [frame.event for frame in frames]
    assert kinds[0] == "run.started"
    assert kinds.count("output.invalid") == 1
    last = frames[-1]
    assert (last.event, last.data["content"], last.data["output"]) == ("run.finished", GOOD, json.loads(GOOD))
    assert last.data["usage"]["total_tokens"] == 2 * (120 + 45)
    assert [message["role"] for message in asked[1]["messages"]][-3:] == ["user", "assistant", "user"]
    assert asked[1]["response_format"] == asked[0]["response_format"]


async def test_wrong_twice_is_502_and_the_text_is_kept(person: Person, openai: AIPlatform) -> None:
    async with VendorServer().will(Reply(text='{"findings": "none"}')) as vendor:
        answer = await post(person, {"input_data": {"code": "x = 1"}}, vendor, openai)
        assert len(vendor.asked) == 2
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (502, "output_invalid")
    kept = await rows.run(call, "GET", f"executions/{error['run_id']}/", None, person.headers)
    assert (kept.json()["success"], kept.json()["output"]) == (False, '{"findings": "none"}')
    assert [one["text"] for one in kept.json()["metadata"]["refused"]] == ['{"findings": "none"}'] * 2


def test_somebody_in_two_teams_sees_each_teams_own(agents: Any, person: Person, other_team: Any) -> None:
    other = make_person("zoe", other_team, Role.OWNER)
    assistant = execute(other, "assistant").json()["execution_id"]
    assert call("GET", f"executions/{assistant}/", None, other.headers).status_code == 200
    assert call("GET", f"executions/{assistant}/", None, person.headers).status_code == 404
