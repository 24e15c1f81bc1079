"""What this instance is and whether its parts answer: for /health/ready/, GET info/ and the dashboard."""

import http
import http.client
import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache as once
from typing import Any, Literal

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

from apps.accounts.principal import Principal
from apps.opie.models import Agent, AgentOSRun, AgentOSSession, AIPlatform
from apps.opie.models.agents import AgentStatus
from apps.opie.providers.failures import in_short
from apps.opie.providers.listing import not_offered

Status = Literal["ok", "down", "off"]

# Without these nothing works; without the others there is something a person can still do.
NEEDED = frozenset({"database", "cache", "migrations"})
WORKER_SILENT_AFTER = timedelta(seconds=60)
REMEMBERED_SECONDS = 5
AGENTOS_TIMEOUT_SECONDS = 1.0
_REMEMBERED = "agentos_health_process"


class _Failed(Exception):  # noqa: N818 - it reads as what happened
    """A part does not answer as it should; its text is for operators."""


@dataclass(frozen=True)
class Part:
    """One thing this instance needs or uses. `detail` is for people who are signed in."""

    name: str
    status: Status
    detail: str
    ms: int


@dataclass(frozen=True)
class Snapshot:
    """All parts at one moment, in a fixed order."""

    parts: tuple[Part, ...]

    @property
    def is_ready(self) -> bool:
        return all(part.status == "ok" for part in self.parts if part.name in NEEDED)

    def part(self, name: str) -> Part:
        """Raises KeyError for a part there is not."""
        return {part.name: part for part in self.parts}[name]

    def as_public_json(self) -> dict[str, Any]:
        """For everybody: what answers and how fast, and nothing else."""
        checks = {part.name: {"status": part.status, "ms": part.ms} for part in self.parts}
        return {"status": "ok" if self.is_ready else "down", "checks": checks}

    def as_json(self, principal: Principal) -> dict[str, Any]:
        """For people who are signed in: with details, versions and counts of what they may know of."""
        return {
            "status": "ok" if self.is_ready else "down",
            "health": [asdict(part) for part in self.parts],
            "versions": versions(),
            "counts": counts(principal) if self.part("database").status == "ok" else {},
        }


def snapshot() -> Snapshot:
    """Ask every part now; AgentOS at most every few seconds. Sync, and never raises for a part that is down."""
    database = check("database")
    answers = database.status == "ok"
    rest = (check(name) if answers or name not in _IN_DATABASE else _waits(name) for name in _SHOWN[1:])
    return Snapshot((database, *rest))


def check(name: str) -> Part:
    """Ask one part now. Raises KeyError for a name that is not in CHECKS."""
    return _agentos() if name == "agentos" else _timed(name, CHECKS[name])


def _waits(name: str) -> Part:
    return Part(name, "down", "Waits for the database.", 0)


@once
def versions() -> dict[str, str]:
    """What is installed here."""
    packages = ("django", "agno", "fastapi", "psycopg", "openai", "anthropic")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}


def counts(principal: Principal) -> dict[str, int]:
    """How much there is, numbers only: in the installation for who runs it, otherwise in the person's team, with what of
    the installation's is there for it."""
    agents, platforms = Agent.objects.all(), AIPlatform.objects.all()
    sessions, runs = AgentOSSession.objects.all(), AgentOSRun.objects.all()
    if not principal.is_operator:
        agents, platforms = agents.visible_to(principal), platforms.visible_to(principal)
        sessions, runs = sessions.filter(team=principal.team_id), runs.filter(team=principal.team_id)
    return {
        "agents": agents.filter(status=AgentStatus.PUBLISHED).count(),
        "sessions": sessions.count(),
        "runs": runs.count(),
        "platforms": platforms.filter(is_enabled=True).count(),
    }


def _timed(name: str, check: Callable[[], tuple[Status, str]]) -> Part:
    started = time.perf_counter()
    try:
        status, detail = check()
    except _Failed as failed:
        status, detail = "down", str(failed)
    except DatabaseError as error:
        status, detail = "down", f"{type(error).__name__} in the database."
    return Part(name, status, detail, round((time.perf_counter() - started) * 1000))


def _database() -> tuple[Status, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
        )
        version, vector = cursor.fetchone()
    if vector is None:
        raise _Failed(f"PostgreSQL {version} is there, but without pgvector: CREATE EXTENSION vector.")
    return "ok", f"PostgreSQL {version} with pgvector {vector}"


def _pgvector() -> tuple[Status, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector")
        distance = cursor.fetchone()[0]
    return "ok", f"Measures distances ({distance:g})"


def _migrations() -> tuple[Status, str]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise _Failed(f"{len(missing)} migrations are not applied: run manage.py migrate.")
    return "ok", "All applied"


def _cache() -> tuple[Status, str]:
    kind = "Redis" if settings.REDIS_URL else "PostgreSQL"
    written = f"{time.time_ns()}"
    try:
        cache.set(_REMEMBERED + "_probe", written, 30)
        found = cache.get(_REMEMBERED + "_probe")
    except (OSError, DatabaseError, _redis_error()) as error:
        raise _Failed(f"{kind} does not answer as a cache ({type(error).__name__}).") from error
    if found is None:
        raise _Failed(f"{kind} forgets what is written to the cache.")
    return "ok", kind


def _redis_error() -> type[Exception]:
    from redis.exceptions import RedisError

    return RedisError


def _worker() -> tuple[Status, str]:
    since = timezone.now() - WORKER_SILENT_AFTER
    alive = ProcrastinateWorker.objects.filter(last_heartbeat__gte=since).count()
    if not alive:
        raise _Failed("No worker has reported for a minute: start manage.py procrastinate worker.")
    return "ok", f"{alive} running"


def _platforms() -> tuple[Status, str]:
    # The installation's own: what a team has set up is nobody else's to know.
    platforms = AIPlatform.objects.filter(is_enabled=True, team=None).select_related("health").order_by("platform_name")
    told = [(platform.platform_name, _rest_of(platform)) for platform in platforms]
    if not told:
        raise _Failed("No LLM platform is enabled: run manage.py setup_platforms, or add one under platforms.")
    detail = ", ".join(f"{name} ({rest})" if rest else name for name, rest in told)
    if gone := [f"{models} by {name}" for name, models in _gone(platforms) if models]:
        detail += f". Not offered any more: {'; '.join(gone)}"
    if all(rest for _, rest in told):
        raise _Failed(detail)
    return "ok", detail


def _gone(platforms: Iterable[AIPlatform]) -> Iterator[tuple[str, str]]:
    """Each platform with the models that are configured and that it does not list any more."""
    found = not_offered(platforms)
    for one in platforms:
        yield one.platform_name, ", ".join(found[one.pk])


def _rest_of(platform: AIPlatform) -> str:
    """Why and until when a platform is left alone; empty when it is well."""
    health = getattr(platform, "health", None)
    if health is None or health.rested_until is None or health.rested_until <= timezone.now():
        return ""
    return f"rests until {timezone.localtime(health.rested_until):%H:%M}: {in_short(health.reason)}"


_agentos_seen: list[tuple[float, Part]] = []


def _agentos() -> Part:
    """Remembered in this process for a few seconds: a process that is down is not waited for on every page."""
    if not settings.AGENTOS_ENABLED:
        return Part("agentos", "off", "AGENTOS_ENABLED is false.", 0)
    if _agentos_seen and time.monotonic() - _agentos_seen[0][0] < REMEMBERED_SECONDS:
        return _agentos_seen[0][1]
    part = _timed("agentos", _ask_agentos)
    _agentos_seen[:] = [(time.monotonic(), part)]
    return part


def _ask_agentos() -> tuple[Status, str]:
    host = "127.0.0.1" if settings.AGENTOS_DEFAULT_HOST in ("0.0.0.0", "::") else settings.AGENTOS_DEFAULT_HOST  # noqa: S104
    asked = http.client.HTTPConnection(host, settings.AGENTOS_DEFAULT_PORT, timeout=AGENTOS_TIMEOUT_SECONDS)
    try:
        asked.request("GET", "/health")
        status = asked.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise _Failed("AgentOS does not answer: start manage.py agentos_start. Everything else works.") from error
    finally:
        asked.close()
    if status != http.HTTPStatus.OK:
        raise _Failed(f"Something else listens on AgentOS's port {settings.AGENTOS_DEFAULT_PORT}.")
    return "ok", f"Port {settings.AGENTOS_DEFAULT_PORT}"


CHECKS: dict[str, Callable[[], tuple[Status, str]]] = {
    "database": _database,
    "pgvector": _pgvector,
    "migrations": _migrations,
    "cache": _cache,
    "worker": _worker,
    "agentos": _ask_agentos,
    "platforms": _platforms,
}
_SHOWN = ("database", "migrations", "cache", "worker", "agentos", "platforms")
_IN_DATABASE = frozenset({"migrations", "worker", "platforms"})
