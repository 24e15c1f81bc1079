"""A database server whose owner is gone: the kernel stops it on Linux, but slowly, and elsewhere nobody does."""

import os
import signal
import subprocess
import time
from pathlib import Path

from launcher.errors import LauncherError

_PATIENCE = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


def stop_leftover(cluster: Path) -> None:
    """Stop the server that still runs on a cluster, and remove the trace of one that does not. Call it with the folder's lock held.

    Raises LauncherError when it cannot be stopped.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    for sent, patience in _PATIENCE:
        if not _serves(pid, cluster):
            # The number may belong to any process by now; PostgreSQL would refuse to start because of it.
            pid_file.unlink(missing_ok=True)
            return
        os.kill(pid, sent)
        _wait_for_end(pid, cluster, patience)
    if _serves(pid, cluster):
        raise LauncherError(
            f"A database server that nobody owns (process {pid}) still runs on {cluster} and does not stop."
        )
    pid_file.unlink(missing_ok=True)


def _wait_for_end(pid: int, cluster: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while _serves(pid, cluster) and time.monotonic() < deadline:
        time.sleep(0.05)


def _serves(pid: int, cluster: Path) -> bool:
    """Whether this very process is the server of this very cluster, not a stranger with its number."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cwd").samefile(cluster)  # the server lives in its cluster
        except OSError:
            return False
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return str(cluster.resolve()) in listed.stdout
