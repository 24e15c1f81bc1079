"""What a command adds to a plain message, and how long it takes to find one among 10,000. Milliseconds.

Both in this process, with rows committed: the message and the command are the same prompt, answered offline by the same
agent, turn about; a search is what the list of /api/v1/commands/ asks of the rows (a count and a page of 25, as JSON).
`make bench-commands` makes a database of its own and leaves nothing.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import django

from benchmarks.in_django import figures_of, print_figures, someone

RUNS = 400
COMMANDS = 10_000
SEARCHES = 300
OVERHEAD_TARGET_MS, SEARCH_TARGET_MS = 5.0, 50.0

SUBJECTS = (
    *(
        "code",
        "contract",
        "budget",
        "release",
        "meeting",
        "story",
        "incident",
        "interview",
        "market",
        "invoice",
        "query",
    ),
    *(
        "roadmap",
        "policy",
        "prototype",
        "pipeline",
        "backlog",
        "survey",
        "migration",
        "changelog",
        "forecast",
        "onboarding",
    ),
)
DEEDS = (
    *(
        "review",
        "write",
        "summarise",
        "compare",
        "plan",
        "explain",
        "translate",
        "estimate",
        "improve",
        "check",
        "draft",
    ),
    *("classify", "prioritise", "test", "document", "analyse", "split", "convert", "simplify", "audit"),
)
PLACES = (
    "Berlin",
    "Lagos",
    "Lima",
    "Osaka",
    "Porto",
    "Quito",
    "Riga",
    "Turin",
    "Utrecht",
    "Vilnius",
    "Warsaw",
    "Zagreb",
)
# Half typed, whole, several, common, rare, none.
TYPED = (
    "re",
    "revi",
    "review",
    "review code",
    "reviewing the contracts",
    "w",
    "plan budget for",
    "osaka",
    "zzz",
    "team 77",
)


def run(runs: int = RUNS, searches: int = SEARCHES) -> dict[str, Any]:
    """Median overhead of a command, and p50 and p95 of searches and recommendations."""
    figures = figures_of("benchmarks.commands", str(runs), str(searches))
    print(json.dumps(figures, indent=1))
    return figures


async def _run(runs: int, searches: int) -> dict[str, Any]:
    from apps.opie import rows

    scope = await rows.run(someone)
    await rows.run(_make, scope.principal)
    message, command = await rows.run(_ways, scope.principal)
    plain, with_command = await _turn_about(message, command, runs)
    await rows.run(_fill_library, scope.principal)
    found = await rows.run(_search_times, scope.principal, searches)
    recommended = await rows.run(_recommend_times, scope.principal, searches // 3)
    overhead = statistics.median(b - a for a, b in zip(plain, with_command, strict=True))
    return {
        "name": "commands",
        "runs": runs,
        "message_ms": round(statistics.median(plain), 2),
        "command_ms": round(statistics.median(with_command), 2),
        "command_adds_ms": round(overhead, 2),
        "commands": COMMANDS,
        **{f"search_{name}_ms": value for name, value in _percentiles(found).items()},
        **{f"recommend_{name}_ms": value for name, value in _percentiles(recommended).items()},
        "targets_ms": {"overhead": OVERHEAD_TARGET_MS, "search_p95": SEARCH_TARGET_MS},
        "within_target": overhead < OVERHEAD_TARGET_MS and _percentiles(found)["p95"] < SEARCH_TARGET_MS,
    }


async def _turn_about(
    message: Callable[[], Awaitable[float]], command: Callable[[], Awaitable[float]], runs: int
) -> tuple[list[float], list[float]]:
    """One after the other, so that what else the machine does falls on both."""
    for _ in range(20):  # imports, pools
        await message()
        await command()
    plain, with_command = [], []
    for _ in range(runs):
        plain.append(await message())
        with_command.append(await command())
    return plain, with_command


def _ways(principal: Any) -> tuple[Callable[[], Awaitable[float]], Callable[[], Awaitable[float]]]:
    from apps.opie.engine.asking import ask_agent
    from apps.opie.engine.opening import Ask
    from apps.opie.library import CommandExecutor

    executor = CommandExecutor(principal)
    parameters = {"code": "x = 1\n" * 40, "focus": ["correctness", "tests"], "strict": True}
    text = executor.preview("review", parameters)

    async def message() -> float:
        started = time.perf_counter()
        turn = await ask_agent(principal, "helper", Ask(text, on_its_own=True))
        await turn.result()
        return (time.perf_counter() - started) * 1000

    async def command() -> float:
        started = time.perf_counter()
        opened = await executor.open("review", parameters)
        await opened.turn.result()
        return (time.perf_counter() - started) * 1000

    return message, command


def _make(principal: Any) -> None:
    """An agent that answers offline at once, and a command for it."""
    from django.conf import settings

    from apps.opie.library.commands import create_command
    from apps.opie.models import Agent, AIPlatform

    settings.OPIE_OFFLINE_PAUSE_MS = 0
    platform = AIPlatform.objects.create(platform_name="offline", api_type="offline", default_model="offline")
    agent = Agent.objects.create(
        agent_id="helper", name="Helper", team_id=principal.team_id, visibility="team", status="published"
    )
    agent.models.create(platform=platform, position=0)
    create_command(principal, _COMMAND | {"recommended_agent": "helper"})


def _fill_library(principal: Any) -> None:
    from django.db import connection

    from apps.opie.models import CommandTemplate

    places = itertools.islice(_definitions(), COMMANDS)
    CommandTemplate.objects.bulk_create(
        (CommandTemplate(team_id=principal.team_id, owner_id=principal.user_id, **one) for one in places),
        batch_size=1_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE opie_commandtemplate")


def _definitions() -> Iterator[dict[str, Any]]:
    names = itertools.product(range(1, 10), PLACES, DEEDS, SUBJECTS)
    for number, (team, place, deed, subject) in enumerate(names):
        yield {
            "slug": f"{deed}-{subject}-{place.lower()}-{team}",
            "name": f"{deed.title()} a {subject} ({place}, team {team})",
            "description": f"For whoever has to {deed} a {subject} in {place}: asks what is missing, and says what it assumed.",
            "category": SUBJECTS[number % 7],
            "tags": [deed, subject],
            "required_capabilities": ["CODE_REVIEW"] if subject == "code" else ["DOCUMENTATION"],
            "template": "Do it: {{code}}",
            "parameters": [{"name": "code", "type": "text"}],
            "visibility": "team" if number % 2 else "public",
            "total_successes": number % 100,
        }


def _search_times(principal: Any, searches: int) -> list[float]:
    from apps.opie.agentos.command_json import as_json
    from apps.opie.library import CommandRegistry

    times = []
    for text in itertools.islice(itertools.cycle(TYPED), searches + len(TYPED)):
        started = time.perf_counter()
        found = CommandRegistry(principal).search(text)
        found.count()
        [as_json(principal, one) for one in found[:25]]
        times.append((time.perf_counter() - started) * 1000)
    return times[len(TYPED) :]


def _recommend_times(principal: Any, times: int) -> list[float]:
    from apps.opie.library import CommandRegistry

    taken = []
    for deed, subject in itertools.islice(itertools.cycle(zip(DEEDS, SUBJECTS, strict=False)), times):
        started = time.perf_counter()
        CommandRegistry(principal).recommend(f"Please {deed} the {subject} that we got from the office in Lima today")
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _percentiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=20)
    return {"p50": round(cuts[9], 2), "p95": round(cuts[18], 2)}


_COMMAND: dict[str, Any] = {
    "slug": "review",
    "name": "Review",
    "template": "Review this:\n{{code}}\n{{#if focus}}\nLook at:\n{{focus}}\n{{/if}}\n{{#if strict}}\nBe strict.\n{{/if}}",
    "parameters": [
        {"name": "code", "type": "text", "required": True},
        {"name": "focus", "type": "multiple_choice", "allowed_values": ["correctness", "security", "tests"]},
        {"name": "strict", "type": "boolean"},
    ],
}


if __name__ == "__main__":
    if len(sys.argv) == 1:
        run()
    else:
        django.setup()
        print_figures(asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2]))))
