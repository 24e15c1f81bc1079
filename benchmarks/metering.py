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
    """CPU milliseconds a call: bare, metered, and metered with more and more rules of the team's own."""
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
    await _cpu_ms(bare, 30)  # imports, pools
    figures: dict[str, Any] = {"name": "metering", "calls": calls * rounds}
    for rules, configure in STEPS.items():
        await rows.run(configure, scope.principal, candidate)
        await _cpu_ms(metered, 30)
        without, with_rules = await _beside(bare, metered, calls, rounds)
        figures |= {f"{rules}_ms": round(with_rules, 3), f"{rules}_adds_ms": round(with_rules - without, 3)}
    within = all(figures[f"{rules}_adds_ms"] < TARGET_MS for rules in STEPS)
    what = "median over rounds of CPU time of the process, all threads, a call; offline responder, rows committed"
    return figures | {"target_ms": TARGET_MS, "within_target": within, "what": what}


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


def _no_rules(_: Any, __: Any) -> None:
    """What most teams have."""


def _limit_on_requests(principal: Any, _: Any) -> None:
    from apps.opie.models import Limit

    Limit.objects.create(team_id=principal.team_id, requests_per_minute=10**9)


def _limit_on_tokens(principal: Any, _: Any) -> None:
    from apps.opie.models import Limit

    Limit.objects.filter(team_id=principal.team_id).update(tokens_per_minute=2 * 10**9)


def _budget_and_price(principal: Any, candidate: Any) -> None:
    from apps.opie.ledger.price_list import NewPrice, set_price
    from apps.opie.models import Budget

    set_price(principal, NewPrice(candidate.platform.platform_name, candidate.model, Decimal(1), Decimal(2)))
    Budget.objects.create(team_id=principal.team_id, amount=1_000_000)


# Each comes on top of those before it.
STEPS: dict[str, Callable[[Any, Any], None]] = {
    "no_rules": _no_rules,
    "limit_on_requests": _limit_on_requests,
    "limits_on_requests_and_tokens": _limit_on_tokens,
    "limits_budget_and_price": _budget_and_price,
}


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
