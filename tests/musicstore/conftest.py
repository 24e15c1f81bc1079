"""The store, filled with the sample or with the whole of Chinook."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from apps.musicstore.datasets.chinook import read_chinook
from apps.musicstore.datasets.load import load
from apps.musicstore.datasets.sample import read_sample
from config.environment import ROOT

CHINOOK = Path(os.environ.get("CHINOOK", ROOT.parent / "shared" / "data" / "Chinook_Sqlite.sqlite"))


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.OPIE_OFFLINE_PAUSE_MS = 0


@pytest.fixture(scope="session")
def chinook_file() -> Path:
    """Chinook's own file, which is not part of the project. CHINOOK names another place for it."""
    if not CHINOOK.exists():
        pytest.skip(f"Chinook is not in {CHINOOK}. Set CHINOOK to its SQLite file.")
    return CHINOOK


@pytest.fixture
def sample(db: None) -> None:
    load(read_sample())


@pytest.fixture(scope="module")
def chinook(django_db_setup: None, django_db_blocker: Any, chinook_file: Path) -> Iterator[sqlite3.Connection]:
    """The whole of Chinook in the store, for all tests of a module; what it yields asks the raw file."""
    from django.db import connection, transaction

    with django_db_blocker.unblock(), transaction.atomic():
        load(read_chinook(chinook_file, chinook_file.name))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        with closing(sqlite3.connect(f"{chinook_file.as_uri()}?mode=ro&immutable=1", uri=True)) as file:
            yield file
        transaction.set_rollback(True)
