"""The web process as it is served, on the test's database: uvicorn in a process of its own."""

import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from urllib.parse import urlsplit

from launcher.child import start_child, stop_child

STARTS_WITHIN = 60
# Long enough between two words that a browser sees the answer grow.
PAUSE_MS = "15"


@contextmanager
def serving(database: str, log: Path) -> Iterator[str]:
    """The address of a running site."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl(),
        "AGENTOS_ENABLED": "false",
        "OPIE_OFFLINE_PAUSE_MS": PAUSE_MS,
    }
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
    with log.open("wb") as output:
        server = start_child([*command, "--timeout-graceful-shutdown", "3"], environment=environment, output=output)
        try:
            if not _answers(url, server.poll):
                raise RuntimeError(f"The web process does not start:\n{log.read_text()[-2000:]}")
            yield url
        finally:
            stop_child(server, [(SIGTERM, 15.0)])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(url: str, ended: Callable[[], int | None]) -> bool:
    """Wait until the process answers; False when it ended instead, or took too long."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and ended() is None:
        try:
            with urllib.request.urlopen(f"{url}/health/live/", timeout=2):
                return True
        except urllib.error.HTTPError:
            return False
        except OSError:  # not reached yet, or too slow to say so on its first time
            time.sleep(0.1)
    return False
