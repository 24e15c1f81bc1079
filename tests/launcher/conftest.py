"""Folders and programs for the tests of the launcher."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder that a database run by root's stand-in can reach; pytest's own tmp_path is private."""
    folder = Path(tempfile.mkdtemp(prefix="opie-launcher-"))
    folder.chmod(0o711)
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs, and kills those that a failed test leaves."""
    started: list[subprocess.Popen[str]] = []

    def start_program(*arguments: str | Path, **environment: str) -> "subprocess.Popen[str]":
        program = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(program)
        return program

    yield start_program
    for program in started:
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
        program.communicate()


def alive(pid: int) -> bool:
    """Whether the process runs. One that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return as soon as the condition holds. Fails the test when it does not come to hold."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def wait_until_gone(pids: Iterable[int], seconds: float = 10.0) -> None:
    """Return when none of the processes runs any more. Fails the test with those that do."""
    deadline = time.monotonic() + seconds
    while left := {pid: _command_of(pid) for pid in pids if alive(pid)}:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return "gone meanwhile"
