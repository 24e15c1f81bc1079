"""One agent's file: definition on top, prompt below. What is wrong in it is said of the file and the field, and what may
stand there."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from apps.opie.engine.default_agents import output_formats
from apps.opie.models import Agent
from apps.opie.models.agents import HIGHEST_PRIORITY, AgentKind, AgentStatus, AgentVisibility
from apps.opie.models.llm_parameters import MOST_TOKENS
from apps.opie.models.tiers import AGENT_TIERS

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# Of a workflow's steps a file says nothing.
KINDS = [kind.value for kind in AgentKind if kind != AgentKind.WORKFLOW]
TIERS = [tier for tier, _ in AGENT_TIERS]
HIGHEST_TEMPERATURE, LONGEST_HISTORY = 2, 1_000


@dataclass(frozen=True, slots=True)
class DefaultAgent:
    """One file of the catalogue."""

    definition: dict[str, Any]
    members: tuple[str, ...] = ()

    @property
    def agent_id(self) -> str:
        return str(self.definition["agent_id"])


class UnusableFile(ValueError):  # noqa: N818 - it reads as what happened
    """A file that is no agent. Its text says of each problem the file, the field and what may stand there."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = [f"{path.name}: {problem}" for problem in problems]
        super().__init__(" ".join(self.problems))


def read_file(path: Path) -> DefaultAgent:
    """Raises UnusableFile."""
    definition, prompt = _parts_of(path)
    if problems := [*_problems_of(definition), *_problems_of_whole(path, definition, prompt)]:
        raise UnusableFile(path, problems)
    # Nothing is as if the field were not there, but for a number that an agent may do without.
    definition = {name: value for name, value in definition.items() if value is not None or name == "max_tokens"}
    members = tuple(definition.pop("members", ()))
    output_format = definition.pop("output_format", None)
    temperature = definition.get("temperature")
    rest = {
        "system_prompt": prompt,
        "temperature": None if temperature is None else Decimal(str(temperature)),
        "output_schema": output_formats.get(output_format) if output_format else None,
        "visibility": AgentVisibility.PUBLIC.value,
        "status": AgentStatus.PUBLISHED.value,
    }
    return DefaultAgent(definition | rest, members)


def _parts_of(path: Path) -> tuple[dict[str, Any], str]:
    """What stands above and below the second ---. Raises UnusableFile."""
    try:
        begin, front, prompt = path.read_text(encoding="utf-8").split("---\n", 2)
        definition = yaml.safe_load(front)
    except UnicodeDecodeError:
        raise UnusableFile(path, ["it is no UTF-8 text."]) from None
    except ValueError:
        raise UnusableFile(
            path, ["a definition between two lines of --- comes first, and the prompt after it."]
        ) from None
    except yaml.YAMLError as error:
        raise UnusableFile(path, [f"its definition is no YAML: {_where(error)}"]) from None
    if begin.strip() or not isinstance(definition, dict) or not all(isinstance(name, str) for name in definition):
        raise UnusableFile(path, ["it begins with a line of ---, then a field and its value on each line."])
    return definition, prompt.strip()


def _where(error: yaml.YAMLError) -> str:
    """In which line of the file, whose first is the --- above the definition; and what often is the cause."""
    mark = getattr(error, "problem_mark", None)
    line = "" if mark is None else f"line {mark.line + 2}: "
    said = getattr(error, "problem", None) or "it cannot be read"
    return f"{line}{said}. Put quotes around a text with : # ? [ ] {{ }} or , in it."


def _problems_of(definition: Mapping[str, Any]) -> Iterator[str]:
    """Of each field on its own. Nothing is None, as if the field were not there."""
    if unknown := sorted(definition.keys() - FIELDS.keys()):
        yield f"there is no field {', '.join(unknown)}. There are {', '.join(FIELDS)}."
    for name, (fits, what) in FIELDS.items():
        value = definition.get(name)
        if value is not None and not fits(value):
            yield f"{name} is {what}, not {str(value)[:60]!r}."


def _problems_of_whole(path: Path, definition: Mapping[str, Any], prompt: str) -> Iterator[str]:
    """Of what belongs together."""
    if definition.get("agent_id") != path.stem:
        yield f"agent_id is the file's name without .md, {path.stem!r}."
    if definition.get("name") is None:
        yield "name is missing: what people see the agent called."
    kind, members = definition.get("kind"), definition.get("members")
    if bool(members) != (kind == AgentKind.TEAM):
        yield "a team has members, and nothing else has: say kind: team and members: [one-agent, another-agent]."
    if not prompt and kind != AgentKind.AUTO:
        yield "there is no prompt: write below the definition what the agent is told."
    longest = Agent._meta.get_field("system_prompt").max_length or 0
    if len(prompt) > longest:
        yield f"the prompt has at most {longest:,} characters."


# --- what may stand in a field -----------------------------------------------------------------------


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= longest


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _are(value: Any, is_one: Callable[[Any], bool]) -> bool:
    """A list of such, each once."""
    return isinstance(value, list) and all(map(is_one, value)) and len(set(value)) == len(value)


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_temperature(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= HIGHEST_TEMPERATURE and round(value, 2) == value


def _is_one_of(value: Any, known: list[str]) -> bool:
    return isinstance(value, str) and value in known


# What fits, and how that is said.
FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "agent_id": (_is_id, "letters, digits, - and _, 64 at most"),
    "name": (partial(_is_text, longest=120), "a text of 1 to 120 characters"),
    "description": (partial(_is_text, longest=500), "a text of 1 to 500 characters"),
    "kind": (partial(_is_one_of, known=KINDS), f"one of {', '.join(KINDS)}"),
    "tier": (partial(_is_one_of, known=TIERS), f"one of {', '.join(TIERS)}"),
    "capabilities": (
        partial(_are, is_one=partial(_is_text, longest=64)), "a list of texts, such as [CODE_REVIEW], each once",
    ),
    "tools": (partial(_are, is_one=partial(_is_text, longest=64)), "a list of names, such as [calculate], each once"),
    "starters": (
        partial(_are, is_one=partial(_is_text, longest=200)), "a list of texts of at most 200 characters, each once",
    ),
    "temperature": (_is_temperature, f"a number from 0 to {HIGHEST_TEMPERATURE} with at most two decimals"),
    "max_tokens": (partial(_is_whole, least=1, most=MOST_TOKENS), f"a whole number from 1 to {MOST_TOKENS}"),
    "memory": (lambda value: isinstance(value, bool), "true or false"),
    "history_length": (
        partial(_is_whole, least=0, most=LONGEST_HISTORY), f"a whole number from 0 to {LONGEST_HISTORY}",
    ),
    "priority": (
        partial(_is_whole, least=0, most=HIGHEST_PRIORITY), f"a whole number from 0 to {HIGHEST_PRIORITY}",
    ),
    "output_format": (
        lambda value: _is_one_of(value, list(output_formats.names())), f"one of {', '.join(output_formats.names())}",
    ),
    "members": (partial(_are, is_one=_is_id), "a list of agents' ids, such as [one-agent, another-agent], each once"),
}  # fmt: skip
