"""The catalogue of specialists, held against the table that they were promised by."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from apps.opie import rows
from apps.opie.engine import execution_engine
from apps.opie.engine.default_agents import DefaultAgent, bring_in, catalogue, output_formats
from apps.opie.engine.default_agents.files import UnusableFile, read_file
from apps.opie.models import AIPlatform
from apps.opie.providers.shapes import is_closed, is_plain
from apps.opie.tools.registry import TOOLS
from apps.opie.tools.specialities import LABELS
from tests.opie.engine.conftest import Asks
from tests.opie.engine.scripted import Script
from tests.opie.people import Person

# agent_id: (name, tier, capabilities, temperature, most tokens)
PROMISED: dict[str, tuple[str, str, set[str], str, int | None]] = {
    "business-analyst": ("Business Analyst", "analysis", {"REQUIREMENTS_ANALYSIS", "USER_STORY_GENERATION"}, "0.7", None),
    "project-manager": ("Project Manager", "economy", {"PROJECT_MANAGEMENT"}, "0.6", None),
    "scrum-master": ("Scrum Master", "writing", {"PROJECT_MANAGEMENT"}, "0.6", None),
    "product-owner": ("Product Owner", "analysis", {"PROJECT_MANAGEMENT", "USER_STORY_GENERATION"}, "0.7", None),
    "coding-agent": ("Senior Software Engineer", "writing", {"CODE_GENERATION"}, "0.3", 8000),
    "code-reviewer": ("Code Review Expert", "analysis", {"CODE_REVIEW"}, "0.5", 6000),
    "devops-agent": ("DevOps Engineer", "analysis", {"DEVOPS"}, "0.5", 6000),
    "qa-testing-agent": ("QA Engineer", "analysis", {"TESTING"}, "0.4", 5000),
    "bug-triage-agent": ("Bug Triage Specialist", "economy", {"BUG_TRIAGE"}, "0.4", None),
    "legal-agent": ("Legal Counsel", "writing", {"LEGAL_REVIEW"}, "0.3", 6000),
    "hr-agent": ("HR Manager", "writing", {"HR_MANAGEMENT"}, "0.7", None),
    "finance-agent": ("Financial Analyst", "analysis", {"FINANCE_ANALYSIS"}, "0.3", 5000),
    "documentation-agent": ("Technical Writer", "writing", {"DOCUMENTATION"}, "0.7", 5000),
    "ux-designer": ("UX/UI Designer", "writing", {"UX_DESIGN"}, "0.6", 5000),
    "research-agent": ("Research Analyst", "analysis", {"RESEARCH"}, "0.5", 6000),
    "release-manager": ("Release Manager", "economy", {"RELEASE_MANAGEMENT"}, "0.4", 5000),
}  # fmt: skip
# What each has to know by its name.
SPECIALITY = {
    "business-analyst": ("IEEE 830", "SMART", "INVEST", "Given"),
    "project-manager": ("critical path", "risk", "sprint", "agile"),
    "scrum-master": ("Scrum Guide of 2020", "Sprint Goal", "Product Goal", "Definition of Done", "impediment"),
    "product-owner": ("RICE", "MoSCoW", "reach × impact × confidence ÷ effort", "backlog"),
    "coding-agent": ("SOLID", "tests"),
    "code-reviewer": ("OWASP Top 10 (2021)", "A01", "A10", "10. **Operations**", "critical", "nit"),
    "devops-agent": ("CI/CD", "Kubernetes", "Infrastructure as code", "readiness"),
    "qa-testing-agent": ("Equivalence classes", "Boundary values", "ISO/IEC 25010", "MC/DC"),
    "bug-triage-agent": ("P0", "P3", "S1", "S4", "15 minutes"),
    "legal-agent": ("GDPR", "CCPA", "Art. 28", "Art. 33", "no legal advice", "Art. 6"),
    "hr-agent": ("pregnancy", "30, 60 and 90 days", "Onboarding", "Recruitment"),
    "finance-agent": ("NPV", "IRR", "ROI", "EBITDA", "P&L"),
    "documentation-agent": ("Diátaxis", "OpenAPI", "Tutorial", "Reference"),
    "ux-designer": (
        "WCAG 2.1",
        "1.4.3",
        "Visibility of system status",
        "Help users recognize, diagnose",
        "catastrophe",
    ),
    "research-agent": ("TAM", "SAM", "SOM", "sources"),
    "release-manager": ("Semantic Versioning 2.0.0", "Keep a Changelog", "Conventional Commits", "Way back"),
}
STRUCTURED = {
    "business-analyst", "project-manager", "product-owner", "code-reviewer", "qa-testing-agent", "bug-triage-agent",
    "ux-designer", "release-manager",
}  # fmt: skip
SECTIONS = ("## Role", "## Method", "## When something is missing", "## Output", "## Limits", "## Example")
BY_ID: dict[str, DefaultAgent] = {default.agent_id: default for default in catalogue()}
DOCUMENT = Path(__file__).parents[3] / "docs" / "specialists.md"
specialists = pytest.mark.parametrize("agent_id", PROMISED)


@specialists
def test_what_the_table_promises(agent_id: str) -> None:
    name, tier, capabilities, temperature, most = PROMISED[agent_id]
    found = BY_ID[agent_id].definition
    assert (found["name"], found["tier"], set(found["capabilities"])) == (name, tier, capabilities)
    assert (found["temperature"], found["max_tokens"]) == (Decimal(temperature), most)
    assert all(re.fullmatch(r"[A-Z]+(_[A-Z]+)*", capability) for capability in found["capabilities"])
    assert found["kind"] in ("task", "conversational")


@specialists
def test_the_prompt_has_its_parts_and_nothing_left_open(agent_id: str) -> None:
    prompt = BY_ID[agent_id].definition["system_prompt"]
    places = [prompt.find(section) for section in SECTIONS]
    assert places == sorted(places)
    assert -1 not in places
    assert 60 <= len(prompt.splitlines()) <= 140
    assert len(prompt) < 12_000  # a local model has to have room for the question, too
    assert "language of the re" in prompt  # of the request, or of the report
    for unfinished in ("TODO", "FIXME", "lorem ipsum", "TBD", "XXX"):
        assert unfinished.lower() not in prompt.lower()
    for word in SPECIALITY[agent_id]:
        assert word in prompt


@specialists
def test_its_tools_are_there_and_the_prompt_speaks_of_no_other(agent_id: str) -> None:
    found = BY_ID[agent_id].definition
    assert set(found["tools"]) <= TOOLS.keys()
    of_its_own = {function.__name__ for function, _ in LABELS}
    assert set(found["tools"]) & of_its_own
    assert set(re.findall(r"`([a-z_]+)`", found["system_prompt"])) & of_its_own <= set(found["tools"])


@specialists
def test_four_starters_that_fit_a_button(agent_id: str) -> None:
    starters = BY_ID[agent_id].definition["starters"]
    assert len(set(starters)) == 4
    assert all(10 < len(starter) <= 120 for starter in starters)


def test_every_tool_of_a_speciality_belongs_to_somebody() -> None:
    used = {tool for agent_id in PROMISED for tool in BY_ID[agent_id].definition["tools"]}
    assert {function.__name__ for function, _ in LABELS} <= used


def test_no_two_prompts_begin_alike() -> None:
    roles = {BY_ID[agent_id].definition["system_prompt"].split("\n\n")[1] for agent_id in PROMISED}
    assert len(roles) == len(PROMISED)


def test_who_answers_programs_in_a_shape() -> None:
    assert {agent_id for agent_id in PROMISED if BY_ID[agent_id].definition["output_schema"]} == STRUCTURED
    assert all(BY_ID[agent_id].definition["kind"] == "task" for agent_id in STRUCTURED)
    assert all("When JSON is asked for" in BY_ID[agent_id].definition["system_prompt"] for agent_id in STRUCTURED)
    used = [BY_ID[agent_id].definition["output_schema"]["title"] for agent_id in STRUCTURED]
    assert sorted(used) == sorted(output_formats.get(name)["title"] for name in output_formats.names())


@pytest.mark.parametrize("name", output_formats.names())
def test_formats_are_schemas_that_every_vendor_understands(name: str) -> None:
    schema = output_formats.get(name)
    Draft202012Validator.check_schema(schema)
    assert is_plain(schema)
    assert is_closed(schema)
    assert "summary" in schema["required"]
    schema["properties"].clear()
    assert output_formats.get(name)["properties"], "each caller gets a copy"


def test_a_format_that_is_none() -> None:
    with pytest.raises(LookupError, match="code_review"):
        output_formats.get("haiku")


FINE = {"agent_id": "mine", "name": "Mine"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"agent_id": "other"}, "agent_id is the file's name without .md, 'mine'."),
        ({"name": None}, "name is missing: "),
        ({"tempature": 1}, "there is no field tempature. There are agent_id, name, "),
        ({"output_format": "haiku"}, "output_format is one of backlog_priorities, bug_triage, "),
        ({"temperature": "hot"}, "temperature is a number from 0 to 2 with at most two decimals, not 'hot'."),
        ({"temperature": float("nan")}, "temperature is a number from 0 to 2 "),
        ({"tools": "my_books"}, "tools is a list of names, such as [calculate], each once, not 'my_books'."),
        ({"tools": ["calculate", "calculate"]}, "tools is a list of names, "),
        ({"kind": "boss"}, "kind is one of task, conversational, team, auto, not 'boss'."),
        ({"tier": "cheap"}, "tier is one of "),
        ({"max_tokens": "many"}, "max_tokens is a whole number from 1 to 1000000, not 'many'."),
        ({"history_length": True}, "history_length is a whole number from 0 to 1000, not 'True'."),
        ({"memory": "often"}, "memory is true or false, not 'often'."),
        ({"starters": [True]}, "starters is a list of texts of at most 200 characters, each once, not '[True]'."),
        ({"description": 7}, "description is a text of 1 to 500 characters, not '7'."),
        ({"kind": "team"}, "a team has members, and nothing else has: "),
    ],
)
def test_a_file_with_a_mistake_is_told(tmp_path: Any, changed: dict[str, Any], told: str) -> None:
    path = tmp_path / "mine.md"
    path.write_text(f"---\n{yaml.safe_dump(FINE)}---\nYou are mine.\n")
    assert read_file(path).agent_id == "mine"
    path.write_text(f"---\n{yaml.safe_dump(FINE | changed)}---\nYou are mine.\n")
    with pytest.raises(UnusableFile) as raised:
        read_file(path)
    (problem,) = raised.value.problems
    assert problem.startswith(f"mine.md: {told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("You are mine.", "a definition between two lines of --- comes first"),
        ("---\nagent_id: mine\nname: Mine\nstarters: [Where?]\n---\nYou.", "its definition is no YAML: line 4: "),
        ("---\njust words\n---\nYou are mine.", "it begins with a line of ---"),
        ("---\nagent_id: mine\nname: Mine\n---\n \n", "there is no prompt: "),
        ("\udcff", "it is no UTF-8 text."),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path: Any, text: str, told: str) -> None:
    path = tmp_path / "mine.md"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UnusableFile, match="^mine.md: " + re.escape(told)):
        read_file(path)


def _bring_in(agent_id: str, platform: AIPlatform) -> None:
    """Answering through that platform alone."""
    bring_in(BY_ID[agent_id])
    AIPlatform.objects.exclude(pk=platform.pk).update(is_enabled=False)


async def test_a_program_gets_the_shape_and_a_person_words(
    ask: Asks, platforms: dict[str, AIPlatform], person: Person, script: Script
) -> None:
    await rows.run(_bring_in, "bug-triage-agent", platforms["scripted"])
    answer = (
        '{"class": "data", "severity": "S1", "priority": "P0", "summary": "Charged twice.", "component": "payments", '
        '"reasons": ["money"], "missing_information": [], "next_step": "Page on-call.", "confidence": "high"}'
    )
    script.will([answer], ["**Data · S1 · P0**"])
    result = await execution_engine.execute_agent("bug-triage-agent", {"report": "Charged twice"}, person.principal)
    assert result.success
    assert (result.output["severity"], result.output["priority"]) == ("S1", "P0")
    said = await (await ask(person, "Charged twice", agent="bug-triage-agent")).result()
    assert (said.status, said.content) == ("completed", "**Data · S1 · P0**")
    assert "missing_information" in script.heard[0][0].get_content_string()
    assert "missing_information" not in script.heard[1][0].get_content_string()


@specialists
async def test_each_answers_without_any_platform_outside(
    ask: Asks, platforms: dict[str, AIPlatform], person: Person, agent_id: str
) -> None:
    await rows.run(_bring_in, agent_id, platforms["offline"])
    said = await (await ask(person, "What can you do for me?", agent=agent_id)).result()
    assert (said.status, said.platform) == ("completed", "offline")
    assert "offline responder" in said.content
    for tool in set(BY_ID[agent_id].definition["tools"]) & {function.__name__ for function, _ in LABELS}:
        assert tool in said.content or tool == "contrast_ratio"


async def test_the_designer_works_out_contrast_offline(
    ask: Asks, platforms: dict[str, AIPlatform], person: Person
) -> None:
    await rows.run(_bring_in, "ux-designer", platforms["offline"])
    said = await (await ask(person, "Can people read #999999 on white?", agent="ux-designer")).result()
    assert [tool["name"] for tool in said.tools] == ["contrast_ratio"]
    assert "2.84:1" in said.content
    assert "| AA, text (1.4.3) | 4.5:1 | fail |" in said.content


@specialists
def test_the_documentation_lists_it_as_it_is(agent_id: str) -> None:
    found = BY_ID[agent_id].definition
    row = f"| {agent_id} | {found['tier']} | {found['kind']} | {', '.join(found['tools'])} |"
    assert row in DOCUMENT.read_text(encoding="utf-8")
