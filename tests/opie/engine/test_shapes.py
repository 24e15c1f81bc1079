"""What a model has said, read as the output that was asked for."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, model_validator

from apps.opie.engine.shapes import LONGEST_OUTPUT, Misfit, Shape

FOX: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "legs": {"type": "integer", "minimum": 0}},
    "required": ["name", "legs"],
    "additionalProperties": False,
}
GOOD = '{"name": "fox", "legs": 4}'
TREE: dict[str, Any] = {"properties": {"all": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}, "type": "object"}


@pytest.mark.parametrize(
    "said",
    [
        GOOD,
        f"  \n{GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f"Here it is:\n\n```json\n{GOOD}\n```\nAnything else?",
        f"Sure! {GOOD} I hope this helps.",
        f"The shape {{name, legs}} is [as you said]: {GOOD}",
        f'{{"animal": 1}} is wrong, so: {GOOD}',
        f"```json\n{GOOD}",
    ],
)
def test_it_is_found_wherever_it_stands(said: str) -> None:
    assert Shape(FOX).read(said) == {"name": "fox", "legs": 4}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", "nothing"),
        ("  \n ", "nothing"),
        ("A fox has four legs.", "not JSON"),
        (GOOD[:-1], "not JSON"),
        ('{"name": "fox", "legs": ', "not JSON"),
        ('{"name": "fo', "not JSON"),
        ('{"name": "fox"}', "'legs' is a required property"),
        ('{"name": "fox", "legs": "four"}', "legs: 'four' is not of type 'integer'"),
        ('{"name": "fox", "legs": -1}', "legs"),
        ('{"name": "fox", "legs": 4, "tail": 1}', "'tail' was unexpected"),
        ('{"name": "fox", "legs": NaN}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{" * 100_000, "not JSON"),
        ("x" * (LONGEST_OUTPUT + 1), "characters"),
    ],
)
def test_what_does_not_fit_says_why(said: str, problem: str) -> None:
    with pytest.raises(Misfit) as refused:
        Shape(FOX).read(said)
    assert any(problem in one for one in refused.value.problems)
    assert all(len(one) <= 300 for one in refused.value.problems)


def test_a_part_of_something_that_breaks_off_is_not_it() -> None:
    with pytest.raises(Misfit, match="not JSON"):
        Shape({"type": "object"}).read('{"findings": [{"severity": "high"}, {"sev')


def test_what_would_take_for_ever_is_refused_soon() -> None:
    deep: Any = {}
    for _ in range(40):
        deep = {"all": deep}
    with pytest.raises(Misfit, match="deeply"):
        Shape(TREE).read(str(deep).replace("'", '"'))
    with pytest.raises(Misfit, match="does not match"):
        Shape({"type": "string", "pattern": "^(a+)+$"}).read('"' + "a" * 5_000 + '!"')
    with pytest.raises(Misfit, match="twice"):
        Shape({"uniqueItems": True}).read("[" + '{"a": 1}, "b", 2, ' * 20_000 + "3]")
    with pytest.raises(Misfit, match="number"):
        Shape({"multipleOf": 0.5}).read("1" + "0" * 400)


def test_what_postgresql_cannot_keep_is_left_out() -> None:
    assert Shape({"type": "array"}).read('["a\\u0000b", "\\ud800"]') == ["ab", "�"]


class Animal(BaseModel):
    name: str = Field(min_length=2)
    legs: int

    @model_validator(mode="after")
    def _even(self) -> "Animal":
        if self.legs % 2:
            raise ValueError("nothing has an odd number of legs")
        return self


def test_a_models_own_rules_are_heeded() -> None:
    shape = Shape.of_model(Animal)
    assert shape.read(GOOD) == {"name": "fox", "legs": 4}
    with pytest.raises(Misfit, match="odd number"):
        shape.read('{"name": "fox", "legs": 3}')
    with pytest.raises(Misfit, match="too short"):
        shape.read('{"name": "f", "legs": 4}')


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(
    values.filter(lambda value: isinstance(value, dict | list)),
    st.text("abc .,!\n", max_size=20),
    st.text("xyz .,!\n", max_size=20),
)
def test_whatever_it_is_it_survives_words_around_it(value: Any, before: str, after: str) -> None:
    import json

    assert Shape({"type": ["object", "array"]}).read(f"{before}{json.dumps(value)}{after}") == value
