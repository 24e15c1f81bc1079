"""Fixtures for every test. The services behind them are started by tests/services.py."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings

# How quick the machine is, is not what a test finds out.
settings.register_profile("opie", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A change is judged by the same values each time; whoever runs the tests by hand looks further.
settings.register_profile("repeatable", settings.get_profile("opie"), derandomize=True)
settings.load_profile(os.environ.get("OPIE_HYPOTHESIS", "opie"))

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Containers and CI run as root without a desktop, and nothing may call home.
_CHROMIUM_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(autouse=True)
def _nothing_left_on_closed_loops() -> Iterator[None]:
    """A test that cancels an Agno run ends its loop with Agno's own clean-up still in a module's set; an AgentOS that
    another test starts would wait for it, for ever."""
    yield
    background = sys.modules.get("agno.run.background")
    for task in list(background._background_tasks) if background else []:
        if task.get_loop().is_closed():
            background._background_tasks.discard(task)  # type: ignore[union-attr]


@pytest.fixture(scope="session", autouse=True)
def _databases_go_whoever_is_in_them() -> None:
    """At the very end, threads and processes of tests that were cancelled may still hold a connection."""
    from django.db import ProgrammingError
    from django.db.backends.postgresql.creation import DatabaseCreation

    def destroy(creation: Any, name: str, verbosity: int) -> None:
        for tries_left in range(40, -1, -1):
            try:
                with creation._nodb_cursor() as cursor:
                    cursor.execute(f"DROP DATABASE {creation.connection.ops.quote_name(name)} WITH (FORCE)")
                    return
            except ProgrammingError:
                # The database's own cleaning is at work in it, and is not ours to end: it is done in a moment.
                if not tries_left:
                    raise
                time.sleep(0.25)

    DatabaseCreation._destroy_test_db = destroy  # type: ignore[method-assign, assignment]


@pytest.fixture(scope="session", autouse=True)
def _rows_go_though_somebody_still_writes() -> None:
    """A server of this process may still answer a page that is closed already: then PostgreSQL ends one of the two."""
    from django.db import OperationalError
    from django.test import TransactionTestCase

    from tests.clearing import clear_rows

    def cleared(case: Any) -> None:
        for tries_left in range(4, -1, -1):
            try:
                clear_rows()
            except OperationalError as error:
                if "deadlock" not in str(error) or not tries_left:
                    raise
                time.sleep(0.25)
            else:
                return

    TransactionTestCase._fixture_teardown = cleared  # type: ignore[attr-defined]


def _chromium() -> str | None:
    return next((path for path in map(shutil.which, _CHROMIUM) if path), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a Chromium the browser tests are skipped, except where OPIE_REQUIRE_BROWSER says that they must run."""
    if _chromium() or os.environ.get("OPIE_REQUIRE_BROWSER") == "1":
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="there is no Chromium on the PATH"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """How pytest-playwright starts the machine's own Chromium. Fails when there is none."""
    path = _chromium()
    if path is None:
        pytest.fail("There is no Chromium on the PATH, and OPIE_REQUIRE_BROWSER is set.")
    return {**browser_type_launch_args, "executable_path": path, "args": list(_CHROMIUM_FLAGS)}


@pytest.fixture
def valkey_url() -> Iterator[str]:
    """An empty Valkey that no other test of this process uses. Every xdist worker has a database of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = f"{os.environ['TEST_REDIS_URL'].rsplit('/', 1)[0]}/{worker % 16}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
