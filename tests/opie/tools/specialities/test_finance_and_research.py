"""Money, markets, sources and options, against figures worked out by hand."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.finance import (
    BudgetLine,
    break_even,
    compare_budget,
    internal_rate_of_return,
    irr_of,
    net_present_value,
    npv_of,
    profit_and_loss,
    return_on_investment,
)
from apps.opie.tools.specialities.research import (
    Criterion,
    Kind,
    Option,
    Source,
    grade_of,
    grade_sources,
    growth_rate,
    size_market,
    weigh_options,
)


def test_return_on_investment() -> None:
    said = return_on_investment(12_400, 12_000)
    assert "Net gain: 400" in said
    assert "ROI: 3.33 %" in said
    # 1.21 in two years is 10 % a year
    assert "A year, compounded: 10 %" in return_on_investment(121, 100, 2)
    for wrong in ((1, 0, 1), (1, 1, 0), (float("nan"), 1, 1), (1e300, 1e-300, 0.001)):
        with pytest.raises(InvalidInput):
            return_on_investment(*wrong)


def test_net_present_value_by_hand() -> None:
    # -180000 + 52000 x annuity(8 %, 5) = -180000 + 52000 x 3.99271 = 27620.92
    said = net_present_value(8, [-180_000, *[52_000] * 5])
    assert "NPV at 8 %: 27,620.92" in said
    assert "Worth more" in said
    # 180000 / 52000 = 3.46
    assert "after 3.46 periods" in said
    assert "Not worth" in net_present_value(20, [-180_000, *[52_000] * 5])
    assert "not within these periods" in net_present_value(5, [-100, 10])


def test_internal_rate_of_return_by_hand() -> None:
    # 100 becomes 121 in two periods
    assert internal_rate_of_return([-100, 0, 121]) == "IRR: 10 % a period"
    assert "IRR: 13.66 %" in internal_rate_of_return([-180_000, *[52_000] * 5])
    assert "2 times" in internal_rate_of_return([-100, 250, -150])
    for flows in ([100, 200], [-1, -2], [0, 0]):
        with pytest.raises(InvalidInput, match="no such rate"):
            internal_rate_of_return(flows)


@given(st.floats(1, 1e6), st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_at_the_internal_rate_the_present_value_is_nothing(paid: float, received: list[float]) -> None:
    assume(sum(received) > paid / 1000)
    flows = [-paid, *received]
    rate = irr_of(flows)
    if rate is not None:
        assert npv_of(rate, flows) == pytest.approx(0, abs=paid * 1e-6)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=600))
def test_no_flows_break_the_search_for_a_rate(flows: list[float]) -> None:
    rate = irr_of(flows)
    assert rate is None or -1 < rate <= 1000


def test_break_even_rounds_up() -> None:
    # 85000 / 15 = 5666.67
    said = break_even(85_000, 19, 4)
    assert "5,667 units, 107,673 of sales" in said
    assert "Contribution of a unit: 15" in said
    # 0.3 / (0.4 - 0.1) is 1 and not 2, as it would be in binary fractions
    assert "Break-even: 1 units" in break_even(0.3, 0.4, 0.1)
    assert "There is none" in break_even(10, 5, 5)
    with pytest.raises(InvalidInput):
        break_even(-1, 5, 1)


def test_a_budget_knows_what_is_good() -> None:
    said = compare_budget([BudgetLine(name="sales", kind="income", planned=100, actual=120), BudgetLine(name="rent", kind="cost", planned=50, actual=60), BudgetLine(name="tea", kind="cost", planned=0, actual=0)])  # fmt: skip
    assert "| sales | income | 100 | 120 | 20 | 20 % | good |" in said
    assert "| rent | cost | 50 | 60 | 10 | 20 % | bad |" in said
    assert "| tea | cost | 0 | 0 | 0 | no plan | as planned |" in said
    assert "Result: planned 50, actual 60, difference 10" in said


def test_profit_and_loss_by_hand() -> None:
    said = profit_and_loss(4_600_000, 2_400_000, 1_600_000, depreciation=100_000, interest=50_000, tax_percent=30)
    for line in ("| Gross profit | 2,200,000 | 47.8 % |", "| EBITDA | 600,000 | 13 % |", "| EBIT | 500,000 | 10.9 % |", "| Net profit | 315,000 | 6.8 % |"):  # fmt: skip
        assert line in said
    assert "| Net profit | -10 | -10 % |" in profit_and_loss(100, 50, 60, tax_percent=30)


def test_a_market_from_the_bottom_up() -> None:
    said = size_market(100_000, 50, 40, 5)
    assert "| TAM, all who have the need | 100,000 | 5,000,000 |" in said
    assert "| SAM, whom we can serve | 40,000 | 2,000,000 |" in said
    assert "| SOM, whom we can win | 2,000 | 100,000 |" in said
    with pytest.raises(InvalidInput):
        size_market(1, 1, 101, 1)


def test_growth() -> None:
    assert growth_rate(100, 121, 2) == "CAGR: 10 % a year (21 % in all)"
    with pytest.raises(InvalidInput):
        growth_rate(0, 1, 1)


@pytest.mark.parametrize(
    ("kind", "year", "says_how", "independent", "grade"),
    [
        ("statistics_office", 2026, True, True, "A"), ("industry_report", 2026, True, True, "B"),
        ("vendor", 2026, True, False, "C"), ("industry_report", 2020, False, False, "E"), ("forum", 2019, False, False, "E"),
    ],
)  # fmt: skip
def test_grades_of_sources(kind: Kind, year: int, says_how: bool, independent: bool, grade: str) -> None:
    source = Source(title="s", kind=kind, year=year, says_how=says_how, independent=independent)
    assert grade_of(source, 2026) == grade
    assert f"| {grade} | s |" in grade_sources([source], 2026)


def test_options_are_weighed() -> None:
    criteria = [Criterion(name="price", weight=3), Criterion(name="fit", weight=1)]
    # cheap: (5*3 + 1) / 4 = 4; good: (2*3 + 5) / 4 = 2.75
    said = weigh_options(criteria, [Option(name="good", ratings=[2, 5]), Option(name="cheap", ratings=[5, 1])])
    assert said.index("| cheap | 5 | 1 | 4 |") < said.index("| good | 2 | 5 | 2.75 |")
    assert said.endswith("First: cheap; but without price it would be good.")
    sure = weigh_options(criteria, [Option(name="a", ratings=[5, 5]), Option(name="b", ratings=[1, 1])])
    assert sure.endswith("First: a, whichever single criterion is left out.")
    with pytest.raises(InvalidInput, match="b: give 2 ratings"):
        weigh_options(criteria, [Option(name="b", ratings=[5])])
