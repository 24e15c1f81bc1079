"""The commands that come with Opie: each can be used, and what a person made of one stays."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from apps.opie.engine.default_agents import catalogue as agents_of_catalogue
from apps.opie.library.catalogue import catalogue
from apps.opie.library.executor import CommandExecutor
from apps.opie.library.parameters import read_parameters
from apps.opie.library.template import renderer_for
from apps.opie.library.validator import ParameterValidator
from apps.opie.models import Agent, CommandTemplate, CommandVersion
from tests.opie.people import Person

SPECIALISTS = {
    *("business-analyst", "project-manager", "scrum-master", "product-owner", "coding-agent", "code-reviewer"),
    *("devops-agent", "qa-testing-agent", "bug-triage-agent", "legal-agent", "hr-agent", "finance-agent"),
    *("documentation-agent", "ux-designer", "research-agent", "release-manager"),
}
COMMANDS = catalogue()
SAMPLES: dict[str, Any] = {
    "string": "A word",
    "text": "Some text.\nMore of it.",
    "integer": 7,
    "number": 7.5,
    "boolean": True,
    "date": "2027-01-31",
    "json": {"one": [1, 2], "two": "x"},
}


def bring_in(*options: str) -> dict[str, str]:
    out = StringIO()
    call_command("create_default_commands", *options, stdout=out)
    return {slug: change for change, slug in (line.split() for line in out.getvalue().splitlines())}


def sample_of(parameter: Any) -> Any:
    if parameter.type == "choice":
        return parameter.allowed_values[-1]
    if parameter.type == "multiple_choice":
        return list(parameter.allowed_values[:2])
    sample = SAMPLES[parameter.type]
    if parameter.type in ("integer", "number"):
        sample = max(sample, parameter.min_value or 0)
        sample = min(sample, parameter.max_value or sample)
    return sample


def test_every_specialist_has_some() -> None:
    assert len(COMMANDS) >= 48
    per_agent = {agent: [one.slug for one in COMMANDS if one.agent_id == agent] for agent in SPECIALISTS}
    assert {one.agent_id for one in COMMANDS} == SPECIALISTS
    assert min(len(slugs) for slugs in per_agent.values()) >= 3


def test_the_agents_they_name_have_what_they_need() -> None:
    able = {one.agent_id: set(one.definition["capabilities"]) for one in agents_of_catalogue()}
    for command in COMMANDS:
        needed = set(command.definition["required_capabilities"])
        assert needed, command.slug
        assert needed <= able[command.agent_id], command.slug


@pytest.mark.parametrize("command", COMMANDS, ids=[one.slug for one in COMMANDS])
def test_each_is_worth_having(command: Any) -> None:
    definition = command.definition
    parameters = read_parameters(definition["parameters"])
    template = definition["template"]
    assert 2 <= len(parameters) <= 7
    assert renderer_for(template).variables == {parameter.name for parameter in parameters}
    assert template.count("\n\n") >= 2
    assert "{{#if " in template
    assert any(parameter.required for parameter in parameters)
    assert definition["example_usage"]
    assert len(definition["tags"]) >= 2
    assert len(definition["description"]) <= 200
    fewest = ParameterValidator(parameters).validate({one.name: sample_of(one) for one in parameters if one.required})
    most = ParameterValidator(parameters).validate({one.name: sample_of(one) for one in parameters})
    bare, full = renderer_for(template).render(fewest), renderer_for(template).render(most)
    for text in (bare, full):
        assert "{{" not in text
        assert "\n\n\n" not in text, text
        assert not any(line.endswith(" ") for line in text.splitlines())
    assert bare != full


def test_they_are_made_once_and_updated_while_nobody_edited_them(person: Person, agents: dict[str, Agent]) -> None:
    slugs = {one.slug for one in COMMANDS}
    assert bring_in() == dict.fromkeys(slugs, "created")
    assert bring_in() == dict.fromkeys(slugs, "unchanged")
    assert CommandVersion.objects.count() == len(slugs)
    for command in CommandTemplate.objects.all():
        assert (command.status, command.visibility, command.team_id) == ("published", "public", None)
    # Its agent comes later.
    Agent.objects.create(agent_id="code-reviewer", name="R", visibility="public", status="published")
    changed = {slug for slug, change in bring_in().items() if change == "updated"}
    assert changed == {one.slug for one in COMMANDS if one.agent_id == "code-reviewer"}
    command = CommandTemplate.objects.get(slug="review-code")
    command.template, command.version = "Mine: {{code}}", 9
    command.save()
    CommandVersion.objects.create(command=command, number=9, definition=command.definition(), author=person.user)
    assert bring_in()["review-code"] == "skipped"
    assert bring_in("--overwrite")["review-code"] == "updated"
    command.refresh_from_db()
    assert (command.version, command.template.startswith("Review this")) == (10, True)


def test_a_team_that_took_the_name_keeps_its_command(person: Person) -> None:
    CommandTemplate.objects.create(
        slug="review-code", name="Ours", template="x", visibility="public", team=person.team, owner=person.user
    )
    assert bring_in("--overwrite")["review-code"] == "skipped"
    assert CommandTemplate.objects.get(slug="review-code").name == "Ours"


def test_each_specialist_answers_a_command_offline(person: Person, transactional_db: None) -> None:
    call_command("setup_platforms", stdout=StringIO())
    call_command("create_default_agents", stdout=StringIO())
    bring_in()
    executor = CommandExecutor(person.user)
    for agent in sorted(SPECIALISTS):
        command = CommandTemplate.objects.filter(recommended_agent__agent_id=agent).order_by("slug")[0]
        needed = [one for one in read_parameters(command.parameters) if one.required]
        result = executor.execute(command.slug, {one.name: sample_of(one) for one in needed})
        assert (result.status, result.agent_id, result.platform) == ("completed", agent, "offline"), command.slug
        assert result.content
        command.refresh_from_db()
        assert command.total_successes == 1
