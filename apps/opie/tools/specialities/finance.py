"""Tools of the financial analyst: what an investment is worth, and what became of a plan."""

import math
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, Field

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, number, percent, require, require_finite, require_none, table

LOWEST_RATE, HIGHEST_RATE = -0.9999, 1000.0
LOWEST_PERCENT, HIGHEST_PERCENT = -50, 1000
STEPS = 200
MOST_PERIODS = 600


class BudgetLine(BaseModel):
    """One line of a budget."""

    name: str = Field(max_length=200)
    kind: Literal["income", "cost"]
    planned: float
    actual: float


def return_on_investment(gain: float, cost: float, years: float = 1) -> str:
    """ROI: (gain - cost) / cost, and what it is a year.

    Args:
        gain: What comes back in all, the money put in included.
        cost: What is put in.
        years: Over how many years.
    """
    require_finite(gain=gain, cost=cost, years=years)
    if cost <= 0 or years <= 0 or gain < 0:
        raise InvalidInput("The cost and the years must be more than 0, and the gain must not be negative.")
    roi = (gain - cost) / cost
    require_finite(ROI=roi)
    lines = [f"Net gain: {number(gain - cost)}", f"ROI: {percent(roi, 2)}"]
    if years != 1:
        lines.append(f"A year, compounded: {percent(a_year(gain / cost, years) - 1, 2)}")
    return bullets(lines)


def a_year(ratio: float, years: float) -> float:
    """What becomes `ratio` in so many years. Raises InvalidInput where that is beyond all figures."""
    try:
        grown = float(ratio ** (1 / years))
    except OverflowError:
        grown = math.inf
    if not math.isfinite(grown):
        raise InvalidInput("These figures grow beyond all measure in so short a time.")
    return grown


def net_present_value(rate_percent: float, cash_flows: list[float]) -> str:
    """NPV of cash flows at the ends of periods, the first one now; with the discounted flow of each period and payback.

    Args:
        rate_percent: The discount rate of one period, in per cent.
        cash_flows: Now, after one period, after two and so on; money that goes out is negative.
    """
    _require_flows(cash_flows)
    require_finite(rate_percent=rate_percent)
    if not LOWEST_PERCENT <= rate_percent <= HIGHEST_PERCENT:
        raise InvalidInput(f"The rate goes from {LOWEST_PERCENT} to {HIGHEST_PERCENT} per cent.")
    rows, sum_discounted, factor = [], 0.0, 1.0
    for period, flow in enumerate(cash_flows):
        discounted = flow * factor
        sum_discounted, factor = sum_discounted + discounted, factor / (1 + rate_percent / 100)
        rows.append((period, number(flow), number(discounted), number(sum_discounted)))
    lines = [
        f"NPV at {number(rate_percent)} %: {number(sum_discounted)}",
        "Worth more than it costs at this rate."
        if sum_discounted > 0
        else "Not worth more than it costs at this rate.",
        f"Payback without discounting: {_payback(cash_flows)}",
    ]
    return table(["Period", "Cash flow", "Discounted", "Sum"], rows) + "\n\n" + bullets(lines)


def npv_of(rate: float, cash_flows: list[float]) -> float:
    """From the last flow to the first, so that no rate is too large or too small to be computed."""
    value = 0.0
    for flow in reversed(cash_flows):
        value = flow + value / (1 + rate)
    return value


def internal_rate_of_return(cash_flows: list[float]) -> str:
    """IRR: the rate at which the NPV of the cash flows is 0.

    Args:
        cash_flows: Now, after one period, after two and so on; money that goes out is negative.
    """
    _require_flows(cash_flows)
    signs = [flow > 0 for flow in cash_flows if flow]
    changes = sum(one != other for one, other in pairwise(signs))
    if changes == 0:
        raise InvalidInput("There is no such rate: money must go out at some time and come in at another.")
    rate = irr_of(cash_flows)
    if rate is None:
        return "No rate between -99.99 % and 100,000 % makes the NPV 0."
    warning = (
        ""
        if changes == 1
        else f"\n\nThe flows change their sign {changes} times: there may be other rates. Decide by the NPV."
    )
    return f"IRR: {percent(rate, 2)} a period{warning}"


def irr_of(cash_flows: list[float]) -> float | None:
    """By halving: the first place from below where the NPV changes its sign."""
    grid = [LOWEST_RATE, -0.9, -0.5, -0.2, *(step / 50 for step in range(101)), 3, 5, 10, 30, 100, HIGHEST_RATE]
    for low, high in pairwise(grid):
        at_low = npv_of(low, cash_flows)
        if at_low == 0:
            return low
        if (at_low > 0) != (npv_of(high, cash_flows) > 0):
            return _halve(low, high, cash_flows)
    return None


def break_even(fixed_costs: float, price: float, variable_cost: float) -> str:
    """From how many units on nothing is lost.

    Args:
        fixed_costs: What it costs in the period whatever is sold.
        price: Of one unit, without tax.
        variable_cost: What one unit costs.
    """
    require_finite(fixed_costs=fixed_costs, price=price, variable_cost=variable_cost)
    if fixed_costs < 0 or variable_cost < 0 or price <= 0:
        raise InvalidInput("The price must be more than 0, and the costs must not be negative.")
    margin = price - variable_cost
    if margin <= 0:
        return (
            "There is none: each unit costs at least what it brings. Raise the price or lower the cost of a unit first."
        )
    exact = Decimal(str(fixed_costs)) / (Decimal(str(price)) - Decimal(str(variable_cost)))
    units = int(exact.to_integral_value(rounding="ROUND_CEILING"))
    return bullets(
        [
            f"Contribution of a unit: {number(margin)} ({percent(margin / price)} of the price)",
            f"Break-even: {number(units)} units, {number(units * price)} of sales",
        ]
    )


def compare_budget(lines: list[BudgetLine]) -> str:
    """Plan against actual figures: the difference of each line, whether it is good or bad, and the result.

    Args:
        lines: The lines of the budget, costs as positive figures.
    """
    require(lines, "lines")
    require_none(
        [f"{one.name}: give numbers." for one in lines if not abs(one.planned) + abs(one.actual) < float("inf")]
    )
    rows = [
        (one.name, one.kind, number(one.planned), number(one.actual), number(one.actual - one.planned), _relative(one), _verdict(one))
        for one in lines
    ]  # fmt: skip
    planned, actual = (sum(getattr(one, what) * (1 if one.kind == "income" else -1) for one in lines) for what in ("planned", "actual"))  # fmt: skip
    shown = table(["Line", "Kind", "Planned", "Actual", "Difference", "Relative", "For the result"], rows)
    return (
        f"{shown}\n\nResult: planned {number(planned)}, actual {number(actual)}, difference {number(actual - planned)}"
    )


def profit_and_loss(
    revenue: float,
    cost_of_goods: float,
    operating_costs: float,
    depreciation: float = 0,
    interest: float = 0,
    tax_percent: float = 0,
) -> str:
    """From revenue to net profit, with margins. Costs are positive figures.

    Args:
        revenue: Sales without sales tax.
        cost_of_goods: What the goods or services sold have cost.
        operating_costs: Staff, rent, marketing and so on, without depreciation.
        depreciation: Depreciation and amortisation.
        interest: Interest paid less interest received.
        tax_percent: Of the profit before tax; on a loss no tax is computed.
    """
    require_finite(revenue=revenue, cost_of_goods=cost_of_goods, operating_costs=operating_costs, depreciation=depreciation, interest=interest, tax_percent=tax_percent)  # fmt: skip
    if revenue <= 0 or not 0 <= tax_percent <= 100:
        raise InvalidInput("The revenue must be more than 0, and the tax between 0 and 100 per cent.")
    gross = revenue - cost_of_goods
    ebitda = gross - operating_costs
    ebit = ebitda - depreciation
    before_tax = ebit - interest
    net = before_tax - max(0.0, before_tax) * tax_percent / 100
    results = (("Revenue", revenue), ("Gross profit", gross), ("EBITDA", ebitda), ("EBIT", ebit), ("Profit before tax", before_tax), ("Net profit", net))  # fmt: skip
    return table(["", "Amount", "Of revenue"], [(name, number(amount), percent(amount / revenue)) for name, amount in results])  # fmt: skip


def _require_flows(cash_flows: list[float]) -> None:
    require(cash_flows, "cash flows", least=2, most=MOST_PERIODS)
    require_finite(**{f"cash flow {period}": flow for period, flow in enumerate(cash_flows)})


def _halve(low: float, high: float, cash_flows: list[float]) -> float:
    is_positive_below = npv_of(low, cash_flows) > 0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if (npv_of(middle, cash_flows) > 0) == is_positive_below:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _payback(cash_flows: list[float]) -> str:
    reached = 0.0
    for period, flow in enumerate(cash_flows):
        before, reached = reached, reached + flow
        if period and before < 0 <= reached:
            return f"after {number(period - 1 + -before / flow)} periods"
    return "not within these periods" if reached < 0 else "nothing has to be paid back"


def _relative(line: BudgetLine) -> str:
    return percent((line.actual - line.planned) / abs(line.planned)) if line.planned else "no plan"


def _verdict(line: BudgetLine) -> str:
    difference = line.actual - line.planned
    if not difference:
        return "as planned"
    return "good" if (difference > 0) == (line.kind == "income") else "bad"
