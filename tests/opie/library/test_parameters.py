"""Definitions of parameters, and the values that fit them: in JSON, in a form, and by a JSON Schema."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from apps.api.errors import InvalidInput
from apps.opie.library import ParameterValidator
from apps.opie.library.kinds import KINDS
from apps.opie.library.parameters import UnusableParameters, fields_of, read_parameters, schema_of

ALL_NINE: list[dict[str, Any]] = [
    {"name": "title", "type": "string", "required": True, "min_length": 2, "max_length": 10},
    {"name": "body", "type": "text", "max_length": 50},
    {"name": "count", "type": "integer", "min_value": 1, "max_value": 9, "default": 3},
    {"name": "ratio", "type": "number", "min_value": 0, "max_value": 1},
    {"name": "tests", "type": "boolean", "default": True},
    {"name": "level", "type": "choice", "allowed_values": ["low", "high"], "required": True},
    {"name": "areas", "type": "multiple_choice", "allowed_values": ["a", "b", "c"], "min_length": 1, "max_length": 2},
    {"name": "due", "type": "date", "min_value": "2026-01-01", "max_value": "2026-12-31"},
    {"name": "data", "type": "json"},
]
GOOD = {
    "title": "Hello",
    "body": "two\nlines",
    "count": 5,
    "ratio": 0.5,
    "tests": False,
    "level": "low",
    "areas": ["a", "c"],
    "due": "2026-05-04",
    "data": {"a": [1, None, "x"]},
}


def complaints(values: Any, definitions: list[dict[str, Any]] = ALL_NINE) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as refused:
        ParameterValidator(definitions).validate(values)
    return refused.value.fields


def test_there_are_nine_types() -> None:
    assert list(KINDS) == [definition["type"] for definition in ALL_NINE]


def test_what_fits_is_kept_with_defaults() -> None:
    assert ParameterValidator(ALL_NINE).validate(GOOD) == GOOD
    assert ParameterValidator(ALL_NINE).validate({"title": "Hi", "level": "high"}) == {
        "title": "Hi",
        "count": 3,
        "tests": True,
        "level": "high",
    }


def test_every_error_is_said_at_once_and_names_its_parameter() -> None:
    bad = {
        "title": "x",
        "body": "y" * 51,
        "count": 10,
        "ratio": "0.5",
        "tests": "yes",
        "level": "middle",
        "areas": ["a", "z"],
        "due": "2027-01-01",
        "data": float("nan"),
        "other": 1,
    }
    found = complaints(bad)
    assert set(found) == set(bad)
    assert found["title"] == ["At least 2 characters; this has 1."]
    assert found["body"] == ["At most 50 characters; this has 51."]
    assert found["level"] == ["Choose one of: low, high."]
    assert "There are: title, body" in found["other"][0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("title", value) for value in (None, "", "  ", 5, ["x"], "two\nlines", "nul\x00", "\ud800x", "x" * 11)],
        *[("count", value) for value in (True, "3", 0, 2.5, 2**60, float("inf"), [], {}, "")],
        *[("ratio", value) for value in (True, -1, float("nan"), 10**400, "x")],
        *[("tests", value) for value in (1, 0, "true", [])],
        *[("level", value) for value in (None, "", True, ["low"], {})],
        *[("areas", value) for value in ("a", ["a", "a"], ["a", "b", "c"], [["a"]], {"a": 1})],
        *[("due", value) for value in ("20260504", "2026-5-4", "2026-02-30", "2025-12-31", 20260504, "")],
        *[("data", value) for value in ("nul\x00", {"\ud800": 1}, {1: 2}, object())],
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: Any) -> None:
    assert set(complaints(GOOD | {name: value})) == {name}


def test_json_is_neither_deep_nor_long() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert set(complaints(GOOD | {"data": deep})) == {"data"}
    assert set(complaints(GOOD | {"data": "x" * 60_000})) == {"data"}


@pytest.mark.parametrize("values", [None, [], "text", 5])
def test_values_come_as_an_object(values: Any) -> None:
    assert set(complaints(values)) == {"parameters"}


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert ParameterValidator(ALL_NINE).validate(GOOD | {"count": 4.0})["count"] == 4


def test_emptied_text_is_not_the_default() -> None:
    validator = ParameterValidator([{"name": "tone", "type": "string", "default": "friendly", "min_length": 3}])
    assert validator.validate({}) == {"tone": "friendly"}
    assert validator.validate({"tone": None}) == {"tone": "friendly"}
    assert validator.validate({"tone": ""}) == {"tone": ""}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": "2x"}, "parameters.0.name"),
        ({"name": "else"}, "parameters.0.name"),
        ({"name": "a-b"}, "parameters.0.name"),
        ({"name": 5}, "parameters.0.name"),
        ({"type": "file"}, "parameters.0.type"),
        ({"type": ["string"]}, "parameters.0.type"),
        ({"type": "boolean", "max_length": 5}, "parameters.0.max_length"),
        ({"type": "choice"}, "parameters.0.allowed_values"),
        ({"type": "choice", "allowed_values": []}, "parameters.0.allowed_values"),
        ({"type": "choice", "allowed_values": ["a", "a"]}, "parameters.0.allowed_values"),
        ({"type": "choice", "allowed_values": ["a", 1]}, "parameters.0.allowed_values"),
        ({"type": "choice", "allowed_values": ["a"], "default": "b"}, "parameters.0.default"),
        ({"type": "integer", "allowed_values": [1, "2"]}, "parameters.0.allowed_values"),
        ({"type": "integer", "min_value": 5, "max_value": 1}, "parameters.0.min_value"),
        ({"type": "integer", "min_value": 1.5}, "parameters.0.min_value"),
        ({"type": "date", "min_value": "soon"}, "parameters.0.min_value"),
        ({"min_length": -1}, "parameters.0.min_length"),
        ({"min_length": True}, "parameters.0.min_length"),
        ({"max_length": 10**9}, "parameters.0.max_length"),
        ({"required": "yes"}, "parameters.0.required"),
        ({"label": 5}, "parameters.0.label"),
        ({"help": "x" * 501}, "parameters.0.help"),
        ({"pattern": "x"}, "parameters.0.pattern"),
        ({"default": 5}, "parameters.0.default"),
    ],
)
def test_definitions_that_cannot_be_used_say_where(change: dict[str, Any], place: str) -> None:
    with pytest.raises(UnusableParameters) as refused:
        read_parameters([{"name": "a", "type": "string"} | change])
    assert set(refused.value.problems) == {place}


@pytest.mark.parametrize("definitions", [None, {}, "x", [5], [{}], [{"name": "a", "type": "text"}] * 2])
def test_definitions_of_another_shape_are_refused(definitions: Any) -> None:
    with pytest.raises(UnusableParameters):
        read_parameters(definitions)


def test_definitions_read_back_as_they_were_written() -> None:
    assert [one.as_json() for one in read_parameters(ALL_NINE)] == ALL_NINE
    assert read_parameters([one.as_json() for one in read_parameters(ALL_NINE)]) == read_parameters(ALL_NINE)
    assert read_parameters([{"name": "a", "type": "boolean", "default": False}])[0].as_json()["default"] is False


def test_a_form_has_what_each_field_needs() -> None:
    fields = {field["name"]: field for field in fields_of(read_parameters(ALL_NINE))}
    assert [field["widget"] for field in fields.values()] == [
        "text", "textarea", "number", "number", "checkbox", "select", "checkboxes", "date", "json",
    ]  # fmt: skip
    assert fields["title"]["attributes"] == {"minlength": 2, "maxlength": 10}
    assert fields["count"]["initial"] == ["3"]
    assert fields["level"]["choices"] == ["low", "high"]
    assert fields["due"]["attributes"] == {"min": "2026-01-01", "max": "2026-12-31"}


def test_a_forms_errors_are_all_said_at_once() -> None:
    clean, problems = ParameterValidator(ALL_NINE).read_form(
        {"title": ["x"], "count": ["many"], "data": ["{"], "due": ["4 May"], "level": ["low"]}
    )
    assert set(problems) == {"title", "count", "data", "due"}
    assert clean == {"tests": False, "level": "low", "areas": []}


def test_a_list_may_be_written_one_item_a_line() -> None:
    validator = ParameterValidator([{"name": "roles", "type": "json"}])
    assert validator.read_form({"roles": ["patient\r\n nurse \n\n"]}) == ({"roles": ["patient", "nurse"]}, {})
    assert validator.read_form({"roles": ["12"]}) == ({"roles": 12}, {})
    assert "one item a line" in validator.read_form({"roles": ['["patient", ']})[1]["roles"][0]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"))
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r\n"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
VALUES = st.fixed_dictionaries(
    {
        "title": LINE.map(lambda text: ("ab" + text)[:10]),
        "level": st.sampled_from(["low", "high"]),
        "count": st.integers(1, 9),
        "tests": st.booleans(),
        "areas": st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True),
    },
    optional={
        "body": TEXT.filter(lambda text: len(text) <= 50),
        "ratio": st.floats(0, 1),
        "due": st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 12, 31)).map(str),
        "data": JSON,
    },
)


@given(VALUES)
def test_a_form_brings_back_what_it_shows(values: dict[str, Any]) -> None:
    validator = ParameterValidator(ALL_NINE)
    clean = validator.validate(values)
    sent = json.loads(json.dumps(validator.write_form(clean)))
    assert validator.read_form(sent) == (clean, {})


@given(VALUES)
def test_what_the_validator_keeps_fits_the_schema(values: dict[str, Any]) -> None:
    clean = ParameterValidator(ALL_NINE).validate(values)
    schema = Draft202012Validator(schema_of(read_parameters(ALL_NINE)))
    assert not list(schema.iter_errors(clean))


@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), JSON))
def test_all_that_is_wrong_is_found_together_as_it_is_alone(values: dict[str, Any]) -> None:
    """Nothing that is wrong hides something else, and what the validator takes the schema takes."""
    validator = ParameterValidator(ALL_NINE)
    clean, problems = validator.check(values)
    alone = {name for name, value in values.items() if name in validator.check(GOOD | {name: value})[1]}
    missing = {name for name in ("title", "level") if values.get(name) is None}
    assert set(problems) == alone | missing
    assert set(clean).isdisjoint(problems)


@given(st.sampled_from(ALL_NINE), JSON)
def test_a_default_that_fits_stands_for_a_missing_value(definition: dict[str, Any], default: Any) -> None:
    optional = definition | {"required": False}
    try:
        validator = ParameterValidator([optional | {"default": default}])
    except UnusableParameters:
        assert default is not None
    else:
        given_by_hand = {} if default is None else {definition["name"]: default}
        assert validator.validate({}) == ParameterValidator([optional | {"default": None}]).validate(given_by_hand)
