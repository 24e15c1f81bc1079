"""Rows that must be there before anything serves: python -m launcher.prepare.

One process for all of it, because starting Django is what takes the time.
"""

import os
from collections import Counter
from io import StringIO

from launcher.console import say, step

# How `create_demo` begins the line that says how to sign in.
DEMO_LOGIN = "Demo login:"


def main() -> None:
    """Bring the database named by DATABASE_URL up to date, and put the first data into it. Ends with a status other than 0 when it cannot."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    with step("Settings", "reading"):
        django.setup()
    _migrate()
    _create_cache_table()
    for name, command in (
        ("Platforms", "setup_platforms"),
        ("Demo", "create_demo"),
        ("Agents", "create_default_agents"),
        ("Commands", "create_default_commands"),
    ):
        _first_data(name, command)


def _migrate() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    with step("Tables", "migrating") as current:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            call_command("migrate", interactive=False, verbosity=0)
        current.result = f"{len(plan)} migrations applied" if plan else "up to date"


def _create_cache_table() -> None:
    from django.conf import settings
    from django.core.management import call_command

    if "DatabaseCache" in str(settings.CACHES["default"]["BACKEND"]):
        call_command("createcachetable", verbosity=0)


def _first_data(name: str, command: str) -> None:
    """Run a command that makes what is missing and leaves the rest alone."""
    from django.core.management import CommandError, call_command

    said = StringIO()
    with step(name, "preparing") as current:
        try:
            call_command(command, stdout=said)
        except CommandError as error:
            raise SystemExit(str(error)) from error
        current.result = _summary(said.getvalue())
    for text in said.getvalue().splitlines():
        if text.startswith(DEMO_LOGIN):
            say(text)


def _summary(said: str) -> str:
    """What a command did, counted: 16 created, or 2 updated, 14 skipped."""
    done = Counter(said.split())
    return (
        ", ".join(f"{done[word]} {word}" for word in ("created", "updated", "unchanged", "skipped") if word in done)
        or "done"
    )


if __name__ == "__main__":
    main()
