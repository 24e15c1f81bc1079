"""The critical path of a plan."""

import math
from graphlib import CycleError, TopologicalSorter

from pydantic import BaseModel, Field

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import number, require, require_none, table


class PlannedTask(BaseModel):
    """One task of a plan."""

    name: str = Field(max_length=200)
    days: float
    after: list[str] = Field(default_factory=list, description="Names of the tasks it waits for")


def critical_path(tasks: list[PlannedTask]) -> str:
    """When each task can start and end, how much it may slip, and which tasks decide the end of the plan.

    Args:
        tasks: The tasks with their length in days and what each waits for.
    """
    require(tasks, "tasks")
    by_name = {task.name: task for task in tasks}
    require_none(_problems(tasks, by_name))
    order = _order(by_name)
    earliest: dict[str, float] = {}
    for name in order:
        earliest[name] = max((earliest[one] + by_name[one].days for one in by_name[name].after), default=0.0)
    end = max(earliest[name] + by_name[name].days for name in order)
    latest: dict[str, float] = {}
    for name in reversed(order):
        waiting = [other for other in order if name in by_name[other].after]
        latest[name] = min((latest[other] for other in waiting), default=end) - by_name[name].days
    slack = {name: round(latest[name] - earliest[name], 9) for name in order}
    rows = [
        (name, number(by_name[name].days), number(earliest[name]), number(earliest[name] + by_name[name].days), number(slack[name]), "" if slack[name] else "yes")
        for name in order
    ]  # fmt: skip
    shown = table(["Task", "Days", "Start", "End", "May slip", "Critical"], rows)
    critical = " → ".join(name for name in order if not slack[name])
    return f"{shown}\n\nThe plan takes {number(end)} days. Critical: {critical}"


def _problems(tasks: list[PlannedTask], by_name: dict[str, PlannedTask]) -> list[str]:
    problems = ["Every task needs a name of its own."] if len(by_name) < len(tasks) else []
    problems += [f"{task.name}: the days must be 0 or more." for task in tasks if not 0 <= task.days < math.inf]
    return problems + [
        f"{task.name} waits for {other}, which is not among the tasks."
        for task in tasks
        for other in task.after
        if other not in by_name
    ]


def _order(by_name: dict[str, PlannedTask]) -> list[str]:
    try:
        return list(TopologicalSorter({name: task.after for name, task in by_name.items()}).static_order())
    except CycleError as error:
        circle = " → ".join(str(name) for name in error.args[1])
        raise InvalidInput(f"These tasks wait for each other in a circle: {circle}.") from None
