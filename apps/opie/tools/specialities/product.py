"""Tools of the product owner: scores and cuts that come out the same for the same figures."""

from typing import Literal

from pydantic import BaseModel, Field

from apps.opie.tools.specialities.tables import bullets, number, percent, require, require_finite, require_none, table

IMPACTS = {3.0: "massive", 2.0: "high", 1.0: "medium", 0.5: "low", 0.25: "minimal"}
LEAST_SURE = 0.5
MOST_MUST, LEAST_COULD = 0.6, 0.2
CATEGORIES = ("must", "should", "could", "wont")


class RiceItem(BaseModel):
    """One idea with its four estimates."""

    name: str = Field(max_length=200)
    reach: float = Field(description="People or events it touches in one period, the same period for all items")
    impact: float = Field(description="On each of them: 3 massive, 2 high, 1 medium, 0.5 low, 0.25 minimal")
    confidence: float = Field(description="In per cent: 100 high, 80 medium, 50 low")
    effort: float = Field(description="Person-months, more than 0")


class MoscowItem(BaseModel):
    """One item of the backlog with its category and effort."""

    name: str = Field(max_length=200)
    category: Literal["must", "should", "could", "wont"]
    effort: float = Field(description="In any unit, the same for all items and the capacity")


def score_rice(items: list[RiceItem]) -> str:
    """Score ideas by RICE: reach x impact x confidence / effort, in a table sorted by score.

    Args:
        items: The ideas with their estimates.
    """
    require(items, "items")
    require_none([problem for item in items for problem in _problems(item)])
    scored = sorted(((rice_score(item), item) for item in items), key=lambda pair: (-pair[0], pair[1].name))
    rows = [
        (place, item.name, number(item.reach), number(item.impact), percent(_share(item)), number(item.effort), number(score))
        for place, (score, item) in enumerate(scored, start=1)
    ]  # fmt: skip
    notes = [
        f"{item.name}: a confidence of {percent(_share(item))} is a guess; find out more before you build it."
        for _, item in scored
        if _share(item) < LEAST_SURE
    ]
    shown = table(["#", "Item", "Reach", "Impact", "Confidence", "Effort", "RICE"], rows)
    return "\n\n".join(part for part in (shown, bullets(notes)) if part)


def rice_score(item: RiceItem) -> float:
    return item.reach * item.impact * _share(item) / item.effort


def prioritise_moscow(items: list[MoscowItem], capacity: float) -> str:
    """Check a MoSCoW split: effort of each category, whether the must-haves leave room, and what fits the capacity.

    Args:
        items: The items, the most important of each category first.
        capacity: How much effort there is, in the unit of the items.
    """
    require(items, "items")
    require_finite(capacity=capacity)
    wrong = [f"{item.name}: the effort must not be negative." for item in items if not item.effort >= 0]
    require_none([*wrong, *(["The capacity must be more than 0."] if capacity <= 0 else [])])
    sums = {name: sum(item.effort for item in items if item.category == name) for name in CATEGORIES}
    rows = [(name.capitalize(), _count(items, name), number(sums[name]), percent(sums[name] / capacity)) for name in CATEGORIES]  # fmt: skip
    shown = table(["Category", "Items", "Effort", "Of the capacity"], rows)
    return "\n\n".join([shown, bullets(_verdicts(sums, capacity)), _what_fits(items, capacity)])


def _share(item: RiceItem) -> float:
    """The confidence as a share. A model may write 0.8 for 80."""
    return item.confidence if item.confidence <= 1 else item.confidence / 100


def _problems(item: RiceItem) -> list[str]:
    problems = []
    if not 0 <= item.reach < float("inf"):
        problems.append("reach must be 0 or more")
    if item.impact not in IMPACTS:
        problems.append("impact must be " + ", ".join(f"{number(one)} ({word})" for one, word in IMPACTS.items()))
    if not 0 < item.confidence <= 100:
        problems.append("confidence must be between 1 and 100 per cent")
    if not 0 < item.effort < float("inf"):
        problems.append("effort must be more than 0")
    return [f"{item.name}: {'; '.join(problems)}."] if problems else []


def _count(items: list[MoscowItem], category: str) -> int:
    return sum(item.category == category for item in items)


def _verdicts(sums: dict[str, float], capacity: float) -> list[str]:
    planned = sums["must"] + sums["should"] + sums["could"]
    verdicts = []
    if sums["must"] > capacity:
        verdicts.append("The must-haves alone are more than the capacity: this plan cannot be kept.")
    elif sums["must"] > MOST_MUST * capacity:
        verdicts.append(f"The must-haves take more than {percent(MOST_MUST)}: there is no room for surprises.")
    else:
        verdicts.append(f"The must-haves take at most {percent(MOST_MUST)}: there is room for surprises.")
    if planned > 0 and sums["could"] < LEAST_COULD * planned:
        verdicts.append(
            f"The could-haves are less than {percent(LEAST_COULD)} of what is planned: little can be dropped."
        )
    return verdicts


def _what_fits(items: list[MoscowItem], capacity: float) -> str:
    left, fits, not_now = capacity, [], []
    for category in CATEGORIES[:3]:
        for item in items:
            if item.category != category:
                continue
            if item.effort <= left:
                left -= item.effort
                fits.append(item.name)
            else:
                not_now.append(item.name)
    lines = ["Fits: " + (", ".join(fits) or "nothing") + f" ({number(left)} left)"]
    if not_now:
        lines.append("Does not fit: " + ", ".join(not_now))
    return bullets(lines)
