"""PostgreSQL with pgvector, from the binaries of a wheel, for a machine that has none."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from launcher.account import account_for_server
from launcher.child import start_child, stop_child
from launcher.data_folder import FolderInUseError, FolderLock, Guests, private_folder, private_log, write_private
from launcher.environment import data_dir
from launcher.errors import LauncherError
from launcher.leftover import stop_leftover
from launcher.ports import free_port, port_is_free
from launcher.postgres_files import programs_for, shelter_cluster

_DATABASE = "opie"
_OWNER = "opie"
_SUPERUSER = "postgres"
_READY_WITHIN = 60.0  # recovery after a crash replays the log first
_LOG_LIMIT = 20_000_000
# SIGINT is PostgreSQL's "fast": it ends the sessions and writes a checkpoint. SIGQUIT leaves recovery to the next start.
_STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0))


class EmbeddedPostgres:
    """One PostgreSQL server on a loopback port, with its files in `data_dir`/postgres.

    `durable=False` is for tests: faster, and a crash of the machine may lose data.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._folder = data_dir / "postgres"
        self._cluster = self._folder / "cluster"
        self._state = self._folder / "state.json"
        self._durable = durable
        self._lock = FolderLock(self._folder / "lock")
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where the started or joined server's database is. Raises LauncherError before that."""
        if not self._port:
            raise LauncherError("The embedded database has not been started.")
        return self._address(_OWNER, _DATABASE)

    @property
    def running(self) -> bool:
        """Whether the server that this object started is alive."""
        return self._server is not None and self._server.poll() is None

    def claim(self, patience: float = 0.0) -> None:
        """Become the one owner of the folder, before anything in it is touched.

        Waits `patience` seconds for another owner to go. Raises FolderInUseError when it stays.
        """
        private_folder(self._folder.parent)
        private_folder(self._folder)
        self._lock.acquire(patience)

    def start(self) -> None:
        """Start the server and wait until its database answers. Claims the folder if that has not been done.

        Raises LauncherError when the folder is in use or the server does not come up.
        """
        if not self._lock.held:
            self.claim()
        try:
            self._start_owned()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server that this object started, and give the folder back. Does nothing when there is none."""
        if self._server is not None:
            stop_child(self._server, _STOPPING)
            self._server = None
            self._state.unlink(missing_ok=True)
        self._port = 0
        self._lock.release()

    def revive(self) -> bool:
        """Start the server again, at the same address, if it has ended by itself. Returns whether it had. Raises LauncherError."""
        if self._server is None or self.running:
            return False
        self._start_owned()
        return True

    def join(self) -> bool:
        """Use a server that another process runs on this folder. False when none answers with this folder's password."""
        try:
            self._port = int(json.loads(self._state.read_text())["port"])
            psycopg.connect(self.url, connect_timeout=3).close()
        except PermissionError:
            raise LauncherError(f"The data folder {self._folder.parent} belongs to another user.") from None
        except (OSError, ValueError, KeyError, psycopg.OperationalError):
            self._port = 0
            return False
        return True

    def _start_owned(self) -> None:
        shelter_cluster(self._folder, account_for_server(self._cluster))
        stop_leftover(self._cluster)
        self._check_owner()
        if not self._cluster.exists():
            self._initialise()
        for _ in range(3):
            self._port = self._choose_port()
            self._launch()
            if self._wait_until_ready():
                break
        else:
            raise LauncherError(f"The embedded database does not start; {self._log} says: {self._last_log_line()}")
        self._prepare_database()
        write_private(self._state, json.dumps({"port": self._port}))

    def _check_owner(self) -> None:
        if self._cluster.exists() and os.geteuid() not in (0, self._cluster.stat().st_uid):
            raise LauncherError(
                f"The database in {self._cluster} belongs to another user: start Opie as that user, or set OPIE_DATA_DIR to another folder."
            )

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there whole, so that an interrupted start leaves nothing half-made."""
        place = self._cluster.resolve()
        unfinished = place.with_name("cluster.new")
        account = account_for_server(self._cluster)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=place.parent) as password_file:  # mode 0600
            password_file.write(self._password())
            password_file.flush()
            if account:
                os.chown(unfinished, account.uid, account.gid)
                os.chown(password_file.name, account.uid, account.gid)
            with private_log(self._log) as log:
                initdb = start_child(
                    [
                        *(
                            programs_for(account) / "initdb",
                            "-D",
                            unfinished,
                            "-U",
                            _SUPERUSER,
                            f"--pwfile={password_file.name}",
                        ),
                        *(
                            "--auth=scram-sha-256",
                            "--encoding=UTF8",
                            "--locale-provider=builtin",
                            "--locale=C.UTF-8",
                            "--no-instructions",
                        ),
                        *(() if self._durable else ("--no-sync",)),
                    ],
                    account=account,
                    environment=_server_environment(),
                    folder=Path("/"),
                    output=log,
                )
                if initdb.wait() != 0:
                    raise LauncherError(
                        f"The embedded database cannot be made; {self._log} says: {self._last_log_line()}"
                    )
        unfinished.rename(place)

    def _launch(self) -> None:
        account = account_for_server(self._cluster)
        if self._log.stat().st_size > _LOG_LIMIT:
            self._log.write_bytes(b"")
        with private_log(self._log) as log:
            self._server = start_child(
                [programs_for(account) / "postgres", "-D", self._cluster.resolve(), *_options(self._settings())],
                account=account,
                environment=_server_environment(),
                folder=Path("/"),
                output=log,
                # PostgreSQL's "smart": it ends when the last session has. Whoever we served drains at the same time, and needs it.
                when_orphaned=signal.SIGTERM,
            )

    def _settings(self) -> dict[str, str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_checkpoints": "off",
            # Queries carry what people wrote. They are nobody's business in a log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return settings

    def _choose_port(self) -> int:
        """The last port again if it is free, so that a tool configured with it keeps working."""
        try:
            last = int(json.loads((self._folder / "port").read_text()))
        except (OSError, ValueError):
            last = 0
        port = last if last and port_is_free(last) else free_port()
        (self._folder / "port").write_text(str(port))
        return port

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + _READY_WITHIN
        while self.running and time.monotonic() < deadline:
            try:
                psycopg.connect(self._address(_SUPERUSER, "postgres"), connect_timeout=3).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise LauncherError(
                        f"The password in {self._folder / 'password'} is not the one of the database beside it."
                    ) from error
                time.sleep(0.02)
            else:
                return True
        return False

    def _prepare_database(self) -> None:
        """Give Opie a role of its own, which is no superuser, and a database with vector in it. Costs one query once done."""
        with psycopg.connect(self._address(_SUPERUSER, "postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_DATABASE]).fetchone()
            if found:
                return
            # CREATEDB is for the test database of a developer; vector in template1, because only a superuser may create it.
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(_OWNER)))
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                    sql.Identifier(_OWNER), sql.Literal(self._password())
                )
            )
            with psycopg.connect(self._address(_SUPERUSER, "template1"), autocommit=True) as template:
                template.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(_DATABASE), sql.Identifier(_OWNER))
            )

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "nothing"

    def _password(self) -> str:
        path = self._folder / "password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text()

    def _address(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{quote(self._password())}@127.0.0.1:{self._port}/{database}"


def _options(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _server_environment() -> dict[str, str]:
    """Nothing of ours: no key of a platform can be read out of the server's environment."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def database_for_command(patience: float = 30.0) -> Iterator[None]:
    """See that DATABASE_URL is set for a management command, before Django reads it.

    Without one, joins the embedded server when it runs, else starts it and owns it for the length of the command. Ends the
    process with one line when neither is possible.
    """
    if os.environ.get("DATABASE_URL") or os.environ.get("OPIE_ENV") == "production":
        yield
        return
    database = EmbeddedPostgres(data_dir())
    guests = Guests(private_folder(data_dir()) / "guests")
    owned = False
    try:
        with guests.present():
            owned = _join_or_start(database, patience)
            os.environ["DATABASE_URL"] = database.url
            yield
    except LauncherError as error:
        raise SystemExit(str(error)) from error
    finally:
        os.environ.pop("DATABASE_URL", None)
        if owned:
            with guests.gone():
                database.stop()


def _join_or_start(database: EmbeddedPostgres, patience: float) -> bool:
    """Whether the database is ours to stop. Between the two attempts another owner may be starting or stopping it."""
    deadline = time.monotonic() + patience
    while not database.join():
        try:
            database.start()
        except FolderInUseError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.2)
        else:
            return True
    return False
