"""Running commands over REST: which agent answers, where, and what is kept of it."""

import hashlib
import json
from typing import Any

import pytest
from django.test import AsyncClient

from apps.opie.engine.dispatched import Dispatched
from apps.opie.library.executor import CommandExecutor
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, CommandExecution, CommandTemplate, DispatchDecision
from apps.opie.models.agents import AgentStatus
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of

PROMPT = "What is {{a}} + {{b}}?"


@pytest.fixture
def add(person: Person, agents: dict[str, Agent]) -> CommandTemplate:
    return CommandTemplate.objects.create(
        slug="add",
        name="Add",
        template=PROMPT,
        parameters=[
            {"name": "a", "type": "integer", "required": True},
            {"name": "b", "type": "integer", "default": 2, "max_value": 9},
        ],
        recommended_agent=agents["helper"],
        owner=person.user,
        team=person.team,
        visibility="team",
    )


def execute(who: Person, body: dict[str, Any], slug: str = "add") -> Any:
    return call("POST", f"commands/{slug}/execute/", body, who.headers)


def test_it_runs_as_a_task_and_is_recorded(member: Person, add: CommandTemplate) -> None:
    answer = execute(member, {"parameters": {"a": 40}})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert "42" in body["content"]
    assert (body["session_id"], body["agent_id"], body["platform"]) == (None, "helper", "offline")
    assert body["command"] == {
        "slug": "add",
        "address": "team.add",
        "name": "Add",
        "version": 1,
        "parameters": {"a": 40, "b": 2},
        "agent_id": "helper",
        "agent_name": "Helper",
        "chosen_by": "command",
        "why": "“Add” is made for Helper.",
    }
    kept = CommandExecution.objects.get()
    assert (str(kept.run_id), kept.command, kept.version, kept.outcome) == (body["run_id"], add, 1, "completed")
    assert (kept.parameters, kept.user_id, kept.team_id) == ({"a": 40, "b": 2}, member.user.pk, member.team.pk)
    assert kept.prompt_digest == hashlib.sha256(b"What is 40 + 2?").hexdigest()
    add.refresh_from_db()
    assert (add.total_successes, add.total_failures, add.success_rate) == (1, 0, 1.0)
    assert add.avg_execution_time is not None
    assert add.estimated_cost == 0


def test_it_runs_in_a_session(member: Person, stranger: Person, add: CommandTemplate) -> None:
    first = execute(member, {"parameters": {"a": 1}, "new_session": True}).json()
    again = execute(member, {"parameters": {"a": 5}, "session_id": first["session_id"]}).json()
    assert again["session_id"] == first["session_id"]
    said = AgentOSMessage.objects.filter(session=first["session_id"], role="user").order_by("number")
    assert [message.content for message in said] == ["What is 1 + 2?", "What is 5 + 2?"]
    refused = execute(stranger, {"parameters": {"a": 5}, "session_id": first["session_id"]})
    assert error_of(refused)["code"] == "command_not_found"
    other = execute(member, {"parameters": {"a": 5}, "session_id": "0190aaaa-0000-7000-8000-000000000000"})
    assert error_of(other)["code"] == "session_not_found"
    both = execute(member, {"parameters": {"a": 5}, "session_id": first["session_id"], "new_session": True})
    assert set(error_of(both)["fields"]) == {"new_session"}


def test_bad_input_is_refused_before_anything_is_written(member: Person, viewer: Person, add: CommandTemplate) -> None:
    refused = execute(member, {"parameters": {"a": "four", "b": 10, "c": 1}})
    assert set(error_of(refused)["fields"]) == {"parameters.a", "parameters.b", "parameters.c"}
    assert set(error_of(execute(member, {}))["fields"]) == {"parameters.a"}
    assert set(error_of(execute(member, {"parameters": {"a": 1}, "colour": 1}))["fields"]) == {"colour"}
    assert error_of(execute(member, {"parameters": {"a": 1}, "agent_id": "nobody"}))["code"] == "agent_not_found"
    assert error_of(execute(member, {"parameters": {"a": 1}, "agent_id": "foreign"}))["code"] == "agent_not_found"
    assert execute(viewer, {"parameters": {"a": 1}}).status_code == 403
    CommandTemplate.objects.update(status="withdrawn")
    assert error_of(execute(member, {"parameters": {"a": 1}}))["code"] == "command_withdrawn"
    assert not AgentOSRun.objects.exists()
    assert not CommandExecution.objects.exists()


def test_a_prompt_has_an_end_and_says_something(member: Person, add: CommandTemplate) -> None:
    CommandTemplate.objects.update(template="{{a}}" * 9_000)
    many = execute(member, {"parameters": {"a": 10**14}})
    assert "At most" in error_of(many)["fields"]["parameters"][0]
    CommandTemplate.objects.update(template="{{#if b}}{{/if}}")
    assert set(error_of(execute(member, {"parameters": {"a": 1}}))["fields"]) == {"parameters"}


def test_a_failure_is_told_and_counted(member: Person, add: CommandTemplate) -> None:
    execute(member, {"parameters": {"a": 1}})
    failed = execute(member, {"parameters": {"a": 1}, "agent_id": "broken"})
    assert failed.status_code == 502
    kept = CommandExecution.objects.get(run=error_of(failed)["run_id"])
    assert kept.outcome == "failed"
    add.refresh_from_db()
    assert (add.total_successes, add.total_failures, add.success_rate) == (1, 1, 0.5)


def test_who_answers(member: Person, add: CommandTemplate, agents: dict[str, Agent]) -> None:
    Agent.objects.filter(agent_id="helper").update(status=AgentStatus.WITHDRAWN)
    add.required_capabilities = ["ADDING"]
    add.save()
    nobody = execute(member, {"parameters": {"a": 1}})
    assert (nobody.status_code, error_of(nobody)["code"]) == (409, "no_agent_fits")
    Agent.objects.filter(agent_id__in=("assistant", "foreign")).update(capabilities=["ADDING", "OTHER"])
    chosen = execute(member, {"parameters": {"a": 1}}).json()["command"]
    assert (chosen["agent_id"], chosen["chosen_by"]) == ("assistant", "capability")
    assert chosen["why"] == "Assistant can do what “Add” needs: adding."
    chosen = execute(member, {"parameters": {"a": 1}, "agent_id": "assistant"}).json()["command"]
    assert chosen["chosen_by"] == "person"


def test_the_dispatcher_chooses_where_the_command_does_not(
    member: Person, add: CommandTemplate, agents: dict[str, Agent]
) -> None:
    Agent.objects.filter(agent_id="assistant").update(capabilities=["LEGAL_REVIEW"])
    CommandTemplate.objects.update(
        recommended_agent=None, name="Review a contract", template="Review this contract for legal risks: {{a}}"
    )
    chosen = execute(member, {"parameters": {"a": 1}}).json()["command"]
    assert (chosen["agent_id"], chosen["chosen_by"]) == ("assistant", "dispatcher")
    # The choice is kept with what came of it, and the run says why.
    decision = DispatchDecision.objects.get()
    assert decision.run is not None
    kept = Dispatched.of_run_input(decision.run.input)
    assert kept is not None
    assert chosen["why"] == kept.why != ""


def test_in_the_background_the_worker_is_given_it(member: Person, add: CommandTemplate) -> None:
    answer = execute(member, {"parameters": {"a": 1}, "background": True})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["command"]["address"]) == ("pending", "team.add")
    assert CommandExecution.objects.get(run=body["run_id"]).outcome == ""
    stopped = call("POST", f"agentos/runs/{body['run_id']}/cancel/", {}, member.headers)
    assert stopped.status_code in (200, 202)
    assert CommandExecution.objects.get().outcome == "cancelled"
    add.refresh_from_db()
    assert add.total_runs == 0


def test_what_was_run_outlives_the_command(member: Person, person: Person, add: CommandTemplate) -> None:
    execute(member, {"parameters": {"a": 1}})
    assert call("DELETE", "commands/team.add/", headers=person.headers).status_code == 204
    kept = CommandExecution.objects.get()
    assert (kept.command, kept.address) == (None, "team.add")


def test_python_has_the_same_door(member: Person, add: CommandTemplate) -> None:
    executor = CommandExecutor(member.user)
    assert executor.preview("add", {"a": 3}) == "What is 3 + 2?"
    assert "5" in executor.execute("add", {"a": 3}).content


async def test_streamed_frames_tell_of_the_command(member: Person, add: CommandTemplate) -> None:
    answer: Any = await AsyncClient().post(
        "/api/v1/commands/add/execute/",
        json.dumps({"parameters": {"a": 40}, "stream": True}),
        content_type="application/json",
        headers=member.headers,
    )
    assert answer["Content-Type"].startswith("text/event-stream")
    raw = "".join([part.decode() async for part in answer.streaming_content])
    frames = [
        dict(line.split(": ", 1) for line in frame.splitlines()) for frame in raw.split("\n\n") if "event: " in frame
    ]
    names = [frame["event"] for frame in frames]
    assert (names[0], names[-1]) == ("run.started", "run.finished")
    assert "message.delta" in names
    for frame in (frames[0], frames[-1]):
        assert json.loads(frame["data"])["command"]["address"] == "team.add"
    assert "42" in json.loads(frames[-1]["data"])["content"]
