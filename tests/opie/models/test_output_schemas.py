"""What may be the shape of an answer: any JSON Schema that stays within itself and comes to an end."""

from typing import Any

import pytest

from apps.opie.models.output_schemas import UnusableSchema, checked_schema, pattern_matcher

TREE: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name"],
}
BOMB = {
    "$ref": "#/$defs/a0",
    "$defs": {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(20)} | {"a20": {"type": "string"}},
}
LONG_ROW = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(900)} | {"a900": True}


def nested(depth: int) -> Any:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        inner = {"type": "object", "properties": {"a": inner}}
    return inner


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        TREE,
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "array", "items": False},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}},
        {"$ref": "#/$defs/a%20b", "$defs": {"a b": {"enum": [{"$ref": "this is data"}]}}},
        {"type": "string", "pattern": r"^[A-Z]{2}-\d+$"},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}, "$id": {"type": "string"}}},
        {"properties": {"const": {"const": {"$id": "data"}}, "default": {"default": {"pattern": "("}}}},
    ],
)
def test_what_may_be_one(schema: dict[str, Any]) -> None:
    assert checked_schema(schema) is schema


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (None, "an object"),
        ("json", "an object"),
        (True, "an object"),
        ([{"type": "object"}], "an object"),
        ({"type": "objekt"}, "type"),
        ({"properties": {"a": {"minimum": "low"}}}, "properties/a/minimum"),
        ({"properties": []}, "properties"),
        ({"required": "name"}, "required"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema"),
        ({"$schema": 7}, "$schema"),
        ({"$ref": "https://example.com/schema.json"}, "leads to no part"),
        ({"$ref": "file:///etc/passwd"}, "leads to no part"),
        ({"$ref": "#/$defs/gone"}, "leads to no part"),
        ({"$ref": "#/properties", "properties": {"a": True}}, "leads to no part"),
        ({"$ref": "#/const/a", "const": {"a": {}}}, "leads to no part"),
        ({"$id": "https://example.com/a"}, "$id"),
        ({"$defs": {"a": {"$anchor": "b"}}}, "$anchor"),
        ({"$dynamicRef": "#a"}, "$dynamicRef"),
        ({"patternProperties": {"(a+)+$": True}}, "patternProperties"),
        ({"pattern": "("}, "pattern"),
        ({"items": {"pattern": r"(a)\1"}}, "pattern"),
        ({"pattern": "(?=a)"}, "pattern"),
        ({"$ref": "#"}, "refers to itself"),
        ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "refers to itself"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}, "refers"),
        ({"properties": {"a": {"dependentSchemas": {"b": {"$ref": "#/properties/a"}}}}}, "refers to itself"),
        (BOMB, "too often"),
        ({"$ref": "#/$defs/a0", "$defs": LONG_ROW}, "in a row"),
        (nested(17), "levels deep"),
        (nested(5_000), ""),
        ({"description": "x" * 32_000}, "32000 characters"),
        ({"description": "a\x00b"}, "NUL"),
        ({"properties": {"half \ud800": True}}, "NUL or half"),
        ({"minimum": float("nan")}, "JSON"),
        ({"const": object()}, "JSON"),
    ],
)
def test_what_may_not(schema: Any, said: str) -> None:
    with pytest.raises(UnusableSchema) as refused:
        checked_schema(schema)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 600


def test_one_that_contains_itself_in_python() -> None:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = {"a": schema}
    with pytest.raises(UnusableSchema):
        checked_schema(schema)


def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time() -> None:
    """With Python's own engine this would not end before the tests are stopped."""
    matches = pattern_matcher(r"^(a+)+$")
    assert matches.isinstance_python("a" * 10_000)
    assert not matches.isinstance_python("a" * 10_000 + "!")
