"""Who the database server runs as. PostgreSQL refuses to run as root, so root lends it another account."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError


@dataclass(frozen=True)
class Account:
    """An account that is not root."""

    uid: int
    gid: int
    name: str

    def can_reach(self, path: Path) -> bool:
        """Whether every folder above the path lets this account through."""
        return all(self._may_enter(folder.stat()) for folder in path.resolve().parents)

    def _may_enter(self, folder: os.stat_result) -> bool:
        if folder.st_uid == self.uid:
            return bool(folder.st_mode & stat.S_IXUSR)
        if folder.st_gid == self.gid:
            return bool(folder.st_mode & stat.S_IXGRP)
        return bool(folder.st_mode & stat.S_IXOTH)


def account_for_server(cluster: Path) -> Account | None:
    """The account to run the server as: None for the one we have; for root, the owner of the existing cluster, or nobody.

    Raises LauncherError when root has no other account.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid, f"user {owner.st_uid}")
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise LauncherError(
            "PostgreSQL does not run as root, and there is no user nobody to run it as: start Opie as another user, or set DATABASE_URL."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid, nobody.pw_name)
