"""The processes of a benchmark: a database, a mock platform, and servers, each bound to a core where there are two."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from launcher.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE, OTHER_CORE = (0, 1) if (os.cpu_count() or 1) > 1 else (0, 0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def most_mib(process: int | str = "self") -> float:
    """The most memory that a process ever held; what getrusage says begins with that of whoever started it. 0 for one
    that has ended."""
    try:
        status = Path("/proc", str(process), "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next(
        (round(int(line.split()[1]) / 1024, 1) for line in status.splitlines() if line.startswith("VmHWM")), 0.0
    )


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL of its own, thrown away afterwards; answers its URL."""
    with tempfile.TemporaryDirectory(prefix="opie-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def process(arguments: list[str], environment: dict[str, str], *, core: int) -> Iterator[psutil.Process]:
    """A child on one core, ended (with all it started) when the block ends."""
    child = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment})
    try:
        watched = psutil.Process(child.pid)
        watched.cpu_affinity([core])
        yield watched
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for_port(port: int, seconds: float = 60.0) -> None:
    """Raises TimeoutError when nothing listens there in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"Nothing listens on {port}.")


def cpu_seconds(watched: psutil.Process) -> float:
    """Of the process and its children."""
    times = [one.cpu_times() for one in (watched, *watched.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def postgres_cpu_seconds() -> float:
    """Of every PostgreSQL backend that this benchmark started; those that ended are in their parent's sum."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            if "postgres" in child.name():
                times = child.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        except psutil.NoSuchProcess:
            continue
    return total


def memory_mib(watched: psutil.Process) -> float:
    return round(watched.memory_info().rss / 2**20, 1)
