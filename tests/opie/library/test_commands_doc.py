"""docs/commands.md says what is so, and its examples do what they say."""

import json
import re
from pathlib import Path

import pytest

from apps.opie.library.commands import create_command
from apps.opie.library.kinds import KINDS
from apps.opie.library.template import TemplateRenderer
from apps.opie.models import Agent
from tests.opie.people import Person

TEXT = (Path(__file__).parents[3] / "docs" / "commands.md").read_text()


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_the_table_of_types_is_whole() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", TEXT, re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", limits)) for name, limits in rows}
    assert told == {kind.name: set(kind.limits) for kind in KINDS.values()}


def test_the_template_is_rendered_as_told() -> None:
    template = TemplateRenderer(example("template"))
    assert template.variables == {"language", "code", "focus"}
    given = {"language": "Python", "code": "{{focus}}", "focus": ["speed", "tests"]}
    assert template.render(given) == ("Review this Python code:\n\n{{focus}}\n\nLook above all at:\n- speed\n- tests\n")
    assert template.render({"code": "x"}).endswith("x\n\nLook at everything.\n")
    assert TemplateRenderer(r"\{{code}} \\{{code}}").render({"code": "x"}) == r"{{code}} \x"


def test_in_python(person: Person, agents: dict[str, Agent], capsys: pytest.CaptureFixture[str]) -> None:
    definition = json.loads(example("json"))
    create_command(person.principal, definition | {"recommended_agent": "helper"})
    exec(compile(example("python"), "docs/commands.md", "exec"), {"user": person.user})
    said = capsys.readouterr().out
    assert said.startswith("Review this:\nreturn eval(x)\n")
    assert "offline" in said.lower()
    assert said.endswith("team.review 1.0\n")
