"""The JSON Schema that an agent's output has to fit: what may be one, checked before it is kept or sent anywhere.

Schemas come from people and programs, so what would let one reach out, or never come to an end, is refused here:
references lead to parts of the schema itself, none of them round in a circle, and patterns are of the kind that takes
no longer than the text is long.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic_core import SchemaError as UnusablePattern
from pydantic_core import SchemaValidator, core_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LARGEST_SCHEMA = 32_000
DEEPEST_SCHEMA = 32
# How many parts one value may be looked at by, with every reference followed as far as that value goes.
MOST_PARTS_AT_ONCE = 2_000
MOST_REFERENCES_IN_A_ROW = 50
LONGEST_COMPLAINT = 300

_ONE = (
    *("not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")
# Parts that look at the same value as the schema they stand in, and not at something within it.
_IN_PLACE = ("not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependentSchemas")
_NOT_TAKEN = (
    *("$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor", "$vocabulary"),
    "patternProperties",
)

Parts = dict[str, Any]


class UnusableSchema(ValueError):  # noqa: N818 - it reads as what happened
    """Not a JSON Schema that output can be asked for in; the text says what is wrong and where."""


def checked_schema(value: Any) -> dict[str, Any]:
    """The value, when it is a JSON Schema (2020-12) that output can be asked for in. Raises UnusableSchema."""
    if not isinstance(value, dict):
        raise UnusableSchema("Write a JSON Schema: an object.")
    _check_size(value)
    if str(value.get("$schema", DIALECT)).rstrip("#") != DIALECT:
        raise UnusableSchema(f"$schema: only {DIALECT} is understood. Leave it out.")
    try:
        Draft202012Validator.check_schema(value)
    except SchemaError as error:
        raise UnusableSchema(f"{_place(error.absolute_path)}{error.message[:LONGEST_COMPLAINT]}") from None
    parts = dict(_parts_of(value, "#"))
    for pointer, part in parts.items():
        if isinstance(part, dict):
            _check_part(pointer, part, parts)
    _check_for_circles(parts)
    return value


def pattern_matcher(pattern: str) -> SchemaValidator:
    """Tells texts that contain the pattern, in a time that is linear in their length. Raises UnusableSchema for a
    pattern it cannot: one that looks around or back."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except UnusablePattern:
        raise UnusableSchema(
            f"pattern: {pattern[:80]} cannot be used. Write one without looking ahead, behind or back."
        ) from None


def _check_size(value: dict[str, Any]) -> None:
    try:
        size, depth = len(json.dumps(value, allow_nan=False, separators=(",", ":"))), _depth_of(value)
        storable = _is_storable(value)
    except (TypeError, ValueError, RecursionError):
        raise UnusableSchema("It has to be JSON, and neither deep nor round in a circle.") from None
    if size > LARGEST_SCHEMA:
        raise UnusableSchema(f"At most {LARGEST_SCHEMA} characters; this has {size}.")
    if depth > DEEPEST_SCHEMA:
        raise UnusableSchema(f"At most {DEEPEST_SCHEMA} levels deep.")
    if not storable:
        raise UnusableSchema("Text may not contain NUL or half of a surrogate pair.")


def _depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth_of, inner), default=0)


def _is_storable(value: Any) -> bool:
    """Whether PostgreSQL can keep it."""
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return all(_is_storable(name) and _is_storable(inner) for name, inner in value.items())
    return all(map(_is_storable, value)) if isinstance(value, list) else True


def _place(path: Any) -> str:
    written = "/".join(str(step) for step in path)
    return f"{written}: " if written else ""


def _parts_of(schema: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """The schema and every schema in it, each by the reference that names it."""
    yield pointer, schema
    if not isinstance(schema, dict):
        return
    for inner_pointer, inner in _directly_in(schema, pointer):
        yield from _parts_of(inner, inner_pointer)


def _directly_in(schema: dict[str, Any], pointer: str) -> Iterator[tuple[str, Any]]:
    for keyword, value in schema.items():
        at = f"{pointer}/{_escaped(keyword)}"
        if keyword in _ONE:
            yield at, value
        elif keyword in _LISTS:
            yield from ((f"{at}/{place}", one) for place, one in enumerate(value))
        elif keyword in _NAMED:
            yield from ((f"{at}/{_escaped(name)}", one) for name, one in value.items())


def _check_part(pointer: str, part: dict[str, Any], parts: Parts) -> None:
    for keyword in _NOT_TAKEN:
        if keyword in part:
            raise UnusableSchema(f"{pointer}: {keyword} is not taken here.")
    if "$ref" in part and _target_of(part["$ref"]) not in parts:
        raise UnusableSchema(
            f"{pointer}: $ref leads to no part of this schema: {str(part['$ref'])[:80]}. Write one such as #/$defs/name."
        )
    if "pattern" in part:
        pattern_matcher(part["pattern"])


def _target_of(reference: str) -> str:
    """A reference as parts are named: `#/$defs/a%20b` as `#/$defs/a b`."""
    return unquote(reference) if reference.startswith("#") else reference


def _check_for_circles(parts: Parts) -> None:
    known: dict[str, int] = {}
    for pointer in parts:
        if _parts_at_once(pointer, parts, known, ()) > MOST_PARTS_AT_ONCE:
            raise UnusableSchema(f"{pointer}: one value would have to be looked at too often. Make it simpler.")


def _parts_at_once(pointer: str, parts: Parts, known: dict[str, int], above: tuple[str, ...]) -> int:
    """How many parts look at one value, from this one on. Raises UnusableSchema when that never ends."""
    if pointer in above:
        raise UnusableSchema(f"{pointer}: it refers to itself without an end.")
    if len(above) > MOST_REFERENCES_IN_A_ROW:
        raise UnusableSchema(f"{pointer}: too many parts of it refer to each other in a row.")
    if pointer not in known:
        followed = (*above, pointer)
        known[pointer] = 1 + sum(_parts_at_once(one, parts, known, followed) for one in _in_place(pointer, parts))
    return known[pointer]


def _in_place(pointer: str, parts: Parts) -> Iterator[str]:
    part = parts[pointer]
    if not isinstance(part, dict):
        return
    if "$ref" in part:
        yield _target_of(part["$ref"])
    for inner_pointer, _ in _directly_in(part, pointer):
        if inner_pointer.removeprefix(pointer + "/").split("/")[0] in _IN_PLACE:
            yield inner_pointer


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
