"""Real web processes over the database of this test run."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connection

from config.environment import ROOT
from launcher.child import start_child, stop_child
from launcher.ports import free_port

SECONDS_TO_START = 30


@contextmanager
def web_processes(count: int = 1, **environment: str) -> Iterator[list[str]]:
    """The addresses of that many uvicorns that serve config.asgi; they end with the block."""
    ports = [free_port() for _ in range(count)]
    with ExitStack() as stack:
        running = [stack.enter_context(_uvicorn(port, environment)) for port in ports]
        for port, process in zip(ports, running, strict=True):
            _wait_for(port, process)
        yield [f"http://127.0.0.1:{port}" for port in ports]


@contextmanager
def _uvicorn(port: int, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "config.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    own = {"DATABASE_URL": database_url(), "OPIE_OFFLINE_PAUSE_MS": "0", "AGENTOS_ENABLED": "false"}
    process = start_child(command, folder=ROOT, environment=dict(os.environ) | own | environment)
    try:
        yield process
    finally:
        # What it does when it is asked to stop is tested elsewhere; here nothing waits for its streams.
        stop_child(process, [(signal.SIGKILL, 5.0)])


def database_url() -> str:
    """The database of this very test run and worker."""
    at = connection.settings_dict
    return f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(f"http://127.0.0.1:{port}/health/live/", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The web process does not start.")
