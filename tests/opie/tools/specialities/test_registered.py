"""What every tool of a specialist has in common."""

import pytest

from apps.api.errors import InvalidInput
from apps.opie.tools.registry import TOOLS, functions_for
from apps.opie.tools.specialities import LABELS
from apps.opie.tools.specialities.tables import LONGEST_TEXT, number, require_text, table

NAMES = [function.__name__ for function, _ in LABELS]


def test_all_are_registered_change_nothing_and_have_a_label() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({label for _, label in LABELS}) == len(LABELS)
    for name in NAMES:
        assert TOOLS[name].reads_only
        assert TOOLS[name].approval is None


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_told_what_each_parameter_is(name: str) -> None:
    (function,) = functions_for([name])
    function.process_entrypoint()
    described = function.to_dict()
    assert len(described["description"]) > 30
    for parameter, shape in described["parameters"]["properties"].items():
        assert shape.get("description"), parameter
        assert shape.get("type"), parameter  # Gemini takes no unions


def test_what_stands_in_a_cell_cannot_end_it() -> None:
    assert table(["a"], [["x | y\nz"]]) == "| a |\n| --- |\n| x \\| y z |"


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234.5"), (0.0, "0"), (-0.001, "0"), (100.0, "100"), (2 / 3, "0.67")]
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("text", ["", "  \n", "x" * (LONGEST_TEXT + 1)])
def test_text_that_is_none_or_too_much(text: str) -> None:
    with pytest.raises(InvalidInput):
        require_text(text, "the text")
