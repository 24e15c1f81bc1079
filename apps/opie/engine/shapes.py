"""What a model has said, read as the output that was asked for: found, parsed, and held against its shape. Pure."""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from pydantic import BaseModel
from pydantic import ValidationError as ModelError
from pydantic_core import SchemaValidator

from apps.opie.models.output_schemas import checked_schema, pattern_matcher
from apps.opie.storable import clean_json

LONGEST_OUTPUT = 500_000
MOST_PROBLEMS = 10
LONGEST_PROBLEM = 300
# Where several things in a text could be the JSON that was asked for, so many are tried.
MOST_PLACES = 20
MOST_REFERENCES_FOLLOWED = 20_000

_FENCE = re.compile(r"```(?:json|JSON)?[^\S\n]*\n(.*?)```", re.DOTALL)
_START = re.compile(r"[{\[]")


class Misfit(ValueError):  # noqa: N818 - it reads as what happened
    """Not the output that was asked for. `problems` say why, each with its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer has to fit: a JSON Schema, and for callers in Python perhaps a pydantic model, whose own rules
    are heeded too while this process runs it."""

    schema: dict[str, Any]
    model: type[BaseModel] | None = None

    @classmethod
    def of_model(cls, model: type[BaseModel]) -> "Shape":
        """Raises UnusableSchema for a model that cannot be said as a schema that may be asked for."""
        return cls(checked_schema(model.model_json_schema()), model)

    def read(self, text: str) -> Any:
        """The output in what a model said: alone, in a fence, or among words. Raises Misfit."""
        if not text.strip():
            raise Misfit(["There is nothing in it."])
        if len(text) > LONGEST_OUTPUT:
            raise Misfit([f"At most {LONGEST_OUTPUT} characters."])
        first: Misfit | None = None
        for value in _values_in(text):
            try:
                return clean_json(self._fitted(value))
            except Misfit as misfit:
                first = first or misfit
        raise first or Misfit([_why_not_json(text)])

    def _fitted(self, value: Any) -> Any:
        problems = _problems_of(value, self.schema)
        if not problems and self.model is not None:
            problems = _problems_of_model(value, self.model)
        if problems:
            raise Misfit(problems)
        return value


def _values_in(text: str) -> Iterator[Any]:
    """What of the text is JSON: all of it, else what stands in fences, else what begins with a bracket."""
    for whole in (text, *(fenced.group(1) for fenced in _FENCE.finditer(text))):
        try:
            yield _parse(whole)
        except (ValueError, RecursionError):
            continue
        if whole is text:
            return
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    end = tried = 0
    for start in (match.start() for match in _START.finditer(text)):
        if start < end or tried == MOST_PLACES:
            continue
        tried += 1
        try:
            value, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
                return  # it breaks off: a part of it is not what was asked for
        except (ValueError, RecursionError):
            continue
        else:
            yield value


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _why_not_json(text: str) -> str:
    try:
        _parse(text)
    except json.JSONDecodeError as error:
        return f"It is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
    except (ValueError, RecursionError):
        pass
    return "It is not JSON."


def _problems_of(value: Any, schema: dict[str, Any]) -> list[str]:
    errors = _validator(schema).iter_errors(value)
    try:
        return [_in_words(error) for _, error in zip(range(MOST_PROBLEMS), errors, strict=False)]
    except (RecursionError, OverflowError):
        return ["It is nested too deeply, or a number in it is too large."]


def _validator(schema: dict[str, Any]) -> Any:
    """Of its own for each value: it counts the references it follows."""
    keywords = {"pattern": _pattern, "uniqueItems": _unique_items, "$ref": _Following()}
    return validators.extend(Draft202012Validator, keywords)(schema)


class _Following:
    """`$ref`, up to a number: a schema may refer to itself, and a value may make much of that."""

    def __init__(self) -> None:
        self._followed = 0

    def __call__(self, validator: Any, reference: Any, instance: Any, schema: Any) -> Any:
        self._followed += 1
        if self._followed > MOST_REFERENCES_FOLLOWED:
            raise RecursionError
        return Draft202012Validator.VALIDATORS["$ref"](validator, reference, instance, schema)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001
    if isinstance(instance, str) and not _matcher(pattern).isinstance_python(instance):
        yield ValidationError(f"{instance[:80]!r} does not match {pattern!r}")


@functools.lru_cache(maxsize=256)
def _matcher(pattern: str) -> SchemaValidator:
    return pattern_matcher(pattern)


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001
    """In a time that is linear in the items."""
    if not wanted or not isinstance(instance, list):
        return
    if len({json.dumps(item, sort_keys=True) for item in instance}) < len(instance):
        yield ValidationError("an item is there twice")


def _in_words(error: ValidationError) -> str:
    place = "/".join(str(step) for step in error.absolute_path)
    return f"{place or 'the whole'}: {error.message}"[:LONGEST_PROBLEM]


def _problems_of_model(value: Any, model: type[BaseModel]) -> list[str]:
    try:
        model.model_validate(value)
    except ModelError as error:
        found = error.errors(include_url=False, include_input=False)
        return [f"{'/'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}"[:LONGEST_PROBLEM] for one in found][
            :MOST_PROBLEMS
        ]
    return []
