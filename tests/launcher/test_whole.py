"""The whole of it: started as `make run` starts it, on an empty data folder, and stopped."""

import signal
import subprocess
import threading
import urllib.request
from pathlib import Path

import pytest

from launcher.ports import free_port
from tests.launcher.conftest import Start, wait_until, wait_until_gone

# For a machine that has much else to do; one that is free needs a tenth of it.
PATIENCE = 240


class Running:
    """A launcher, what it has said, and the processes below it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        wait_until(lambda: process.poll() is not None or "Ctrl-C stops it." in self.said, seconds=PATIENCE)
        assert process.poll() is None, "\n".join([*self.said, *(process.stderr or [])])

    def _read(self) -> None:
        for line in self.process.stdout or []:
            self.said.append(line.strip())

    def below(self) -> set[int]:
        parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    def end(self, sent: signal.Signals) -> int:
        self.process.send_signal(sent)
        status = self.process.wait(PATIENCE)
        self._reader.join()
        return status

    def tells(self, beginning: str) -> str:
        return next(line for line in self.said if line.startswith(beginning))


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.fixture
def environment(data_dir: Path) -> dict[str, str]:
    empty = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "OPIE_DEMO_PASSWORD", "SECRET_KEY", "OPIE_ENCRYPTION_KEYS"), "")
    ports = {name: str(free_port()) for name in ("WEB_PORT", "AGENTOS_PORT")}
    return {**empty, **ports, "OPIE_ENV": "development", "OPIE_DATA_DIR": str(data_dir)}


def test_it_serves_stops_starts_again_and_leaves_nothing(start: Start, environment: dict[str, str]) -> None:
    first = Running(start("-m", "launcher", **environment))
    web, agentos = (f"http://127.0.0.1:{environment[name]}" for name in ("WEB_PORT", "AGENTOS_PORT"))
    # "in part" on a machine that takes more than a minute to start them: then they are waited for, as a person would.
    assert first.tells("Opie is running")
    wait_until(lambda: answers(f"{web}/health/live/") and answers(f"{agentos}/health"), seconds=PATIENCE)
    login = first.tells("Demo login")
    assert "demo@example.com" in login

    pids = first.below()
    assert len(pids) > 4
    assert first.end(signal.SIGTERM) == 0, first.process.stderr
    wait_until_gone(pids, seconds=PATIENCE)

    second = Running(start("-m", "launcher", **environment))
    assert second.tells("Tables").startswith("Tables       up to date")
    assert second.tells("Demo login") == login
    pids = second.below()
    second.end(signal.SIGKILL)
    # They are told by the kernel, drain as ever, and the database ends behind the last of them.
    wait_until_gone(pids, seconds=PATIENCE)
