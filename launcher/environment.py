"""What a process of Opie finds in its environment before Django's settings are read."""

import base64
import fcntl
import json
import os
import secrets
from pathlib import Path

from dotenv import load_dotenv

from launcher.data_folder import private_folder, write_private

ROOT = Path(__file__).resolve().parent.parent


def prepare_environment() -> None:
    """Complete os.environ: what .env adds, the data folder as an absolute path, and outside production the secrets made at first start.

    What is set already wins. Raises OSError when the data folder cannot be written.
    """
    if os.environ.get("OPIE_ENV") != "test":  # tests do not depend on what a developer has set
        load_dotenv(ROOT / ".env", override=False)
    os.environ["OPIE_DATA_DIR"] = str(data_dir())
    if os.environ.get("OPIE_ENV", "development") == "production":
        return
    missing = [name for name in ("SECRET_KEY", "OPIE_ENCRYPTION_KEYS") if not os.environ.get(name)]
    if missing:
        kept = _kept_secrets(data_dir())
        os.environ.update({name: kept[name] for name in missing})


def data_dir() -> Path:
    """The folder for what Opie keeps on this machine. A relative path is relative to the project."""
    return (ROOT / Path(os.environ.get("OPIE_DATA_DIR") or ".opie").expanduser()).resolve()


def _kept_secrets(folder: Path) -> dict[str, str]:
    """The secrets of this data folder as environment values, made once. Two processes that start together agree on one set."""
    path = private_folder(folder) / "secrets.json"
    with (folder / "secrets.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            write_private(
                path,
                json.dumps(
                    {"SECRET_KEY": secrets.token_urlsafe(64), "OPIE_ENCRYPTION_KEYS": [_fernet_key()]}, indent=2
                ),
            )
    kept = json.loads(path.read_text())
    return {"SECRET_KEY": kept["SECRET_KEY"], "OPIE_ENCRYPTION_KEYS": json.dumps(kept["OPIE_ENCRYPTION_KEYS"])}


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
