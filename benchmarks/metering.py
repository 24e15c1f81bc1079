"""What metering, limits and budgets add to a call: CPU of this process, beside the same call without them.

The call is the offline responder's, which needs no network; what is measured is the time of all threads, with the
database's own left out. `make bench-metering` makes a database of its own and leaves nothing.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import django

from benchmarks.in_django import figures_of, print_figures, someone

CALLS = 300
ROUNDS = 7
TARGET_MS = 2.0


def run(calls: int = CALLS, rounds: int = ROUNDS) -> dict[str, Any]:
    """CPU milliseconds a call: bare, metered, and metered with a budget, a limit and a price of the team's own."""
    figures = figures_of("benchmarks.metering", str(calls), str(rounds))
    print(json.dumps(figures, indent=1))
    return figures


async def _run(calls: int, rounds: int) -> dict[str, Any]:
    from apps.opie import rows
    from apps.opie.scope import current_scope

    scope = await rows.run(someone)
    current_scope.set(scope)
    candidate = await rows.run(_candidate)
    bare, metered = _bare(candidate), _metered(candidate)
    for call in (bare, metered):  # imports, pools, prepared statements
        await _cpu_ms(call, 30)
    without, with_none = await _beside(bare, metered, calls, rounds)
    await rows.run(_configure_one_of_each, scope.principal, candidate)
    await _cpu_ms(metered, 30)
    without_again, with_each = await _beside(bare, metered, calls, rounds)
    adds, adds_each = with_none - without, with_each - without_again
    return {
        "name": "metering",
        "calls": calls * rounds,
        "bare_ms": round(without, 3),
        "metered_ms": round(with_none, 3),
        "adds_ms": round(adds, 3),
        "with_budget_limit_and_price_ms": round(with_each, 3),
        "with_budget_limit_and_price_adds_ms": round(adds_each, 3),
        "target_ms": TARGET_MS,
        "within_target": adds < TARGET_MS and adds_each < TARGET_MS,
        "what": "median over rounds of CPU time of the process, all threads, a call; offline responder, rows committed",
    }


async def _beside(
    bare: Callable[[], Awaitable[Any]], metered: Callable[[], Awaitable[Any]], calls: int, rounds: int
) -> tuple[float, float]:
    """Turn about, so that what else the machine does falls on both."""
    times = [(await _cpu_ms(bare, calls), await _cpu_ms(metered, calls)) for _ in range(rounds)]
    return statistics.median(one for one, _ in times), statistics.median(other for _, other in times)


async def _cpu_ms(call: Callable[[], Awaitable[Any]], times: int) -> float:
    before = time.process_time()
    for _ in range(times):
        await call()
    return (time.process_time() - before) / times * 1000


def _candidate() -> Any:
    from apps.opie.models import AIPlatform
    from apps.opie.models.platforms import ApiType
    from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

    row = AIPlatform.objects.create(platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline")
    return Candidate(PlatformSnapshot.of(row), row.default_model, max_tokens=512)


def _configure_one_of_each(principal: Any, candidate: Any) -> None:
    from apps.opie.ledger.price_list import NewPrice, set_price
    from apps.opie.models import Budget, Limit

    price = NewPrice(candidate.platform.platform_name, candidate.model, Decimal(1), Decimal(2))
    set_price(principal, price)
    Budget.objects.create(team_id=principal.team_id, amount=1_000_000)
    Limit.objects.create(team_id=principal.team_id, requests_per_minute=10**9, tokens_per_minute=2 * 10**9)


def _asked() -> tuple[list[Any], Any]:
    from agno.metrics import MessageMetrics
    from agno.models.message import Message

    question = [Message(role="user", content="Hello, who are you?")]
    return question, Message(role="assistant", metrics=MessageMetrics())


def _bare(candidate: Any) -> Callable[[], Awaitable[Any]]:
    from apps.opie.providers.offline import OfflineResponder

    async def call() -> Any:
        question, said = _asked()
        return await OfflineResponder(id=candidate.model, pause=0).ainvoke(question, assistant_message=said)

    return call


def _metered(candidate: Any) -> Callable[[], Awaitable[Any]]:
    from apps.opie.providers.metered import MeteredModel

    model = MeteredModel((candidate,))

    async def call() -> Any:
        question, said = _asked()
        return await model.ainvoke(question, said)

    return call


if __name__ == "__main__":
    if len(sys.argv) == 1:
        run()
    else:
        django.setup()
        print_figures(asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2]))))
