"""Tools of the tester: which values, which combinations, and what no test looks at."""

from decimal import Decimal, InvalidOperation
from itertools import combinations, product

from pydantic import BaseModel, Field

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, percent, require, require_none, table

MOST_PARAMETERS, MOST_VALUES = 20, 30
MOST_PAIRS = 20_000
MOST_DIGITS = 12

Pair = tuple[int, int, int, int]


class Parameter(BaseModel):
    """Something that is varied, with the values it takes."""

    name: str = Field(max_length=100)
    values: list[str]


class CaseAndItsRequirements(BaseModel):
    """A test case and the ids of the requirements it checks."""

    id: str = Field(max_length=100)
    covers: list[str] = Field(default_factory=list)


def boundary_values(minimum: str, maximum: str, step: str = "1") -> str:
    """The boundary values and equivalence classes of a range: which values to test, and what should happen.

    Args:
        minimum: The smallest value allowed, for example 1 or 0.01
        maximum: The largest value allowed
        step: The smallest difference between two values: 1 for whole numbers, 0.01 for cents
    """
    low, high, by = (
        _decimal(name, text) for name, text in (("minimum", minimum), ("maximum", maximum), ("step", step))
    )
    if by <= 0 or low > high:
        raise InvalidInput("The step must be more than 0, and the minimum no more than the maximum.")
    rows = [(format(value, "f"), why, "accepted" if low <= value <= high else "refused") for value, why in boundaries(low, high, by)]  # fmt: skip
    classes = [
        f"Below {low}: refused",
        f"From {low} to {high}: accepted",
        f"Above {high}: refused",
        "Not a number, empty, spaces, a number with a comma, far too long: refused",
    ]
    return table(["Value", "Why", "Expected"], rows) + "\n\nEquivalence classes:\n\n" + bullets(classes)


def boundaries(low: Decimal, high: Decimal, step: Decimal) -> list[tuple[Decimal, str]]:
    """Each value once, in order, with what it stands for."""
    middle = low + ((high - low) / step / 2).to_integral_value(rounding="ROUND_FLOOR") * step
    candidates = [
        (low - step, "just below the minimum"), (low, "minimum"), (low + step, "just above the minimum"),
        (middle, "in the middle"),
        (high - step, "just below the maximum"), (high, "maximum"), (high + step, "just above the maximum"),
    ]  # fmt: skip
    reasons: dict[Decimal, list[str]] = {}
    for value, why in candidates:
        reasons.setdefault(value, []).append(why)
    return [(value, ", ".join(whys)) for value, whys in sorted(reasons.items())]


def pairwise_cases(parameters: list[Parameter]) -> str:
    """The few combinations in which every pair of values of two parameters occurs at least once.

    Args:
        parameters: What is varied, each with at least one value.
    """
    require(parameters, "parameters", least=2, most=MOST_PARAMETERS)
    problems = [f"{p.name}: give 1 to {MOST_VALUES} different values." for p in parameters if not 1 <= len(p.values) <= MOST_VALUES or len(set(p.values)) < len(p.values)]  # fmt: skip
    require_none(problems)
    sizes = [len(parameter.values) for parameter in parameters]
    cases = covering_cases(sizes)
    rows = [
        (place, *(parameters[at].values[value] for at, value in enumerate(case))) for place, case in enumerate(cases, 1)
    ]
    everything = 1
    for size in sizes:
        everything *= size
    shown = table(["#", *(parameter.name for parameter in parameters)], rows)
    return f"{shown}\n\n{len(cases)} cases cover every pair; all combinations would be {everything:,}."


def covering_cases(sizes: list[int]) -> list[tuple[int, ...]]:
    """Rows of indexes in which each pair of values of two columns occurs; the same for the same sizes."""
    open_pairs: dict[Pair, None] = {
        (a, x, b, y): None
        for a, b in combinations(range(len(sizes)), 2)
        for x, y in product(range(sizes[a]), range(sizes[b]))
    }
    if len(open_pairs) > MOST_PAIRS:
        raise InvalidInput(f"Too many pairs of values: {len(open_pairs):,}. Leave out some values.")
    cases = []
    while open_pairs:
        case = _case_around(next(iter(open_pairs)), sizes, open_pairs)
        for a, b in combinations(range(len(sizes)), 2):
            open_pairs.pop((a, case[a], b, case[b]), None)
        cases.append(case)
    return cases


def trace_coverage(requirements: list[str], cases: list[CaseAndItsRequirements]) -> str:
    """Which requirements no test case checks, and which cases check nothing that is required.

    Args:
        requirements: The ids of all requirements.
        cases: The test cases with the ids they check.
    """
    require(requirements, "requirements")
    require(cases, "cases", least=0)
    known = list(dict.fromkeys(requirements))
    by_requirement = {name: [case.id for case in cases if name in case.covers] for name in known}
    rows = [(name, ", ".join(ids) or "none") for name, ids in by_requirement.items()]
    covered = sum(bool(ids) for ids in by_requirement.values())
    lines = [f"Covered: {covered} of {len(known)} requirements ({percent(covered / len(known))})"]
    lines += [f"No test checks {name}" for name, ids in by_requirement.items() if not ids]
    lines += [f"{case.id} checks no known requirement" for case in cases if not set(case.covers) & set(known)]
    lines += [f"{case.id} names {other}, which is no requirement" for case in cases for other in case.covers if other not in by_requirement]  # fmt: skip
    return table(["Requirement", "Cases"], rows) + "\n\n" + bullets(lines)


def _case_around(pair: Pair, sizes: list[int], open_pairs: dict[Pair, None]) -> tuple[int, ...]:
    """A case with this pair in it, and in the other columns whatever covers most of what is still open."""
    case: dict[int, int] = {pair[0]: pair[1], pair[2]: pair[3]}
    for column, size in enumerate(sizes):
        if column not in case:
            case[column] = max(range(size), key=lambda value: (_gain(column, value, case, open_pairs), -value))
    return tuple(case[column] for column in range(len(sizes)))


def _gain(column: int, value: int, case: dict[int, int], open_pairs: dict[Pair, None]) -> int:
    return sum(
        ((other, of_other, column, value) if other < column else (column, value, other, of_other)) in open_pairs
        for other, of_other in case.items()
    )


def _decimal(name: str, text: str) -> Decimal:
    try:
        value = Decimal(str(text).strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > MOST_DIGITS:
        raise InvalidInput(f"{name}: give a number such as 1 or 0.01.")
    return value
