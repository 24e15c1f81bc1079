"""/api/v1/dispatcher/: choosing over REST, giving tasks to whoever fits, and what came of it."""

import json
from typing import Any

import pytest
from django.test import AsyncClient
from django.utils import timezone

from apps.opie.metrics.dispatches import report_dispatches
from apps.opie.models import Agent, AgentOSRun, DispatchDecision
from apps.opie.models.agents import AgentStatus, AgentVisibility
from apps.opie.models.runs import RunStatus
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of
from tests.opie.rest.test_execute import SHAPE
from tests.opie.rest.test_streams import frames_of

TASK = {"task_description": "Review this Python code for security issues"}
COOK = {"task_description": "What should I cook for eight people tonight?"}


@pytest.fixture
def reviewers(agents: dict[str, Agent], person: Person) -> None:
    """Two of the team's who review code, and answer offline."""
    for agent_id in ("reviewer", "second"):
        agent = Agent.objects.create(
            agent_id=agent_id, name=agent_id.title(), kind="task", capabilities=["CODE_REVIEW"], owner=person.user,
            team=person.team, visibility=AgentVisibility.TEAM, status=AgentStatus.PUBLISHED, tools=["calculate"],
        )  # fmt: skip
        agent.models.create(platform=agents["helper"].models.get().platform, position=0)


def post(path: str, who: Person, body: Any = TASK, **more: Any) -> Any:
    return call("POST", f"dispatcher/{path}/", body, who.headers | more)


def test_the_shape_of_a_choice(reviewers: None, person: Person) -> None:
    answer = post("select", person)
    body = answer.json()
    assert answer.status_code == 200, answer.content
    assert body["agent_id"] == body["candidates"][0]["agent_id"] == "reviewer"
    assert [one["agent_id"] for one in body["candidates"]] == ["reviewer", "second"]
    for one in body["candidates"]:
        assert set(one["parts"]) == {"success_rate", "response_time", "experience", "priority"}
        assert one["score"] == pytest.approx(sum(one["parts"].values()))
    assert body["score"] == body["candidates"][0]["score"]
    assert "security issues" in body["candidates"][0]["words"]
    assert "Reviewer" in body["why"]
    assert body["nearest"] == []
    assert DispatchDecision.objects.get(pk=body["decision_id"]).task == TASK["task_description"]


def test_where_nobody_fits_nobody_is_guessed(reviewers: None, person: Person) -> None:
    chosen = post("select", person, COOK).json()
    assert (chosen["agent_id"], chosen["score"], chosen["candidates"]) == (None, None, [])
    refused = post("execute", person, COOK)
    assert refused.status_code == 409
    assert error_of(refused)["code"] == "no_agent_fits"
    assert not AgentOSRun.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "task_description"),
        ({"task_description": " "}, "task_description"),
        ({"task_description": "x" * 100_001}, "task_description"),
        (TASK | {"capabilities": "CODE_REVIEW"}, "capabilities"),
        (TASK | {"capabilities": ["PALM_READING"]}, "capabilities"),
        (TASK | {"agent": "x"}, "agent"),
    ],
)
def test_what_cannot_be_used_is_named(reviewers: None, person: Person, body: Any, field: str) -> None:
    answer = post("select", person, body)
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, [field])


def test_capabilities_narrow_the_choice(reviewers: None, person: Person) -> None:
    Agent.objects.filter(agent_id="second").update(capabilities=["CODE_REVIEW", "TESTING"])
    body = post("select", person, TASK | {"capabilities": ["TESTING"]}).json()
    assert [one["agent_id"] for one in body["candidates"]] == ["second"]


def test_a_task_is_run_by_whoever_fits(reviewers: None, person: Person) -> None:
    answer = post("execute", person, TASK | {"input_data": {"code": "eval(input())"}})
    body = answer.json()
    assert (answer.status_code, set(body)) == (200, SHAPE | {"agent_id", "dispatch"}), answer.content
    assert body["success"] is True
    assert body["agent_id"] == body["metadata"]["agent_id"] == body["dispatch"]["agent_id"] == "reviewer"
    decision = DispatchDecision.objects.get(pk=body["dispatch"]["decision_id"])
    assert str(decision.run_id) == body["execution_id"]
    run = AgentOSRun.objects.get(pk=body["execution_id"])
    assert "eval(input())" in run.input["message"]
    assert run.input["message"].startswith(TASK["task_description"])


async def test_a_stream_says_first_who_was_chosen(reviewers: None, person: Person) -> None:
    body = json.dumps(TASK | {"stream": True})
    answer: Any = await AsyncClient().post(
        "/api/v1/dispatcher/execute/", body, "application/json", headers=person.headers
    )
    frames = frames_of(b"".join([part async for part in answer.streaming_content]).decode())
    started = next(frame for frame in frames if frame.event == "run.started")
    assert frames[-1].event == "run.finished"
    assert started.data["dispatched"]["agent_id"] == "reviewer"
    assert "security issues" in started.data["dispatched"]["why"]


def test_a_task_in_the_background_keeps_its_choice(reviewers: None, person: Person) -> None:
    answer = post("execute", person, TASK | {"background": True})
    body = answer.json()
    assert (answer.status_code, body["success"], body["agent_id"]) == (202, None, "reviewer")
    run = AgentOSRun.objects.select_related("agent").get(pk=body["execution_id"])
    assert run.agent is not None
    assert (run.agent.agent_id, run.input["dispatched"]["agent_id"]) == ("reviewer", "reviewer")


def test_choices_are_listed_with_what_came_of_them(reviewers: None, person: Person, member: Person) -> None:
    done = post("execute", person).json()
    post("select", person, COOK)
    listed = call("GET", "dispatcher/decisions/", None, person.headers).json()
    assert listed["count"] == 2
    nobody, chosen = listed["results"]
    assert (nobody["agent_id"], nobody["outcome"]) == (None, None)
    assert (chosen["agent_id"], chosen["outcome"]["status"]) == ("reviewer", "completed")
    assert chosen["outcome"]["run_id"] == done["execution_id"]
    assert chosen["outcome"]["duration_ms"] >= 0
    assert chosen["candidates"][0]["parts"] == done["dispatch"]["candidates"][0]["parts"]
    assert call("GET", "dispatcher/decisions/", None, member.headers).json()["count"] == 0
    assert call("GET", "dispatcher/decisions/?page_size=1&page=2", None, person.headers).json()["results"] == [chosen]


def decided(who: Person, score: float | None, status: str | None = None, agent_id: str = "reviewer") -> None:
    run = None
    if status is not None:
        ended = timezone.now() if status in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED) else None
        run = AgentOSRun.objects.create(user=who.user, team=who.team, status=status, finished_at=ended)
    DispatchDecision.objects.create(
        user=who.user, team=who.team, task="t", chosen=agent_id if score is not None else "", score=score, run=run
    )


def test_figures_by_score_and_by_agent(person: Person, member: Person, stranger: Person) -> None:
    decided(person, 0.7, "completed")
    decided(person, 0.75, "failed")
    decided(member, 0.62, "completed", "second")
    decided(member, 0.69, "cancelled")
    decided(person, 1.0)
    decided(person, None)
    decided(stranger, 0.7, "failed")
    figures = call("GET", "dispatcher/figures/", None, person.headers).json()
    counts = {"choices": 5, "completed_runs": 2, "failed_runs": 1, "success_rate": 0.6667}
    assert (figures["choices"], figures["nobody_fitted"]) == (counts, 1)
    assert [(one["from"], one["to"], one["choices"], one["success_rate"]) for one in figures["by_score"]] == [
        (0.6, 0.7, 2, 1.0), (0.7, 0.8, 2, 0.5), (0.9, 1.0, 1, None),
    ]  # fmt: skip
    assert [(one["agent_id"], one["choices"]) for one in figures["by_agent"]] == [("reviewer", 4), ("second", 1)]
    own = call("GET", "dispatcher/figures/", None, member.headers).json()
    assert (own["choices"]["choices"], own["nobody_fitted"]) == (2, 0)
    assert call("GET", "dispatcher/figures/?to=2020-01-01", None, person.headers).json()["by_score"] == []


def test_a_viewer_sees_the_teams_figures_and_no_tasks(person: Person, viewer: Person) -> None:
    decided(person, 0.7, "completed")
    assert report_dispatches(viewer.principal).chosen.choices == 1
    assert call("GET", "dispatcher/decisions/", None, viewer.headers).json()["count"] == 0
    assert post("select", viewer).status_code == 403
    assert post("execute", viewer).status_code == 403
