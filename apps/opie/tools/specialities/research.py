"""Tools of the research analyst, and of everybody who compares: markets, growth, sources, options."""

from typing import Literal

from pydantic import BaseModel, Field

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.finance import a_year
from apps.opie.tools.specialities.tables import number, percent, require, require_finite, require_none, table

Kind = Literal["statistics_office", "peer_reviewed", "company_filing", "industry_report", "quality_press", "vendor", "blog", "forum"]  # fmt: skip
LOWEST, HIGHEST = 1, 5
OLD_AFTER = 3
# Before anything is taken off: how far a kind of source can be trusted.
WORTH: dict[str, int] = {
    "statistics_office": 4, "peer_reviewed": 4, "company_filing": 4, "industry_report": 3, "quality_press": 3,
    "vendor": 2, "blog": 2, "forum": 1,
}  # fmt: skip
GRADES = ("E", "D", "C", "B", "A")


class Criterion(BaseModel):
    """What is judged, and how much it counts."""

    name: str = Field(max_length=100)
    weight: float


class Option(BaseModel):
    """Something that can be chosen."""

    name: str = Field(max_length=200)
    ratings: list[float] = Field(description="One rating from 1 to 5 for each criterion, in the order of the criteria")


class Source(BaseModel):
    """Where a statement comes from."""

    title: str = Field(max_length=300)
    kind: Kind
    year: int
    says_how: bool = Field(description="Whether it says how the figures were found")
    independent: bool = Field(description="Whether who wrote it gains nothing from what it says")


def size_market(customers: float, yearly_revenue_each: float, reachable_percent: float, winnable_percent: float) -> str:
    """A market from the bottom up: TAM, SAM and SOM in customers and in revenue a year.

    Args:
        customers: All who have the need, wherever they are.
        yearly_revenue_each: What one of them would pay in a year.
        reachable_percent: Of all, those whom this product, language, region and channel can serve.
        winnable_percent: Of the reachable, those who can be won in the period, against competitors.
    """
    require_finite(customers=customers, yearly_revenue_each=yearly_revenue_each, reachable_percent=reachable_percent, winnable_percent=winnable_percent)  # fmt: skip
    if customers <= 0 or yearly_revenue_each < 0:
        raise InvalidInput("The customers must be more than 0, and the revenue must not be negative.")
    if not 0 <= reachable_percent <= 100 or not 0 <= winnable_percent <= 100:
        raise InvalidInput("The percentages go from 0 to 100.")
    reachable = customers * reachable_percent / 100
    winnable = reachable * winnable_percent / 100
    sizes = (("TAM, all who have the need", customers), ("SAM, whom we can serve", reachable), ("SOM, whom we can win", winnable))  # fmt: skip
    rows = [(name, number(count, 0), number(count * yearly_revenue_each, 0)) for name, count in sizes]
    return (
        table(["", "Customers", "Revenue a year"], rows)
        + "\n\nEach figure is only as good as the worst of its four inputs: name their sources."
    )


def growth_rate(first: float, last: float, years: float) -> str:
    """CAGR: the growth a year that leads from the first figure to the last.

    Args:
        first: The figure at the beginning.
        last: The figure at the end.
        years: Years between them.
    """
    require_finite(first=first, last=last, years=years)
    if first <= 0 or last < 0 or years <= 0:
        raise InvalidInput("The first figure and the years must be more than 0, the last figure must not be negative.")
    return f"CAGR: {percent(a_year(last / first, years) - 1, 2)} a year ({percent(last / first - 1, 1)} in all)"


def grade_sources(sources: list[Source], this_year: int) -> str:
    """Grade sources from A to E: by kind, age, whether they say how they know, and who gains.

    Args:
        sources: The sources.
        this_year: The year it is now.
    """
    require(sources, "sources")
    graded = sorted(
        ((grade_of(source, this_year), source) for source in sources), key=lambda pair: (pair[0], pair[1].title)
    )
    rows = [(grade, source.title, source.kind.replace("_", " "), source.year, ", ".join(_less(source, this_year)) or "nothing") for grade, source in graded]  # fmt: skip
    good = sum(grade in "AB" for grade, _ in graded)
    verdict = f"{good} of {len(sources)} are A or B." + (
        " A statement needs two of those that do not quote each other." if good < 2 else ""
    )
    return table(["Grade", "Source", "Kind", "Year", "Taken off for"], rows) + "\n\n" + verdict


def grade_of(source: Source, this_year: int) -> str:
    return GRADES[max(0, WORTH[source.kind] - len(_less(source, this_year)))]


def weigh_options(criteria: list[Criterion], options: list[Option]) -> str:
    """Compare options by weighted criteria: a table sorted by score, and whether the winner depends on one weight.

    Args:
        criteria: What counts, with weights of any size.
        options: What can be chosen, each with a rating from 1 to 5 for each criterion.
    """
    require(criteria, "criteria", most=30)
    require(options, "options", most=50)
    require_none(_problems(criteria, options))
    weights = [criterion.weight for criterion in criteria]
    ranked = sorted(options, key=lambda option: (-weighted(option, weights), option.name))
    rows = [(option.name, *map(number, option.ratings), number(weighted(option, weights))) for option in ranked]
    shown = table(
        ["Option", *(f"{one.name} ({percent(one.weight / sum(weights), 0)})" for one in criteria), "Score"], rows
    )
    return f"{shown}\n\n{_how_sure(criteria, ranked)}"


def weighted(option: Option, weights: list[float]) -> float:
    """The mean of the ratings, each by its weight."""
    return sum(rating * weight for rating, weight in zip(option.ratings, weights, strict=True)) / sum(weights)


def _less(source: Source, this_year: int) -> list[str]:
    reasons = []
    if this_year - source.year > OLD_AFTER:
        reasons.append("age")
    if not source.says_how:
        reasons.append("not saying how")
    if not source.independent and source.kind != "vendor":
        reasons.append("own interest")
    return reasons


def _problems(criteria: list[Criterion], options: list[Option]) -> list[str]:
    problems = [f"{one.name}: the weight must be more than 0." for one in criteria if not 0 < one.weight < float("inf")]
    for option in options:
        if len(option.ratings) != len(criteria) or not all(LOWEST <= rating <= HIGHEST for rating in option.ratings):
            problems.append(f"{option.name}: give {len(criteria)} ratings from {LOWEST} to {HIGHEST}.")
    return problems


def _how_sure(criteria: list[Criterion], ranked: list[Option]) -> str:
    """Whether another option would win if one criterion did not count."""
    if len(ranked) == 1 or len(criteria) == 1:
        return f"First: {ranked[0].name}."
    turns = []
    for left_out, criterion in enumerate(criteria):
        weights = [0.0 if place == left_out else one.weight for place, one in enumerate(criteria)]
        best = min(ranked, key=lambda option: (-weighted(option, weights), ranked.index(option)))
        if best is not ranked[0]:
            turns.append(f"without {criterion.name} it would be {best.name}")
    if not turns:
        return f"First: {ranked[0].name}, whichever single criterion is left out."
    return f"First: {ranked[0].name}; but {', '.join(turns)}."
