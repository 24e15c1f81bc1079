"""One program that is kept running: its process, its output, and when to start it again."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from launcher.child import start_child
from launcher.data_folder import private_log

_LOG_LIMIT = 10_000_000
_LONGEST_PAUSE = 30.0
# A program that has run this long was healthy: the next time it ends, it is started again at once.
_HEALTHY_AFTER = 30.0


@dataclass
class Program:
    """A command that should always run. `health` is an address that answers 200 once it serves; without one, running is enough."""

    name: str
    command: list[str]
    log: Path
    health: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    start_at: float = 0.0
    answered: bool = False
    silenced: bool = False  # the process has closed its output
    _failures: int = 0
    _started: float = 0.0
    _unfinished: bytes = b""
    _file: IO[bytes] | None = field(default=None, repr=False)

    @property
    def output(self) -> IO[bytes]:
        """The pipe that carries what the process says."""
        if self.child.stdout is None:
            raise RuntimeError(f"The output of {self.name} is not read.")
        return self.child.stdout

    @property
    def child(self) -> "subprocess.Popen[bytes]":
        """The process. Raises RuntimeError when there is none."""
        if self.process is None:
            raise RuntimeError(f"{self.name} has not been started.")
        return self.process

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, folder: Path) -> None:
        """Start the process. Raises OSError when the command cannot be run."""
        self._open_log()
        self._started = time.monotonic()
        self.answered = self.silenced = False
        self.process = start_child(self.command, folder=folder, output=subprocess.PIPE)
        os.set_blocking(self.output.fileno(), False)

    def ended(self) -> float:
        """Note that the process has ended, and return the seconds to wait before the next start: 0, 1, 2, 4 … 30."""
        self.output.close()
        if time.monotonic() - self._started > _HEALTHY_AFTER:
            self._failures = 0
        pause = min(_LONGEST_PAUSE, 2.0 ** (self._failures - 1)) if self._failures else 0.0
        self._failures += 1
        self.process = None
        self.start_at = time.monotonic() + pause
        return pause

    def read_lines(self) -> list[str]:
        """The whole lines that have come since the last call. They are in the log file too."""
        try:
            got = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return []
        self.silenced = not got
        if self._file is not None:
            self._file.write(got)
        *lines, self._unfinished = (self._unfinished + got).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def answers(self) -> bool:
        """Whether it serves. Asked again until it does; from then on true until it ends."""
        if not self.answered and self.running:
            self.answered = not self.health or _answers(self.health)
        return self.answered

    def close_log(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open_log(self) -> None:
        self.close_log()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.rename(self.log.with_suffix(".1.log"))
        self._file = private_log(self.log)


def _answers(address: str) -> bool:
    # Not through a proxy that the environment may name: this is the loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
