"""Child processes that never outlive the process that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from launcher.account import Account

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_parent(sent: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send this process `sent` when its parent dies, however it dies. Linux only; elsewhere nothing."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(sent), 0, 0, 0)


def start_child(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: IO[bytes] | int | None = None,
    when_orphaned: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, so that Ctrl-C reaches only us and we decide the order of stopping.

    Call it from the main thread: the kernel ties the child's life to the thread that forked. Raises OSError when the program
    cannot be started.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=environment,
        cwd=folder,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        # Runs after the change of user, which would clear what it sets.
        preexec_fn=_orphan_guard(os.getpid(), when_orphaned),
    )


def _orphan_guard(parent: int, when_orphaned: signal.Signals) -> Callable[[], None]:
    def guard() -> None:
        end_with_parent(when_orphaned)
        if os.getppid() != parent:  # the parent died before the kernel knew what to do about it
            os._exit(1)

    return guard


def stop_child(child: "subprocess.Popen[bytes]", steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its seconds, until the child has ended; kill its whole group when none of them helped."""
    for sent, patience in steps:
        if child.poll() is None:
            child.send_signal(sent)
            try:
                child.wait(patience)
            except subprocess.TimeoutExpired:
                continue
    kill_group(child)
    child.wait()


def kill_group(child: "subprocess.Popen[bytes]") -> None:
    """Kill whatever is left of the child and of what it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
