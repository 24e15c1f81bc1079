"""The examples of docs/executions.md do what they say."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.opie import rows
from apps.opie.engine import hooks
from apps.opie.engine.executions import agents as classes
from apps.opie.models import Agent
from tests.opie.people import Person
from tests.opie.rest.caller import call

TEXT = (Path(__file__).parents[3] / "docs" / "executions.md").read_text()


def examples(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found


@pytest.fixture
def reviewer(agents: dict[str, Agent], monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    agent = agents["helper"]
    Agent.objects.filter(pk=agent.pk).update(agent_id="code-reviewer", kind="task")
    monkeypatch.setattr(classes, "_classes", {})
    yield agent
    hooks._hooks.clear()


async def test_in_python(reviewer: Agent, person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    named: dict[str, Any] = {"user": person.user, "__name__": "docs"}
    for example in examples("python"):
        code = compile(example, "docs/executions.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, named)
        if inspect.isawaitable(result):
            await result
    assert "AgentResult" in capsys.readouterr().out
    assert await rows.run(lambda: type(classes.executable(Agent(agent_id="code-reviewer")))) is named["Reviewer"]


def test_over_rest(reviewer: Agent, person: Person) -> None:
    for example in examples("json"):
        answer = call("POST", "agents/code-reviewer/execute/", json.loads(example), person.headers)
        assert answer.status_code == 200, answer.content
        assert answer.json()["success"] is True
    assert isinstance(answer.json()["output"]["line"], int)
