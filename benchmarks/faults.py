"""Two thousand calls against a platform that fails in every way; both sides' books, side by side.

`make bench-faults` makes a database of its own and leaves nothing.
"""

import asyncio
import json
import logging
import sys
import time
from typing import Any

import django

from benchmarks.in_django import figures_of, print_figures, someone

CALLS = 2000
SEED = 20261121
AT_ONCE = 40


def run(calls: int = CALLS, seed: int = SEED) -> dict[str, Any]:
    """What the platform's books say, what the ledger says, and whether they are the same. Prints them side by side."""
    figures = figures_of("benchmarks.faults", str(calls), str(seed))
    print(f"{'':12}{'platform':>12}{'ledger':>12}")
    for name in figures["platform"]:
        print(f"{name:12}{figures['platform'][name]:>12}{figures['ledger'][name]:>12}")
    print(
        json.dumps({name: figures[name] for name in ("answered", "failed", "outcomes", "kinds", "seconds")}, indent=1)
    )
    print("The books are the same." if figures["same"] else "THE BOOKS DIFFER.")
    return figures


async def _run(calls: int, seed: int) -> dict[str, Any]:
    from apps.opie import rows
    from apps.opie.providers import health
    from apps.opie.providers.clients import close_clients
    from apps.opie.scope import current_scope
    from tests.opie.providers.storm import candidates, ledger_of, storm
    from tests.vendors.faulty import FaultyServer, as_lines

    async def always(platform: object) -> health.Permit:  # noqa: ARG001
        return health.ASK

    # The platforms fail far too often to be well, and resting ones would not be asked.
    health.permit_for = always
    scope = await rows.run(someone)
    assert scope.run_id is not None
    current_scope.set(scope)
    started = time.monotonic()
    async with FaultyServer(seed) as server:
        seen = await storm(await rows.run(candidates, server.url), calls, seed, at_once=AT_ONCE)
        await close_clients()
    ledger = await rows.run(ledger_of, scope.run_id)
    theirs = as_lines(server.books)
    ours = {"calls": ledger.sent, "reported": ledger.reported, "input": ledger.input, "output": ledger.output}
    return {
        "name": "faults",
        "asked_for": calls,
        "answered": seen.answered,
        "failed": dict(seen.failed),
        "platform": theirs,
        "ledger": ours,
        "outcomes": ledger.kinds,
        "open": ledger.open,
        "unknown": ledger.unknown,
        "kinds": dict(sorted(server.books.kinds.items())),
        "same": theirs == ours and not ledger.open and not ledger.unknown,
        "seconds": round(time.monotonic() - started, 1),
    }


if __name__ == "__main__":
    if len(sys.argv) == 1:
        run()
    else:
        django.setup()
        logging.disable(logging.CRITICAL)  # thousands of failures, each with its line
        print_figures(asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2]))))
