"""One data folder, one owner: whoever runs the embedded database holds the folder's lock for as long as it runs."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from launcher.errors import LauncherError


def private_folder(path: Path) -> Path:
    """Make a folder for us alone. Root lets others pass through, not look in: the database server runs as another account."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    unfinished.rename(path)


def private_log(path: Path) -> IO[bytes]:
    """A file to append to that only we can read. Logs tell who did what."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)


class FolderInUseError(LauncherError):
    """Another process owns the data folder."""


class FolderLock:
    """A lock that the kernel gives back when its holder dies, so it can never be stale."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def acquire(self, patience: float) -> None:
        """Take the lock, waiting up to `patience` seconds. Raises FolderInUseError that names the holder."""
        deadline = time.monotonic() + patience
        while not self.try_acquire():
            if time.monotonic() >= deadline:
                holder = self._path.read_text().strip() or "another process"
                raise FolderInUseError(
                    f"The data folder {self._path.parent.parent} is in use by {holder}: stop that first, or set OPIE_DATA_DIR to another folder."
                )
            time.sleep(0.1)

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it."""
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(f"process {os.getpid()} ({_own_command()})")
        file.flush()
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Guests:
    """Who uses a database that another process owns. The owner of a short-lived one waits for them before stopping it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def present(self) -> Iterator[None]:
        """Be counted for the length of a with block."""
        with self._path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Wait until nobody is counted, and let nobody in for the length of a with block."""
        with self._path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _own_command() -> str:
    program = Path(sys.argv[0]).name
    if program == "__main__.py":
        return f"python -m {Path(sys.argv[0]).parent.name}"
    return " ".join([program, *sys.argv[1:2]])
