"""Runs that wait for a yes, through the REST API and real web processes: over a restart, and with two who decide."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from apps.accounts.models import AuditEntry, Role
from apps.opie.models import Agent, AgentOSApproval, AgentOSMessage, AgentOSRun, AgentOSSession
from tests.opie.people import Person, make_person
from tests.opie.rest.test_streams import frames_of
from tests.opie.rest.web_process import web_processes

API = "/api/v1/agentos/"
ASK = {"agent_id": "helper", "message": "Rename this chat to Budget"}


@pytest.fixture
def careful(agents: dict[str, Agent]) -> None:
    """`helper` renames a chat when somebody agrees."""
    Agent.objects.filter(agent_id="helper").update(tools=["rename_this_chat"], approvals={"rename_this_chat": {}})


def client_of(url: str, person: Person) -> httpx.Client:
    return httpx.Client(base_url=url, headers=person.headers, trust_env=False, timeout=60)


@pytest.mark.usefixtures("careful")
def test_a_run_waits_through_a_restart(person: Person) -> None:
    with web_processes() as [url], client_of(url, person) as client:
        asked = client.post(API + "send-message/", json=ASK)
        assert asked.status_code == 202
        waits = asked.json()
        assert waits["status"] == "waiting"
        (told,) = waits["approvals"]
        assert (told["name"], told["arguments"], told["status"]) == ("rename_this_chat", {"title": "Budget"}, "pending")
        run = f"{API}runs/{waits['run_id']}/"
        found = client.get(run).json()
        assert {name: found[name] for name in waits} == waits
    # The process is gone, killed; another one knows the run from its rows alone.
    with web_processes() as [url], client_of(url, person) as client:
        (listed,) = client.get(f"{API}approvals/?status=pending").json()["results"]
        assert (listed["approval_id"], listed["may_decide"]) == (told["approval_id"], True)
        approve = f"{API}approvals/{told['approval_id']}/approve/"
        decided = client.post(approve, json={"arguments": {"title": "Plans"}})
        assert (decided.status_code, decided.json()["status"]) == (200, "approved")
        frames = frames_of(client.get(run + "events/").text)
        assert [frame.id for frame in frames] == list(range(1, len(frames) + 1))
        names = [frame.event for frame in frames if frame.event != "message.delta"]
        assert names == [
            "run.started", "approval.required", "approval.decided", "tool.started", "tool.finished", "run.finished",
        ]  # fmt: skip
        required, decision, started = frames[1].data, frames[2].data, frames[3].data
        assert required["approval_id"] == decision["approval_id"] == told["approval_id"]
        assert required["tool_call_id"] == decision["tool_call_id"] == started["tool_call_id"]
        assert (required["arguments"], started["arguments"]) == ({"title": "Budget"}, {"title": "Plans"})
        result = client.get(run).json()
        assert {name: result[name] for name in frames[-1].data} == frames[-1].data
        assert (result["status"], result["tools"][0]["failed"]) == ("completed", False)
        late = client.post(approve)
        assert (late.status_code, late.json()["error"]["status"]) == (409, "approved")
    assert AgentOSSession.objects.get().title == "Plans"
    assert AgentOSMessage.objects.filter(is_answer=True).count() == 1


@pytest.mark.usefixtures("careful")
def test_of_two_who_decide_at_once_one_wins(person: Person, member: Person, team: Any) -> None:
    Agent.objects.filter(agent_id="helper").update(approvals={"rename_this_chat": {"by": "manager"}})
    admin = make_person("ada", team, Role.ADMIN)
    with web_processes(2) as [one, other], ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            with client_of(one, member) as client:
                told = client.post(API + "send-message/", json=ASK).json()
            approval = told["approvals"][0]["approval_id"]

            def answer(url: str, who: Person, what: str, approval: str = approval) -> httpx.Response:
                with client_of(url, who) as client:
                    return client.post(f"{API}approvals/{approval}/{what}/")

            both = [threads.submit(answer, one, person, "approve"), threads.submit(answer, other, admin, "reject")]
            answers = [asked.result() for asked in both]
            assert sorted(answered.status_code for answered in answers) == [200, 409]
            (won,) = [answered.json() for answered in answers if answered.status_code == 200]
            (lost,) = [answered.json()["error"] for answered in answers if answered.status_code == 409]
            assert lost["status"] == won["status"]
            with client_of(other, member) as client:
                last = frames_of(client.get(f"{API}runs/{told['run_id']}/events/").text)[-1]
            assert last.event == "run.finished"
            title = AgentOSSession.objects.get(pk=told["session_id"]).title
            assert (title == "Budget") is (won["status"] == "approved")
    assert set(AgentOSRun.objects.values_list("status", flat=True)) == {"completed"}
    assert AuditEntry.objects.filter(action__in=["approval.approved", "approval.rejected"]).count() == 5


@pytest.mark.usefixtures("careful")
def test_a_stream_stays_open_until_the_answer(person: Person) -> None:
    asked = ASK | {"stream": True}
    with (
        web_processes() as [url],
        client_of(url, person) as other_device,
        client_of(url, person) as client,
        client.stream("POST", API + "send-message/", json=asked) as answer,
    ):
        event, events = "", []
        for line in answer.iter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
                events.append(event)
            if line.startswith("data: ") and event == "approval.required":
                approval = json.loads(line.removeprefix("data: "))["approval_id"]
                assert other_device.post(f"{API}approvals/{approval}/reject/", json={}).status_code == 200
        assert events[-1] == "run.finished"
        assert "approval.decided" in events
    assert AgentOSApproval.objects.get().status == "rejected"
