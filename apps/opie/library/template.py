"""The template language: {{variable}}, {{#if variable}}…{{else}}…{{/if}}, and nothing else. docs/commands.md explains it.

A template is read once, into parts; values are put between the parts and never looked at again, so nothing in a value
can become a variable or a block. Whatever is wrong with a template is found when it is read, with line and column.
"""

import functools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_TEMPLATE = 50_000
DEEPEST_BLOCK = 16
MOST_PROBLEMS = 50

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# Backslashes right before two braces, then either nothing (the braces are text) or what stands in them.
_BRACES = re.compile(r"(\\*)\{\{")
_LONE_TAG = re.compile(r"\{\{[ \t]*(?:#if[ \t][^{}\n]*|else|/[ \t]*if)[ \t]*\}\}[ \t]*(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a template, and where: both counted from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.message}"


class UnusableTemplate(ValueError):  # noqa: N818 - it reads as what happened
    """Not a template; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str


@dataclass(slots=True)
class _Block:
    """One {{#if}} with both its branches."""

    name: str
    place: int
    given: "list[_Part]" = field(default_factory=list)
    otherwise: "list[_Part] | None" = None


_Part = str | _Variable | _Block


@dataclass(frozen=True, slots=True)
class _Use:
    """A variable's name where it stands in the template."""

    name: str
    place: int


class TemplateRenderer:
    """A template that has been read. Raises UnusableTemplate for one that cannot be."""

    def __init__(self, template: str) -> None:
        reader = _Reader(template)
        self._parts = reader.read()
        self._uses = reader.uses
        self._place_of = reader.problem_at
        if reader.problems:
            raise UnusableTemplate(reader.problems[:MOST_PROBLEMS])

    @property
    def variables(self) -> frozenset[str]:
        """The names that the template asks for."""
        return frozenset(use.name for use in self._uses)

    def check(self, defined: Collection[str]) -> None:
        """Raises UnusableTemplate, naming each place where a variable stands that is not among the `defined`."""
        problems = [
            self._place_of(use.place, f"there is no parameter named {use.name}.")
            for use in self._uses
            if use.name not in defined
        ]
        if problems:
            raise UnusableTemplate(problems)

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with the values in their places. What has no value is empty, and no for {{#if}}."""
        return "".join(_rendered(self._parts, values))


@functools.lru_cache(maxsize=256)
def renderer_for(template: str) -> TemplateRenderer:
    """The same, kept for the next time this template is used. Raises UnusableTemplate."""
    return TemplateRenderer(template)


def literally(text: str) -> str:
    """The text as a template that renders as this text: what stands before two braces gets backslashes."""
    return _BRACES.sub(lambda found: found[1] * 2 + r"\{{", text)


def is_given(value: Any) -> bool:
    """What {{#if}} goes by: no for nothing, false, blank text and empty lists; 0 is a value."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, list | tuple | dict):
        return bool(value)
    return value is not None and value is not False


def as_text(value: Any) -> str:
    """A value as it stands in a prompt: lists as bullets, dicts as lines of key and value, yes or no for booleans."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "\n".join(_entry(f"{key}:", inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(_item(inner) for inner in value)
    return str(value)


def _item(value: Any) -> str:
    return "- " + as_text(value).replace("\n", "\n  ")


def _entry(key: str, value: Any) -> str:
    text = as_text(value)
    if isinstance(value, Mapping | list | tuple) and value:
        return key + "\n  " + text.replace("\n", "\n  ")
    return f"{key} {text}".rstrip(" ").replace("\n", "\n  ")


def _rendered(parts: list[_Part], values: Mapping[str, Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, _Variable):
            yield as_text(values.get(part.name))
        else:
            branch = part.given if is_given(values.get(part.name)) else part.otherwise
            yield from _rendered(branch or [], values)


class _Reader:
    """Reads a template into parts, from left to right, and notes what is wrong with it."""

    def __init__(self, template: str) -> None:
        self.text = template.replace("\r\n", "\n").replace("\r", "\n")
        self.parts: list[_Part] = []
        self.open: list[_Block] = []
        self.uses: list[_Use] = []
        self.problems: list[Problem] = []

    def read(self) -> list[_Part]:
        if len(self.text) > LONGEST_TEMPLATE:
            self.problems.append(Problem(1, 1, f"at most {LONGEST_TEMPLATE} characters; this has {len(self.text)}."))
            return []
        at = 0
        while found := _BRACES.search(self.text, at):
            before = self.text[at : found.start()]
            slashes, is_text = divmod(len(found[1]), 2)
            if is_text:
                self._say(before + "\\" * slashes + "{{")
                at = found.end()
            elif lone := self._line_of_its_own(found.start()):
                # A tag of a block that has a line to itself takes the line with it.
                self._say(before.rstrip(" \t"))
                self._construct(found.start())
                at = lone.end()
            else:
                self._say(before + "\\" * slashes)
                at = self._construct(found.end() - 2)
        self._say(self.text[at:])
        for block in self.open:
            self._complain(block.place, f"{{{{#if {block.name}}}}} is never closed. Write {{{{/if}}}} where it ends.")
        self.problems.sort(key=lambda problem: (problem.line, problem.column))
        return self.parts

    def problem_at(self, place: int, message: str) -> Problem:
        before = self.text[:place]
        return Problem(before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1, message)

    def _construct(self, place: int) -> int:
        """What stands in the braces at `place`; answers where the text goes on."""
        end = self.text.find("}}", place)
        inside = self.text[place + 2 : end].strip(" \t")
        if end < 0 or "\n" in inside:
            self._complain(place, "{{ is never closed on this line. Write }} after the name, or \\{{ for the braces.")
            return place + 2
        after = end + 2
        if VARIABLE_NAME.fullmatch(inside) and inside != "else":
            self.uses.append(_Use(inside, place))
            self._branch().append(_Variable(inside))
            return after
        if not self._is_block_tag(inside, place):
            self._complain(place, f"{{{{{inside[:40]}}}}} is not known here. There are {_KNOWN}.")
        return after

    def _is_block_tag(self, inside: str, place: int) -> bool:
        if inside == "#if" or inside.startswith(("#if ", "#if\t")):
            self._begin_block(inside[3:].strip(), place)
        elif inside == "else":
            self._turn_to_else(place)
        elif inside.startswith("/") and inside[1:].strip() == "if":
            self._end_block(place)
        else:
            return False
        return True

    def _begin_block(self, name: str, place: int) -> None:
        if not VARIABLE_NAME.fullmatch(name) or name == "else":
            self._complain(place, "{{#if}} takes the name of one variable, and nothing else.")
        else:
            self.uses.append(_Use(name, place))
        if len(self.open) == DEEPEST_BLOCK:
            self._complain(place, f"{{{{#if}}}} stands in {DEEPEST_BLOCK} others already. Make it simpler.")
        block = _Block(name, place)
        self._branch().append(block)
        self.open.append(block)

    def _turn_to_else(self, place: int) -> None:
        if not self.open:
            self._complain(place, "{{else}} belongs to no {{#if}}.")
        elif self.open[-1].otherwise is not None:
            self._complain(place, f"{{{{#if {self.open[-1].name}}}}} has an {{{{else}}}} already.")
        else:
            self.open[-1].otherwise = []

    def _end_block(self, place: int) -> None:
        if self.open:
            self.open.pop()
        else:
            self._complain(place, "{{/if}} belongs to no {{#if}}.")

    def _line_of_its_own(self, place: int) -> re.Match[str] | None:
        """A block's tag at `place` with the end of its line, if it has the line to itself."""
        begin = self.text.rfind("\n", 0, place) + 1
        return None if self.text[begin:place].strip(" \t") else _LONE_TAG.match(self.text, place)

    def _say(self, text: str) -> None:
        if text:
            self._branch().append(text)

    def _branch(self) -> list[_Part]:
        if not self.open:
            return self.parts
        block = self.open[-1]
        return block.given if block.otherwise is None else block.otherwise

    def _complain(self, place: int, message: str) -> None:
        self.problems.append(self.problem_at(place, message))


_KNOWN = "{{variable}}, {{#if variable}}, {{else}} and {{/if}}; \\{{ stands for the braces themselves"
