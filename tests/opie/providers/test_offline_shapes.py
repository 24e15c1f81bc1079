"""The offline responder in the shape that is asked for."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apps.opie.providers.offline_shapes import example_of

WORDS = "I am Opie's offline responder."


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "minLength": 50},
        {"type": "string", "maxLength": 5},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": [1, 2]}}, "required": ["a", "c"]},
        {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}},
        {"type": "array", "minItems": 2, "items": {"type": ["null", "string"]}},
        {"type": "array", "maxItems": 0},
        {"anyOf": [{"type": "number", "maximum": -2}, {"type": "string"}]},
        {"allOf": [{"type": "boolean"}]},
        {"const": {"a": [1]}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"x": {"$ref": "#/$defs/b"}}}, "b": {"type": "number"}}},
        {"type": "object", "properties": {"name": {"type": "string"}, "in": {"type": "array", "items": {"$ref": "#"}}}},
    ],
)
def test_it_fits(schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(example_of(schema, WORDS))


def test_it_says_who_it_is() -> None:
    assert example_of({"type": "object", "properties": {"text": {"type": "string"}}}, WORDS) == {"text": WORDS}
