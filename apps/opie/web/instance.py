"""What this instance is and whether it is healthy, as the dashboard says it."""

from dataclasses import dataclass
from typing import Self

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.opie.agentos.health import snapshot, versions

_LABELS = {
    "database": gettext_noop("Database"),
    "cache": gettext_noop("Cache"),
    "migrations": gettext_noop("Database schema"),
    "worker": gettext_noop("Background jobs"),
    "agentos": gettext_noop("AgentOS"),
    "platforms": gettext_noop("Platforms"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the instance uses. `note` says what a person should know about it."""

    label: str
    status: str
    note: str

    @property
    def is_good(self) -> bool:
        return self.status == "ok"

    @property
    def is_off(self) -> bool:
        return self.status == "off"


@dataclass(frozen=True, slots=True)
class Instance:
    """Everything the dashboard shows about it."""

    checks: list[Check]
    is_ready: bool
    versions: list[tuple[str, str]]

    @classmethod
    def now(cls) -> Self:
        """Ask every part; what is down is shown as down."""
        seen = snapshot()
        checks = [Check(_(_LABELS.get(part.name, part.name)), part.status, part.detail) for part in seen.parts]
        installed = versions()
        return cls(checks, seen.is_ready, [("Agno", installed["agno"]), ("Django", installed["django"])])

    @property
    def is_healthy(self) -> bool:
        return self.is_ready and all(check.is_good or check.is_off for check in self.checks)
