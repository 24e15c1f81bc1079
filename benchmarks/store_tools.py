"""How fast the music store's tools answer, with the whole of Chinook: p50 and p95 in milliseconds, spelled right and wrong.

Chinook lies beside the project, in ../shared/data/Chinook_Sqlite.sqlite, or where CHINOOK says. What is timed is the call of
the function, with all of its statements, on one connection.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import django

from benchmarks.in_django import figures_of, print_figures
from benchmarks.processes import ROOT

CALLS = 300
TARGETS = {"p95_ms": 20}


def run() -> dict[str, Any]:
    """Milliseconds by tool, and what they are to be."""
    path = Path(os.environ.get("CHINOOK", ROOT.parent / "shared" / "data" / "Chinook_Sqlite.sqlite"))
    if not path.exists():
        raise SystemExit(f"Chinook is not in {path}. Set CHINOOK to its SQLite file.")
    found = figures_of("benchmarks.store_tools", str(path)) | {"targets": TARGETS}
    print(f"{'':46}{'p50 ms':>8}{'p95 ms':>8}")
    for name, times in found["tools"].items():
        print(f"{name:46}{times['p50']:>8.2f}{times['p95']:>8.2f}")
    print(f"init_db: {found['init_db_seconds']} s")
    return found


def _run(path: str) -> dict[str, Any]:
    from django.core.management import call_command
    from django.db import connection

    started = time.perf_counter()
    call_command("init_db", "--quiet", source=path)
    seconds = round(time.perf_counter() - started, 1)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    chance = random.Random(7)
    return {
        "init_db_seconds": seconds,
        "tools": {name: _times(lambda c=call: c(chance)) for name, call in _calls().items()},  # type: ignore[misc]
    }


def _calls() -> dict[str, Callable[[random.Random], Any]]:
    """A call of each tool, for a row by chance."""
    from apps.musicstore import customers
    from apps.musicstore.models import Album, Artist, Customer, Genre, Invoice, Track
    from apps.musicstore.tools import catalogue, invoices

    names = {model: list(model.objects.values_list("name", flat=True)) for model in (Artist, Genre, Track)}
    names[Album] = list(Album.objects.values_list("title", flat=True))
    buyers = list(Customer.objects.values_list("id", flat=True))
    bought = list(Invoice.objects.values_list("customer_id", "id"))
    calls: dict[str, Callable[[random.Random], Any]] = {}
    for tool, model in (
        (catalogue.get_albums_by_artist, Artist),
        (catalogue.get_tracks_by_artist, Artist),
        (catalogue.get_songs_by_genre, Genre),
        (catalogue.check_for_songs, Track),
        (catalogue.get_tracks_by_album, Album),
    ):
        calls[tool.__name__] = lambda chance, t=tool, m=model: t(chance.choice(names[m]))  # type: ignore[misc]
        calls[f"{tool.__name__}, a letter wrong"] = lambda chance, t=tool, m=model: t(  # type: ignore[misc]
            _misspelled(chance.choice(names[m]), chance)
        )
    for by_customer in (invoices.get_invoices_by_customer_sorted_by_date, invoices.get_invoices_sorted_by_unit_price):
        calls[by_customer.__name__] = lambda chance, t=by_customer: t(chance.choice(buyers))  # type: ignore[misc]
    calls["get_employee_by_invoice_and_customer"] = lambda chance: invoices.get_employee_by_invoice_and_customer(
        *chance.choice(bought)
    )
    calls["recognise a customer"] = lambda chance: customers.recognise(f"Hello, I'm customer {chance.choice(buyers)}.")
    return calls


def _misspelled(name: str, chance: random.Random) -> str:
    at = chance.randrange(len(name))
    return name[:at] + name[at + 1 :]


def _times(call: Callable[[], Any]) -> dict[str, float]:
    for _ in range(10):  # pages and plans that every later call finds warm
        call()
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    return {"p50": round(median(times), 2), "p95": round(quantiles(times, n=20, method="inclusive")[-1], 2)}


if __name__ == "__main__":
    django.setup()
    print_figures(_run(sys.argv[1]))
