"""The worker process: jobs that are quick, agents that run for minutes, and documents, each with places of their own."""

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from procrastinate.contrib.django import app

from apps.opie import jobs
from apps.opie.engine import draining
from apps.opie.providers.clients import close_clients

# After the runs were told to stop: so that what they had said is stored.
SETTLING_SECONDS = 3.0


class Command(BaseCommand):
    help = "Works on jobs and background runs until it is told to stop; then running ones get a while to end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jobs", type=int, default=4, help="quick jobs at once (mail, recovery, the clock)")
        parser.add_argument("--runs", type=int, default=settings.OPIE_BACKGROUND_RUNS, help="agents at once")
        parser.add_argument("--documents", type=int, default=2, help="documents read and embedded at once")
        parser.add_argument("--grace", type=float, default=12.0, help="seconds that running ones get to end")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        places = {jobs.QUICK: options["jobs"], jobs.RUNS: options["runs"], jobs.KNOWLEDGE: options["documents"]}
        # Tasks that are deferred from within keep Django's connection (apps/opie/jobs.py).
        with app.replace_connector(app.connector.get_worker_connector()):  # type: ignore[attr-defined]
            was_stopped = asyncio.run(_work(places, options["grace"]))
        if not was_stopped:
            raise CommandError("The worker lost its database. It has to be started again.")


async def _work(places: dict[str, int], grace: float) -> bool:
    """Work until a signal says stop, and answer True; False when something broke before."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with app.open_async():
        workers = [asyncio.ensure_future(_worker(queue, count, grace)) for queue, count in places.items()]
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait([*workers, stopped], return_when=asyncio.FIRST_COMPLETED)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(draining.drain(grace), *workers, return_exceptions=True)
        stopped.cancel()
    await close_clients()
    return stop.is_set()


async def _worker(queue: str, places: int, grace: float) -> None:
    await app.run_worker_async(
        queues=[queue],
        name=queue,
        concurrency=places,
        delete_jobs="successful",
        shutdown_graceful_timeout=grace + SETTLING_SECONDS,
        install_signal_handlers=False,
    )
