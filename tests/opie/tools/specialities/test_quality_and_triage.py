"""Boundaries, combinations, coverage, severities, contrast and usability."""

from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.design import (
    AA_TEXT,
    Answers,
    Colour,
    contrast_of,
    contrast_ratio,
    passing_colour,
    sus_of,
    usability_score,
)
from apps.opie.tools.specialities.quality import (
    CaseAndItsRequirements,
    Parameter,
    boundaries,
    boundary_values,
    covering_cases,
    pairwise_cases,
    trace_coverage,
)
from apps.opie.tools.specialities.triage import Report, classify_bug, judge, similar_reports

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


def test_boundaries_of_a_discount() -> None:
    said = boundary_values("1", "90")
    for value, expected in (("0", "refused"), ("1", "accepted"), ("2", "accepted"), ("45", "accepted"), ("89", "accepted"), ("90", "accepted"), ("91", "refused")):  # fmt: skip
        assert any(line.startswith(f"| {value} |") and line.endswith(f"{expected} |") for line in said.splitlines())


def test_boundaries_of_cents_are_exact() -> None:
    values = [value for value, _ in boundaries(Decimal("0.01"), Decimal("0.03"), Decimal("0.01"))]
    assert values == [Decimal(v) for v in ("0.00", "0.01", "0.02", "0.03", "0.04")]


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9), st.integers(1, 1000))
def test_boundaries_hold_both_ends_and_what_lies_outside(low: int, width: int, step: int) -> None:
    values = [value for value, _ in boundaries(Decimal(low), Decimal(low + width), Decimal(step))]
    assert values == sorted(set(values))
    assert {low - step, low, low + width, low + width + step} <= set(values)


@pytest.mark.parametrize("given_values", [("9", "1", "1"), ("1", "9", "0"), ("one", "9", "1"), ("1", "inf", "1"), ("1e99", "2e99", "1")])  # fmt: skip
def test_no_range(given_values: tuple[str, str, str]) -> None:
    with pytest.raises(InvalidInput):
        boundary_values(*given_values)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_every_pair_of_values_occurs_in_some_case(sizes: list[int]) -> None:
    cases = covering_cases(sizes)
    for a, b in combinations(range(len(sizes)), 2):
        pairs = {(case[a], case[b]) for case in cases}
        assert pairs == {(x, y) for x in range(sizes[a]) for y in range(sizes[b])}
    assert len(cases) <= max(1, sum(x * y for x, y in combinations(sizes, 2)))
    assert cases == covering_cases(sizes)


def test_pairwise_needs_far_fewer_cases_than_all() -> None:
    parameters = [Parameter(name="browser", values=["a", "b", "c"]), Parameter(name="system", values=["w", "x", "y", "z"]), Parameter(name="language", values=list("12345")), Parameter(name="payment", values=["p", "q"])]  # fmt: skip
    said = pairwise_cases(parameters)
    cases = covering_cases([3, 4, 5, 2])
    assert 20 <= len(cases) <= 28  # 4 x 5 is the least there can be; all would be 120
    assert f"{len(cases)} cases cover every pair; all combinations would be 120." in said
    with pytest.raises(InvalidInput, match="different values"):
        pairwise_cases([Parameter(name="a", values=["x", "x"]), Parameter(name="b", values=["y"])])


def test_coverage_names_both_kinds_of_gaps() -> None:
    said = trace_coverage(["R1", "R2"], [CaseAndItsRequirements(id="T1", covers=["R1"]), CaseAndItsRequirements(id="T2", covers=["R9"])])  # fmt: skip
    for part in ("Covered: 1 of 2 requirements (50 %)", "No test checks R2", "T2 checks no known requirement", "T2 names R9"):  # fmt: skip
        assert part in said


@pytest.mark.parametrize(
    ("facts", "severity", "priority"),
    [
        ({"impact": "system_down", "affected": "all"}, 0, 0),
        ({"impact": "main_function", "affected": "many"}, 1, 1),
        ({"impact": "main_function", "affected": "all"}, 1, 0),
        ({"impact": "main_function", "affected": "many", "workaround": True}, 1, 2),
        ({"impact": "side_function", "affected": "one", "workaround": True}, 2, 3),
        ({"impact": "cosmetic", "affected": "all"}, 3, 3),
        ({"impact": "cosmetic", "affected": "one", "data_loss": True, "workaround": True}, 0, 0),
        ({"impact": "side_function", "affected": "one", "security": "exposed"}, 0, 0),
        ({"impact": "cosmetic", "affected": "some", "security": "possible"}, 1, 1),
        ({"impact": "system_down", "affected": "all", "where": "test"}, 0, 1),
    ],
)
def test_severity_and_priority(facts: dict[str, Any], severity: int, priority: int) -> None:
    verdict = judge(**{"workaround": False, "data_loss": False, "security": "none", "where": "production"} | facts)
    assert (verdict.severity, verdict.priority) == (severity, priority)
    said = classify_bug(**facts)
    assert f"Severity: S{severity + 1}" in said
    assert f"Priority: P{priority}" in said
    assert len(verdict.reasons) >= 1


def test_reports_that_say_the_same() -> None:
    reports = [Report(id="1", title="cannot upload large file"), Report(id="2", title="upload of a large file fails"), Report(id="3", title="logo is blurred")]  # fmt: skip
    said = similar_reports(reports)
    assert "| 1 | 2 |" in said
    assert "3" not in [cell.strip() for line in said.splitlines() for cell in line.split("|")]
    assert "No two" in similar_reports([reports[0], reports[2]])


@pytest.mark.parametrize(
    ("foreground", "background", "ratio"),
    [
        ("#000", "white", "21.00"), ("#767676", "#ffffff", "4.54"), ("#777777", "#FFF", "4.47"), ("#999999", "white", "2.84"),
        ("rgb(255, 0, 0)", "#ffffff", "3.99"), ("blue", "white", "8.59"), ("#fff", "#fff", "1.00"),
    ],
)  # fmt: skip
def test_known_contrasts(foreground: str, background: str, ratio: str) -> None:
    assert contrast_ratio(foreground, background).startswith(f"Contrast {ratio}:1")


def test_a_contrast_just_below_is_no_pass() -> None:
    said = contrast_ratio("#777777", "#ffffff")
    assert "| AA, text (1.4.3) | 4.5:1 | fail |" in said
    assert "| AA, parts of controls and graphics (1.4.11) | 3:1 | pass |" in said
    assert "passes for text: #76" in said


@given(COLOURS, COLOURS)
def test_contrast_has_its_limits_and_no_direction(one: Colour, other: Colour) -> None:
    ratio = contrast_of(one, other)
    assert 1 <= ratio <= 21.0001
    assert ratio == contrast_of(other, one)
    assert contrast_of(passing_colour(one, other), other) >= AA_TEXT


@pytest.mark.parametrize("colour", ["", "#12", "#ggg", "rgb(1,2)", "rgb(256,0,0)", "rgba(0,0,0,0.5)", "salmonish"])
def test_no_colour(colour: str) -> None:
    with pytest.raises(InvalidInput, match="foreground"):
        contrast_ratio(colour, "white")


def test_the_usability_scale() -> None:
    assert sus_of([5, 1] * 5) == 100
    assert sus_of([3] * 10) == 50
    assert sus_of([4, 2, 5, 1, 4, 2, 4, 1, 5, 2]) == 85
    said = usability_score([Answers(answers=[5, 1] * 5), Answers(answers=[3] * 10)])
    assert "Mean 75, above" in said
    with pytest.raises(InvalidInput, match="Person 1"):
        usability_score([Answers(answers=[0] * 10)])
