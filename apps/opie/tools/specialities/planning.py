"""Tools of the project manager and the Scrum master: risks, estimates, sprints, the critical path."""

import math
from statistics import mean

from pydantic import BaseModel, Field

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, number, percent, require, require_finite, require_none, table

SCALE = range(1, 6)
# Of likelihood x impact, from the top down.
LEVELS = ((15, "critical"), (10, "high"), (5, "medium"), (0, "low"))
RECENT = 3
WEEKS_OF_A_MONTH = 4
# Hours for a sprint of a month, as the Scrum Guide of 2020 says; shorter sprints usually take less.
TIMEBOXES = (("Sprint Planning", 8.0), ("Sprint Review", 4.0), ("Sprint Retrospective", 3.0))


class Risk(BaseModel):
    """Something that may happen."""

    name: str = Field(max_length=300)
    likelihood: int = Field(description="1 rare, 2 unlikely, 3 possible, 4 likely, 5 almost certain")
    impact: int = Field(description="1 negligible, 2 minor, 3 moderate, 4 major, 5 severe")
    response: str = Field(default="", max_length=500, description="Avoid, reduce, transfer or accept, and how")


class ThreePoints(BaseModel):
    """A task with three estimates of its length."""

    name: str = Field(max_length=200)
    optimistic: float
    likely: float
    pessimistic: float


class SprintItem(BaseModel):
    """One item of the product backlog."""

    name: str = Field(max_length=200)
    points: float = Field(description="Its size, in the unit of the capacity")
    after: list[str] = Field(default_factory=list, description="Names of items that must be done before it")


class PersonInSprint(BaseModel):
    """Somebody of the team."""

    name: str = Field(max_length=100)
    days_off: float = 0
    share: float = Field(default=100, description="Per cent of their time that belongs to this team")


def risk_matrix(risks: list[Risk]) -> str:
    """Rank risks by likelihood x impact (each 1 to 5), with a level for each.

    Args:
        risks: The risks.
    """
    require(risks, "risks")
    wrong = [r for r in risks if r.likelihood not in SCALE or r.impact not in SCALE]
    require_none([f"{risk.name}: likelihood and impact go from 1 to 5." for risk in wrong])
    ranked = sorted(risks, key=lambda risk: (-risk.likelihood * risk.impact, -risk.impact, risk.name))
    rows = [
        (risk.name, risk.likelihood, risk.impact, risk.likelihood * risk.impact, risk_level(risk), risk.response or "none yet")
        for risk in ranked
    ]  # fmt: skip
    unanswered = [risk.name for risk in ranked if not risk.response and risk_level(risk) in ("critical", "high")]
    shown = table(["Risk", "Likelihood", "Impact", "Score", "Level", "Response"], rows)
    return shown + ("\n\nNo response yet for: " + ", ".join(unanswered) if unanswered else "")


def risk_level(risk: Risk) -> str:
    score = risk.likelihood * risk.impact
    return next(level for least, level in LEVELS if score >= least)


def estimate_three_points(tasks: list[ThreePoints]) -> str:
    """Expected length of tasks one after another, from optimistic, likely and pessimistic estimates (PERT).

    Args:
        tasks: The tasks, all in the same unit.
    """
    require(tasks, "tasks")
    wrong = [t for t in tasks if not 0 <= t.optimistic <= t.likely <= t.pessimistic < math.inf]
    require_none([f"{task.name}: it must hold that 0 <= optimistic <= likely <= pessimistic." for task in wrong])
    rows = [(t.name, number(t.optimistic), number(t.likely), number(t.pessimistic), number(_expected(t)), number(_spread(t))) for t in tasks]  # fmt: skip
    total, spread = sum(map(_expected, tasks)), math.sqrt(sum(_spread(t) ** 2 for t in tasks))
    shown = table(["Task", "Optimistic", "Likely", "Pessimistic", "Expected", "Standard deviation"], rows)
    return shown + "\n\n" + bullets(
        [
            f"Expected in all: {number(total)} (standard deviation {number(spread)})",
            f"About two times in three between {number(max(0, total - spread))} and {number(total + spread)}",
            f"About 19 times in 20 between {number(max(0, total - 2 * spread))} and {number(total + 2 * spread)}",
            "For tasks that depend on each other's luck the spread is larger than this.",
        ]
    )  # fmt: skip


def plan_sprint(capacity: float, items: list[SprintItem]) -> str:
    """Fill a sprint from an ordered backlog: items in their order, each only with what it waits for, up to the capacity.

    Args:
        capacity: How much the team can take on, from its last sprints and who is there.
        items: The backlog, most important first.
    """
    require(items, "items")
    require_finite(capacity=capacity)
    names = {item.name for item in items}
    problems = [f"{item.name}: the points must be 0 or more." for item in items if not 0 <= item.points < math.inf]
    problems += [f"{item.name} waits for {other}, which is not among the items." for item in items for other in item.after if other not in names]  # fmt: skip
    require_none([*problems, *(["The capacity must be more than 0."] if capacity <= 0 else [])])
    taken: dict[str, float] = {}
    left_out: list[tuple[str, str]] = []
    for item in items:
        waits = [name for name in item.after if name not in taken]
        if waits:
            left_out.append((item.name, "waits for " + ", ".join(waits)))
        elif sum(taken.values()) + item.points > capacity:
            left_out.append((item.name, f"{number(item.points)} points are too many for what is left"))
        else:
            taken[item.name] = item.points
    planned = sum(taken.values())
    shown = table(["In the sprint", "Points"], [(name, number(points)) for name, points in taken.items()])
    lines = [f"Planned: {number(planned)} of {number(capacity)} ({percent(planned / capacity)})"]
    return "\n\n".join([shown, bullets([*lines, *(f"Not in: {name}, {why}" for name, why in left_out)])])


def sprint_capacity(days: float, people: list[PersonInSprint], focus: float = 70) -> str:
    """Person-days that a team has for the work of a sprint.

    Args:
        days: Working days of the sprint.
        people: Who is in the team, with days off and the share of their time.
        focus: Per cent of a day that goes into planned work; meetings, support and mail take the rest.
    """
    require(people, "people")
    wrong = [p for p in people if not 0 <= p.days_off <= days or not 0 < p.share <= 100]
    problems = [f"{p.name}: days off go from 0 to {number(days)}, the share from 1 to 100." for p in wrong]
    if not 0 < days <= 60 or not 0 < focus <= 100:
        problems.append("Give 1 to 60 days, and a focus from 1 to 100 per cent.")
    require_none(problems)
    each = [(person, (days - person.days_off) * person.share / 100) for person in people]
    there = sum(amount for _, amount in each)
    shown = table(["Person", "Days there"], [(person.name, number(amount)) for person, amount in each])
    return f"{shown}\n\nThere: {number(there)} person-days. For planned work at {number(focus)} %: {number(there * focus / 100)} person-days."


def forecast_sprints(velocities: list[float], remaining: float) -> str:
    """How many more sprints a backlog takes, from what the team finished in earlier sprints: a range, not a date.

    Args:
        velocities: What was really finished in each sprint, oldest first; at least three.
        remaining: What is left, in the same unit.
    """
    require(velocities, "sprints", least=RECENT)
    require_finite(remaining=remaining)
    if remaining < 0 or any(not 0 <= one < math.inf for one in velocities) or not any(velocities):
        raise InvalidInput("Give figures of 0 or more; at least one sprint must have finished something.")
    worst, best = (mean(part) for part in (sorted(velocities)[:RECENT], sorted(velocities)[-RECENT:]))
    cases = (("At the pace of the best three", best), ("Of the last three", mean(velocities[-RECENT:])), ("Of the worst three", worst))  # fmt: skip
    rows = [(name, number(pace, 1), math.ceil(remaining / pace) if pace else "never") for name, pace in cases]
    return table(["Pace", "A sprint", "Sprints left"], rows)


def sprint_timeboxes(weeks: float) -> str:
    """The longest that each Scrum event should take in a sprint of this length.

    Args:
        weeks: Length of the sprint, up to four weeks.
    """
    if not 0 < weeks <= WEEKS_OF_A_MONTH + 0.5:
        raise InvalidInput("A sprint takes a month at most: give up to 4 weeks.")
    share = min(1.0, weeks / WEEKS_OF_A_MONTH)
    rows = [("Daily Scrum", "15 minutes, every working day"), *((name, f"{number(hours * share, 1)} hours") for name, hours in TIMEBOXES)]  # fmt: skip
    return (
        table(["Event", "At most"], rows)
        + "\n\nThe Scrum Guide sets these for a month; for shorter sprints they are scaled down here."
    )


def _expected(task: ThreePoints) -> float:
    return (task.optimistic + 4 * task.likely + task.pessimistic) / 6


def _spread(task: ThreePoints) -> float:
    return (task.pessimistic - task.optimistic) / 6
