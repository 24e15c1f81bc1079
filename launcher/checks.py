"""What must hold before anything is started. Each failure is one line."""

import psycopg
import redis
from psycopg.conninfo import conninfo_to_dict

from launcher.errors import LauncherError
from launcher.options import Options
from launcher.ports import port_is_free

_OLDEST_POSTGRES = 160000


def check_ports(options: Options) -> None:
    """Raises LauncherError when a port is taken, or named twice."""
    ports = options.ports()
    if len({port for _, _, port in ports}) < len(ports):
        raise LauncherError(f"WEB_PORT and AGENTOS_PORT are both {options.web_port}: each needs its own.")
    for name, host, port in ports:
        if not port_is_free(port, host):
            raise LauncherError(
                f"Port {port} on {host} is in use: stop what listens there, or set {name} to another port."
            )


def check_database(url: str) -> str:
    """See that the database named by DATABASE_URL can be used, and return its description. Raises LauncherError; it never shows the password."""
    try:
        parts = conninfo_to_dict(url)
        name = f"{parts.get('dbname', '')} on {parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
    except psycopg.ProgrammingError:
        raise LauncherError(
            "DATABASE_URL is not an address of PostgreSQL: postgresql://user:password@host:5432/name."
        ) from None
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
            vector = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'").fetchone()
    except psycopg.OperationalError as error:
        raise LauncherError(
            f"The database {name} (DATABASE_URL) does not answer: {str(error).strip().splitlines()[-1]}"
        ) from None
    if version < _OLDEST_POSTGRES or not vector:
        raise LauncherError(
            f"The database {name} (DATABASE_URL) is not PostgreSQL 16 or newer with pgvector installed."
        )
    return f"PostgreSQL {version // 10000}, {name}"


def check_redis(url: str) -> None:
    """Raises LauncherError when REDIS_URL names no server that answers."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise LauncherError(f"The server named by REDIS_URL does not answer: {error}") from None
