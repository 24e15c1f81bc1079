"""The blanks of a command: what may be written in each. One definition makes the form, a JSON Schema and the validator.

As JSON, a parameter is `{"name", "type", "label", "help", "required", "default", "min_length", "max_length",
"min_value", "max_value", "allowed_values"}`; only the first two must be there, and only what fits the type may be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.opie.library.kinds import KINDS, Unfit, is_number, is_whole
from apps.opie.library.template import VARIABLE_NAME

MOST_PARAMETERS = 30
MOST_CHOICES = 100
LONGEST_LABEL, LONGEST_HELP, LONGEST_CHOICE = 120, 500, 200
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_KNOWN = (
    *("name", "type", "label", "help", "required", "default", "min_length", "max_length"),
    *("min_value", "max_value", "allowed_values"),
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One blank. Lengths are of characters, or of choices; values are of numbers, or of dates (as ISO text)."""

    name: str
    type: str
    label: str = ""
    help: str = ""
    required: bool = False
    default: Any = None
    min_length: int | None = None
    max_length: int | None = None
    min_value: Any = None
    max_value: Any = None
    allowed_values: tuple[Any, ...] = ()

    @property
    def title(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()

    def clean(self, value: Any) -> Any:
        """The value as it is kept. Raises Unfit, whose text says what to write instead."""
        return KINDS[self.type].clean(self, value)

    def as_json(self) -> dict[str, Any]:
        """The definition, without what it leaves out."""
        plain = {name: getattr(self, name) for name in _KNOWN if name not in ("default", "allowed_values")}
        said = {
            name: value for name, value in plain.items() if value is not None and value is not False and value != ""
        }
        default = {} if self.default is None else {"default": self.default}
        return said | default | ({"allowed_values": list(self.allowed_values)} if self.allowed_values else {})

    def schema(self) -> dict[str, Any]:
        """What it takes, as a JSON Schema."""
        schema = {"title": self.title, **KINDS[self.type].schema(self)}
        if self.help:
            schema["description"] = self.help
        if self.default is not None:
            schema["default"] = self.default
        return schema

    def field(self) -> dict[str, Any]:
        """What a form shows for it."""
        kind = KINDS[self.type]
        return {
            "name": self.name,
            "type": self.type,
            "label": self.title,
            "help": self.help,
            "widget": kind.widget,
            "required": self.required,
            "initial": [] if self.default is None else kind.to_form(self.default),
            "choices": [str(choice) for choice in self.allowed_values],
            "attributes": kind.attributes(self),
        }


class UnusableParameters(ValueError):  # noqa: N818 - it reads as what happened
    """Definitions that cannot be used; `problems` says why, by place: {"parameters.0.type": [...]}."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{place}: {' '.join(texts)}" for place, texts in problems.items()))


def read_parameters(definitions: Any) -> list[Parameter]:
    """The parameters that the JSON defines. Raises UnusableParameters with everything that is wrong."""
    if not isinstance(definitions, list | tuple):
        raise UnusableParameters({"parameters": ["Send a list of parameters."]})
    if len(definitions) > MOST_PARAMETERS:
        raise UnusableParameters({"parameters": [f"At most {MOST_PARAMETERS} parameters."]})
    problems: dict[str, list[str]] = {}
    read: list[Parameter] = []
    for place, definition in enumerate(definitions):
        wrong = _problems_of(definition, {one.name for one in read})
        if not wrong:
            read.append(_parameter(definition))
            wrong = _problems_of_default(read[-1])
        problems |= {f"parameters.{place}.{name}".rstrip("."): [text] for name, text in wrong.items()}
    if problems:
        raise UnusableParameters(problems)
    return read


def schema_of(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """A JSON Schema (2020-12) of the values that the parameters take together."""
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": {parameter.name: parameter.schema() for parameter in parameters},
        "required": [one.name for one in parameters if one.required and one.default is None],
        "additionalProperties": False,
    }


def fields_of(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """What a form shows for them, in order."""
    return [parameter.field() for parameter in parameters]


def _parameter(definition: dict[str, Any]) -> Parameter:
    given = {name: value for name, value in definition.items() if value is not None}
    given["allowed_values"] = tuple(given.get("allowed_values", ()))
    return Parameter(**given)


def _problems_of(definition: Any, taken: set[str]) -> dict[str, str]:
    if not isinstance(definition, dict):
        return {"": "Send an object with a name and a type."}
    problems = {str(name): "This is not known of a parameter." for name in definition if name not in _KNOWN}
    name, kind = definition.get("name"), definition.get("type")
    if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name) or name == "else":
        problems["name"] = "Letters, digits and _, at most 64, beginning with a letter."
    elif name in taken:
        problems["name"] = f"There are two parameters named {name}."
    problems |= _problems_of_words(definition)
    if not isinstance(kind, str) or kind not in KINDS:
        return problems | {"type": f"Choose one of: {', '.join(KINDS)}."}
    for limit in ("min_length", "max_length", "min_value", "max_value", "allowed_values"):
        if definition.get(limit) is not None and limit not in KINDS[kind].limits:
            problems[limit] = f"A parameter of type {kind} has no {limit}."
    if problems:
        return problems
    return _problems_of_limits(definition, kind)


def _problems_of_words(definition: dict[str, Any]) -> dict[str, str]:
    problems = {}
    for name, longest in (("label", LONGEST_LABEL), ("help", LONGEST_HELP)):
        text = definition.get(name)
        if text is not None and (not isinstance(text, str) or len(text) > longest):
            problems[name] = f"Text of at most {longest} characters."
    if not isinstance(definition.get("required", False), bool):
        problems["required"] = "Send true or false."
    return problems


def _problems_of_limits(definition: dict[str, Any], kind: str) -> dict[str, str]:
    problems = {}
    for name in ("min_length", "max_length"):
        length = definition.get(name)
        if length is not None and (not is_whole(length) or not 0 <= length <= KINDS[kind].longest):
            problems[name] = f"A whole number from 0 to {KINDS[kind].longest}."
    for name in ("min_value", "max_value"):
        limit = definition.get(name)
        if limit is not None and not _fits_as_limit(limit, kind):
            problems[name] = "A date as 2026-01-31." if kind == "date" else "A number."
    problems |= _problems_of_choices(definition.get("allowed_values"), kind)
    if not problems:
        for least, most in (("min_length", "max_length"), ("min_value", "max_value")):
            low, high = definition.get(least), definition.get(most)
            if low is not None and high is not None and low > high:
                problems[least] = f"It is more than {most}."
    return problems


def _fits_as_limit(limit: Any, kind: str) -> bool:
    if kind != "date":
        return is_whole(limit) if kind == "integer" else is_number(limit)
    return _fits(Parameter("limit", "date"), limit)


def _problems_of_choices(choices: Any, kind: str) -> dict[str, str]:
    if choices is None:
        return {"allowed_values": "Name the choices."} if kind in ("choice", "multiple_choice") else {}
    if not isinstance(choices, list | tuple) or not 1 <= len(choices) <= MOST_CHOICES:
        return {"allowed_values": f"A list of 1 to {MOST_CHOICES} values."}
    if kind in ("integer", "number"):
        fit = all(_fits(Parameter("choice", kind), choice) for choice in choices)
    else:
        fit = all(_fits(Parameter("choice", "string", max_length=LONGEST_CHOICE), choice) for choice in choices)
        fit = fit and all(choice.strip() for choice in choices)
    if not fit:
        return {"allowed_values": f"Each has to be a value of type {kind}."}
    if len({str(choice) for choice in choices}) < len(choices):
        return {"allowed_values": "The same value stands here twice."}
    return {}


def _fits(parameter: Parameter, value: Any) -> bool:
    try:
        parameter.clean(value)
    except Unfit:
        return False
    return True


def _problems_of_default(parameter: Parameter) -> dict[str, str]:
    if parameter.default is None:
        return {}
    try:
        parameter.clean(parameter.default)
    except Unfit as unfit:
        return {"default": str(unfit)}
    return {}
