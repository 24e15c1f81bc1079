"""How well the dispatcher chooses, on tasks it was not tuned on, and how long it takes among a thousand agents."""

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django

from benchmarks.in_django import figures_of, print_figures, someone

TASKS = Path(__file__).parent / "data" / "dispatcher_tasks.json"
AGENTS, ROUNDS = 1_000, 100
TARGET_MS = 30.0
# So much alike that an example gives the task away.
THE_SAME = 0.9


def run() -> dict[str, Any]:
    """Accuracy by what is compared and by language; milliseconds of a selection, rows and all."""
    figures = figures_of("benchmarks.dispatcher")
    _print_accuracy(figures["accuracy"])
    for name, taken in figures["selection"].items():
        print(
            f"a selection among {AGENTS:,} agents, {name}: p50 {taken['p50_ms']} ms, p95 {taken['p95_ms']} ms"
            f", {taken['cpu_ms']} ms of this process's CPU (the first {taken['first_ms']:,.0f} ms, of another process"
            f" {taken['anew_ms']:,.0f} ms)"
        )
    return figures


async def _run() -> dict[str, Any]:
    tasks = [task for task in json.loads(TASKS.read_text(encoding="utf-8")) if task["half"] == "test"]
    accuracy = {"words": await _accuracy(tasks, with_vectors=False)}
    if await _has_vectors():
        accuracy["words and vectors"] = await _accuracy(tasks, with_vectors=True)
        apart = [task for task in tasks if not await _is_given_away(task["task"])]
        left_out = len(tasks) - len(apart)
        accuracy[f"the same, without {left_out} like an example"] = await _accuracy(apart, with_vectors=True)
    texts = [task["task"] for task in tasks]
    selection = await _times(texts)
    within = all(taken["p95_ms"] < TARGET_MS for taken in selection.values())
    return {
        "name": "dispatcher",
        "accuracy": accuracy,
        "selection": selection,
        "target_ms": TARGET_MS,
        "within_target": within,
    }


def _catalogue() -> list[Any]:
    from apps.opie.engine.default_agents import catalogue
    from apps.opie.engine.dispatcher.matching import Profile
    from apps.opie.engine.dispatcher.roster import ANSWERING, ANYTHING

    found = [default.definition for default in catalogue()]
    return [
        Profile(one["agent_id"], one["name"], one["description"], tuple(one["capabilities"]), tuple(one["starters"]))
        for one in found
        if one["kind"] in ANSWERING and ANYTHING not in one["capabilities"]
    ]


async def _has_vectors() -> bool:
    from apps.opie.engine.dispatcher.likeness import vector_of

    return await vector_of("a") is not None


async def _accuracy(tasks: Sequence[dict[str, Any]], *, with_vectors: bool) -> dict[str, Any]:
    from apps.opie.engine.dispatcher.index import Index
    from apps.opie.engine.dispatcher.likeness import Examples, vector_of
    from apps.opie.engine.dispatcher.matching import candidates

    index = Index(_catalogue())
    examples = Examples(index.examples)
    right: dict[str, list[tuple[bool, bool]]] = {}
    refused = []
    for task in tasks:
        vector = await vector_of(task["task"]) if with_vectors else None
        likeness = None if vector is None else await examples.likeness_to(vector)
        found = index.matches(task["task"], likeness)
        fitting = candidates(found, with_vectors=likeness is not None)
        if task["expected"] is None:
            refused.append(not fitting)
            continue
        # Nobody has run yet: all scores are equal, and the better fit decides.
        first = bool(fitting) and fitting[0].agent_id == task["expected"]
        among = task["expected"] in [match.agent_id for match in found[:3]]
        right.setdefault(task["language"], []).append((first, among))
    everything = [one for some in right.values() for one in some]
    return {
        "tasks": len(everything),
        "top_1": _share([first for first, _ in everything]),
        "top_3": _share([among for _, among in everything]),
        "by_language": {
            name: {
                "tasks": len(some),
                "top_1": _share([one[0] for one in some]),
                "top_3": _share([one[1] for one in some]),
            }
            for name, some in sorted(right.items())
        },
        "nobody_fits": {"tasks": len(refused), "refused": sum(refused)},
    }


async def _is_given_away(task: str) -> bool:
    """Whether an example of the catalogue or the vocabulary says nearly the same."""
    from apps.opie.engine.dispatcher.likeness import Examples, vector_of

    vector = await vector_of(task)
    texts = sorted({text for profile in _catalogue() for text in profile.tasks})
    return vector is not None and max(await Examples([[text] for text in texts]).likeness_to(vector)) >= THE_SAME


async def _times(tasks: Sequence[str]) -> dict[str, dict[str, float]]:
    """Of a whole selection once the agents have been read and compared; the first does that too."""
    from apps.opie import rows

    scope = await rows.run(someone)
    await rows.run(_make_agents, scope.principal)
    times = {"words": await _times_of(scope.principal, tasks, with_vectors=False)}
    if await _has_vectors():
        times["words and vectors"] = await _times_of(scope.principal, tasks, with_vectors=True)
    return times


async def _times_of(principal: Any, tasks: Sequence[str], *, with_vectors: bool) -> dict[str, float]:
    from apps.opie.engine.dispatcher.selecting import select

    taken, busy = [], 0.0
    for number in range(ROUNDS + 1):
        began, busy_before = time.perf_counter(), time.process_time()
        await select(principal, tasks[number % len(tasks)], with_vectors=with_vectors)
        taken.append((time.perf_counter() - began) * 1000)
        busy += (time.process_time() - busy_before) * 1000 if number else 0
    first, *others = taken
    _forget()
    began = time.perf_counter()
    await select(principal, tasks[0], with_vectors=with_vectors)
    anew = (time.perf_counter() - began) * 1000
    p95 = statistics.quantiles(others, n=20)[-1]
    return {
        "first_ms": round(first, 1),
        "anew_ms": round(anew, 1),
        "p50_ms": round(statistics.median(others), 1),
        "p95_ms": round(p95, 1),
        "cpu_ms": round(busy / ROUNDS, 1),
    }


def _forget() -> None:
    """What a process that has just begun does not know: agents and vectors are in rows."""
    from apps.opie.engine.dispatcher import likeness, roster

    likeness._kept.clear()
    roster._kept.clear()


def _make_agents(principal: Any) -> None:
    """A thousand, that share what they can do and have starters of their own."""
    from apps.opie.engine.dispatcher.vocabulary import capabilities
    from apps.opie.models import Agent

    known = list(capabilities().values())
    for number in range(AGENTS):
        one = known[number % len(known)]
        starters = [f"{text[:150]} (customer {number})" for text in one.examples[:2]]
        Agent.objects.create(
            agent_id=f"agent-{number}", name=f"{one.label} for customer {number}", description=f"Team {number % 40}",
            capabilities=[one.code], starters=starters, team_id=principal.team_id, visibility="team", status="published",
        )  # fmt: skip


def _share(of: Sequence[bool]) -> float:
    return round(sum(of) / len(of), 3) if of else 0.0


def _print_accuracy(accuracy: dict[str, dict[str, Any]]) -> None:
    for name, found in accuracy.items():
        nobody = found["nobody_fits"]
        print(
            f"{name:<36} {found['tasks']:>3} tasks  top-1 {found['top_1']:.3f}  top-3 {found['top_3']:.3f}"
            f"  refused {nobody['refused']} of {nobody['tasks']} that nobody does"
        )
        for language, of_it in found["by_language"].items():
            print(f"  {language:<34} {of_it['tasks']:>3} tasks  top-1 {of_it['top_1']:.3f}  top-3 {of_it['top_3']:.3f}")


if __name__ == "__main__":
    django.setup()
    print_figures(asyncio.run(_run()))
