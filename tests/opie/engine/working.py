"""The worker, as a test needs it: every job there is, one after the other, until none is left."""

from typing import Any

from procrastinate.contrib.django import app


async def work_off(*, delete_jobs: str = "always") -> None:
    """Do what was left to the worker, in this loop."""
    connector: Any = app.connector
    with app.replace_connector(connector.get_worker_connector()) as working:
        async with working.open_async():
            await working.run_worker_async(
                wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs=delete_jobs
            )
