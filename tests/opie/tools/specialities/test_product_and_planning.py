"""RICE, MoSCoW, risks, estimates, sprints and the critical path, against figures worked out by hand."""

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.planning import (
    PersonInSprint,
    Risk,
    SprintItem,
    ThreePoints,
    estimate_three_points,
    forecast_sprints,
    plan_sprint,
    risk_matrix,
    sprint_capacity,
    sprint_timeboxes,
)
from apps.opie.tools.specialities.product import MoscowItem, RiceItem, prioritise_moscow, rice_score, score_rice
from apps.opie.tools.specialities.schedules import PlannedTask, critical_path


def rice(name: str = "idea", **fields: Any) -> RiceItem:
    return RiceItem(**{"name": name, "reach": 500, "impact": 2, "confidence": 80, "effort": 4} | fields)


def test_rice_by_hand_and_sorted() -> None:
    # 500 x 2 x 0.8 / 4 = 200; 2000 x 0.5 x 0.5 / 1 = 500; 100 x 3 x 0.4 / 6 = 20
    said = score_rice([rice("a"), rice("b", reach=2000, impact=0.5, confidence=50, effort=1), rice("c", reach=100, impact=3, confidence=40, effort=6)])  # fmt: skip
    assert re.findall(r"^\| (\d) \| (\w) .* (\d+) \|$", said, re.MULTILINE) == [
        ("1", "b", "500"), ("2", "a", "200"), ("3", "c", "20"),
    ]  # fmt: skip
    assert "c: a confidence of 40 % is a guess" in said
    assert "b: a confidence" not in said


def test_a_confidence_may_be_a_share() -> None:
    assert rice_score(rice(confidence=0.8)) == rice_score(rice(confidence=80)) == 200


def test_every_mistake_of_rice_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        score_rice([rice("a", impact=5, effort=0), rice("b", confidence=120), rice("c", reach=-1)])
    for part in ("a: impact must be 3 (massive)", "effort must be more than 0", "b: confidence", "c: reach"):
        assert part in caught.value.message


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.sampled_from([0.25, 0.5, 1, 2, 3]), st.floats(1, 100), st.floats(0.1, 1e3)),
        min_size=1,
        max_size=20,
    )
)
def test_rice_is_sorted_whatever_the_figures(figures: list[tuple[float, float, float, float]]) -> None:
    items = [rice(f"i{place}", reach=r, impact=i, confidence=c, effort=e) for place, (r, i, c, e) in enumerate(figures)]
    scores = {item.name: rice_score(item) for item in items}
    order = re.findall(r"^\| \d+ \| (i\d+) ", score_rice(items), re.MULTILINE)
    assert sorted(order) == sorted(scores)
    assert all(scores[one] >= scores[other] for one, other in pairwise(order))


def test_moscow_shares_and_what_fits() -> None:
    items = [
        MoscowItem(name="login", category="must", effort=5), MoscowItem(name="export", category="should", effort=4),
        MoscowItem(name="themes", category="could", effort=2), MoscowItem(name="chat", category="wont", effort=8),
    ]  # fmt: skip
    said = prioritise_moscow(items, 10)
    assert "| Must | 1 | 5 | 50 % |" in said
    assert "there is room for surprises" in said
    assert "Fits: login, export (1 left)" in said
    assert "Does not fit: themes" in said
    assert "chat" not in said
    assert "cannot be kept" in prioritise_moscow(items, 4)
    assert "no room for surprises" in prioritise_moscow(items, 8)


def test_risks_are_ranked_and_levelled() -> None:
    said = risk_matrix([Risk(name="rain", likelihood=2, impact=2), Risk(name="fire", likelihood=3, impact=5), Risk(name="strike", likelihood=5, impact=2, response="reduce: talk")])  # fmt: skip
    assert re.findall(r"^\| (\w+) \| \d \| \d \| (\d+) \| (\w+)", said, re.MULTILINE) == [
        ("fire", "15", "critical"), ("strike", "10", "high"), ("rain", "4", "low"),
    ]  # fmt: skip
    assert said.endswith("No response yet for: fire")
    with pytest.raises(InvalidInput, match="rain"):
        risk_matrix([Risk(name="rain", likelihood=6, impact=0)])


def test_three_points_by_hand() -> None:
    # a: (2 + 4*4 + 12) / 6 = 5, sd 10/6 = 1.67; b: (1 + 4*2 + 3) / 6 = 2, sd 1/3; together 7, sd 1.70
    said = estimate_three_points([ThreePoints(name="a", optimistic=2, likely=4, pessimistic=12), ThreePoints(name="b", optimistic=1, likely=2, pessimistic=3)])  # fmt: skip
    assert "| a | 2 | 4 | 12 | 5 | 1.67 |" in said
    assert "Expected in all: 7 (standard deviation 1.7)" in said
    assert "between 5.3 and 8.7" in said
    with pytest.raises(InvalidInput, match="b: it must hold"):
        estimate_three_points([ThreePoints(name="b", optimistic=3, likely=2, pessimistic=1)])


def test_a_sprint_takes_items_in_order_with_what_they_wait_for() -> None:
    items = [
        SprintItem(name="api", points=5), SprintItem(name="big", points=13), SprintItem(name="page", points=3, after=["api"]),
        SprintItem(name="report", points=1, after=["big"]),
    ]  # fmt: skip
    said = plan_sprint(10, items)
    assert re.findall(r"^\| (\w+) \| \d", said, re.MULTILINE) == ["api", "page"]
    assert "Planned: 8 of 10 (80 %)" in said
    assert "Not in: big, 13 points are too many" in said
    assert "Not in: report, waits for big" in said
    with pytest.raises(InvalidInput, match="nothing there, which is not among"):
        plan_sprint(10, [SprintItem(name="x", points=1, after=["nothing there"])])


@given(st.floats(1, 100), st.lists(st.floats(0, 50), min_size=1, max_size=30))
def test_a_sprint_is_never_overfilled(capacity: float, points: list[float]) -> None:
    said = plan_sprint(capacity, [SprintItem(name=f"i{place}", points=one) for place, one in enumerate(points)])
    chosen = [int(place) for place in re.findall(r"^\| i(\d+) ", said, re.MULTILINE)]
    assert sum(points[place] for place in chosen) <= capacity


def test_capacity_counts_days_off_and_shares() -> None:
    # (10 - 2) + (10 - 0) * 0.5 = 13; of that 70 % = 9.1
    said = sprint_capacity(10, [PersonInSprint(name="Ann", days_off=2), PersonInSprint(name="Ben", share=50)])
    assert "There: 13 person-days. For planned work at 70 %: 9.1" in said
    with pytest.raises(InvalidInput, match="Ann"):
        sprint_capacity(10, [PersonInSprint(name="Ann", days_off=11)])


def test_a_forecast_is_a_range() -> None:
    # best three of 20, 10, 30, 25, 15: 30 25 20 = 25; last three 30 25 15 = 23.3; worst 10 15 20 = 15
    said = forecast_sprints([20, 10, 30, 25, 15], 100)
    assert [int(n) for n in re.findall(r"\| (\d+) \|$", said, re.MULTILINE)] == [4, 5, 7]
    with pytest.raises(InvalidInput):
        forecast_sprints([0, 0, 0], 5)
    with pytest.raises(InvalidInput, match="between 3"):
        forecast_sprints([20, 10], 5)


def test_timeboxes_of_the_guide() -> None:
    month, two_weeks = sprint_timeboxes(4), sprint_timeboxes(2)
    for event, hours in (("Sprint Planning", "8"), ("Sprint Review", "4"), ("Sprint Retrospective", "3")):
        assert f"| {event} | {hours} hours |" in month
    assert "| Sprint Planning | 4 hours |" in two_weeks
    assert "15 minutes" in two_weeks
    with pytest.raises(InvalidInput):
        sprint_timeboxes(6)


def test_the_critical_path_by_hand() -> None:
    tasks = [PlannedTask(name="dig", days=3), PlannedTask(name="buy", days=1), PlannedTask(name="lay", days=4, after=["dig", "buy"]), PlannedTask(name="paint", days=2, after=["buy"])]  # fmt: skip
    said = critical_path(tasks)
    assert "The plan takes 7 days. Critical: dig → lay" in said
    assert "| buy | 1 | 0 | 1 | 2 |" in said
    assert "| paint | 2 | 1 | 3 | 4 |" in said


def test_a_plan_in_a_circle_or_with_unknown_names() -> None:
    with pytest.raises(InvalidInput, match="circle"):
        critical_path([PlannedTask(name="a", days=1, after=["b"]), PlannedTask(name="b", days=1, after=["a"])])
    with pytest.raises(InvalidInput, match="b, which is not"):
        critical_path([PlannedTask(name="a", days=1, after=["b"])])


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12))
def test_a_chain_takes_as_long_as_its_parts(days: list[float]) -> None:
    tasks = [PlannedTask(name=f"t{n}", days=one, after=[f"t{n - 1}"] if n else []) for n, one in enumerate(days)]
    said = critical_path(tasks)
    found = re.search(r"takes ([\d,.]+) days", said)
    assert found is not None
    assert float(found[1].replace(",", "")) == pytest.approx(sum(days), abs=0.01)
    assert said.count("| yes |") == len(days)
