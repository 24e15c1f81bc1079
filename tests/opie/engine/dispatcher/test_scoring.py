"""Scores of candidates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.opie.engine.dispatcher.matching import Match
from apps.opie.engine.dispatcher.scoring import WEIGHTS, Standing, scored
from apps.opie.metrics.agents import AgentFigures

COUNTS = st.integers(0, 10**9)


def standing(successes: int = 0, failures: int = 0, ms: float | None = None, priority: int = 50) -> Standing:
    average = ms if ms is not None or not successes else 8_000.0
    return Standing(AgentFigures(successes + failures, successes, failures, average), priority)


def order(**standings: Standing) -> list[str]:
    return [one.agent_id for one in scored([Match(name, 0.5) for name in standings], standings)]


@given(COUNTS, COUNTS, st.floats(0, 1e9), st.integers(0, 100))
def test_the_parts_add_up_to_the_score(successes: int, failures: int, ms: float, priority: int) -> None:
    (one,) = scored([Match("a", 0.5)], {"a": standing(successes, failures, ms, priority)})
    assert list(one.parts) == ["success_rate", "response_time", "experience", "priority"]
    assert one.score == pytest.approx(sum(one.parts.values()), abs=1e-9)
    assert 0 <= one.score <= 1
    assert all(0 <= part <= WEIGHTS[name] for name, part in one.parts.items())


def test_one_lucky_run_does_not_beat_many_good_ones() -> None:
    assert order(lucky=standing(1), proven=standing(95, 5)) == ["proven", "lucky"]


def test_a_new_agent_beats_one_that_often_fails() -> None:
    assert order(failing=standing(20, 80), new=standing()) == ["new", "failing"]


def test_one_unlucky_run_costs_less_than_being_bad() -> None:
    assert order(bad=standing(1, 30), unlucky=standing(0, 1)) == ["unlucky", "bad"]


def test_many_good_runs_are_better_than_few() -> None:
    assert order(few=standing(3), many=standing(300)) == ["many", "few"]


def test_who_is_quicker_goes_first_and_a_single_quick_run_says_little() -> None:
    assert order(slow=standing(100, ms=30_000), quick=standing(100, ms=1_000)) == ["quick", "slow"]
    one, hundred = (
        scored([Match("a", 0.5)], {"a": standing(runs, ms=100)})[0].parts["response_time"] for runs in (1, 100)
    )
    assert hundred > one


def test_priority_decides_between_equals() -> None:
    assert order(low=standing(5, priority=10), high=standing(5, priority=90)) == ["high", "low"]


def test_of_equal_scores_the_better_fit_then_the_id_decides() -> None:
    found = [Match("b", 0.5), Match("a", 0.5), Match("c", 0.6)]
    equal = {name: standing(5) for name in "abc"}
    assert [one.agent_id for one in scored(found, equal)] == ["c", "a", "b"]
    assert scored(found, equal) == scored(found[::-1], equal)


def test_the_weights_are_the_promised_ones() -> None:
    assert dict(WEIGHTS) == {"success_rate": 0.4, "response_time": 0.3, "experience": 0.2, "priority": 0.1}
