"""What the launcher itself needs from the environment. Everything else is config/environment.py's."""

import os
from dataclasses import dataclass
from pathlib import Path

from launcher.environment import data_dir
from launcher.errors import LauncherError

_NO = {"0", "false", "f", "no", "n", "off"}  # as pydantic reads them in config/environment.py


@dataclass(frozen=True)
class Options:
    """How this start of Opie is to run."""

    data_dir: Path
    web_port: int
    agentos_enabled: bool
    agentos_host: str
    agentos_port: int
    database_url: str
    redis_url: str

    @classmethod
    def from_environment(cls) -> "Options":
        """Read os.environ, once prepare_environment() has completed it. Raises LauncherError for a value that cannot be used."""
        agentos_port = "AGENTOS_PORT" if os.environ.get("AGENTOS_PORT") else "AGENTOS_DEFAULT_PORT"
        return cls(
            data_dir=data_dir(),
            web_port=_port("WEB_PORT", 8000),
            agentos_enabled=os.environ.get("AGENTOS_ENABLED", "true").lower() not in _NO,
            agentos_host=os.environ.get("AGENTOS_DEFAULT_HOST") or "127.0.0.1",
            agentos_port=_port(agentos_port, 7777),
            database_url=os.environ.get("DATABASE_URL", ""),
            redis_url=os.environ.get("REDIS_URL", ""),
        )

    def ports(self) -> list[tuple[str, str, int]]:
        """Variable, address and number of each port that will be listened on."""
        agentos = [("AGENTOS_PORT", self.agentos_host, self.agentos_port)] if self.agentos_enabled else []
        return [("WEB_PORT", "127.0.0.1", self.web_port), *agentos]


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise LauncherError(f"{name} is {value!r}: a port is a number from 1 to 65535.")
    return int(value)
