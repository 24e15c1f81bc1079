"""Opie on this machine, from nothing to serving: python -m launcher, or make run."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from launcher.checks import check_database, check_ports, check_redis
from launcher.child import end_with_parent, kill_group, start_child
from launcher.console import line, say, step
from launcher.environment import ROOT, prepare_environment
from launcher.errors import LauncherError
from launcher.front_end import build_front_end
from launcher.options import Options
from launcher.postgres import EmbeddedPostgres
from launcher.prepare import DEMO_LOGIN
from launcher.program import Program
from launcher.supervisor import Supervisor, end_with_make

_GRACE = 16.0
# What the programs allow themselves within it. The web process lets readers go first, then running answers end (config/lifespan.py).
_LET_READERS_GO = 4
_FINISH_JOBS = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Start Opie and serve until told to stop. Returns the exit status: 0 after an orderly stop, 1 with one line of reason."""
    parser = argparse.ArgumentParser(prog="python -m launcher", description="Runs Opie on this machine.")
    parser.add_argument(
        "--under-make", action="store_true", help="stop when the make that started this is interrupted or gone"
    )
    under_make: bool = parser.parse_args(arguments).under_make
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # until the supervisor takes over, a stop is an exception
    if under_make:
        end_with_parent()
    try:
        _run(watch=end_with_make if under_make else lambda: None)
    except LauncherError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
    return 0


def _run(watch: Callable[[], None]) -> None:
    began = time.monotonic()
    prepare_environment()
    options = Options.from_environment()
    check_ports(options)
    if options.redis_url:
        check_redis(options.redis_url)
    database = None if options.database_url else EmbeddedPostgres(options.data_dir)
    try:
        if database is not None:
            # A management command may own the database for a moment; another instance owns it for good.
            database.claim(patience=3.0)
        say(f"Opie starts; what it keeps is in {options.data_dir}")
        _start_database(database, options)
        with step("Front end", "building") as current:
            current.result = "built" if build_front_end() else "up to date"
        login = _prepare_rows()

        def each_tick() -> None:
            watch()
            if database is not None and database.revive():
                say(line("database", "had ended and was started again"))

        supervisor = Supervisor(_programs(options), folder=ROOT, grace=_GRACE, each_tick=each_tick)
        supervisor.run(when_ready=lambda silent: _announce(options, silent, login, began))
    finally:
        _stop(database)


def _start_database(database: EmbeddedPostgres | None, options: Options) -> None:
    with step("Database", "starting") as current:
        if database is None:
            current.result = check_database(options.database_url)
            return
        database.start()
        os.environ["DATABASE_URL"] = database.url
        current.result = "PostgreSQL, embedded"


def _prepare_rows() -> str:
    """Bring the rows up to date in a process of its own. Returns the line about the demo login, kept for the end of the start."""
    preparation = start_child([sys.executable, "-m", "launcher.prepare"], folder=ROOT, output=subprocess.PIPE)
    login = ""
    try:
        for text in _lines(preparation):
            if text.startswith(DEMO_LOGIN):
                login = text.removeprefix(DEMO_LOGIN).strip()
            else:
                say(text)
        status = preparation.wait()
    finally:
        kill_group(preparation)
    if status != 0:
        raise LauncherError(f"The database could not be prepared (status {status}); the lines above say why.")
    return login


def _lines(child: "subprocess.Popen[bytes]") -> Iterator[str]:
    if child.stdout is not None:
        with child.stdout as output:
            yield from (text.decode(errors="replace").rstrip() for text in output)


def _programs(options: Options) -> list[Program]:
    logs = options.data_dir / "logs"
    os.environ["PYTHONUNBUFFERED"] = "1"
    manage = [sys.executable, "manage.py"]
    web = [
        *(
            sys.executable,
            "-m",
            "uvicorn",
            "config.asgi:application",
            "--host",
            "127.0.0.1",
            "--port",
            str(options.web_port),
        ),
        *(
            "--lifespan",
            "on",
            "--no-access-log",
            "--no-server-header",
            "--timeout-graceful-shutdown",
            str(_LET_READERS_GO),
        ),
    ]
    agentos = [*manage, "agentos_start", "--host", options.agentos_host, "--port", str(options.agentos_port)]
    worker = [*manage, "worker", "--grace", str(_FINISH_JOBS)]
    programs = [Program("web", web, logs / "web.log", f"{_web_address(options)}/health/live/")]
    if options.agentos_enabled:
        programs.append(Program("agentos", agentos, logs / "agentos.log", f"{_agentos_address(options)}/health"))
    return [*programs, Program("worker", worker, logs / "worker.log")]


def _announce(options: Options, silent: Sequence[Program], login: str, began: float) -> None:
    say()
    for program in silent:
        say(line(program.name, f"does not answer yet; see {program.log}"))
    say(f"Opie is running ({time.monotonic() - began:.1f} s)." if not silent else "Opie is running in part.")
    say(line("Web", f"{_web_address(options)}/agentos/"))
    if options.agentos_enabled:
        say(line("AgentOS", _agentos_address(options)))
    say(line("API", f"{_web_address(options)}/api/schema/swagger-ui/"))
    if login:
        say(line("Demo login", login))
    say("Ctrl-C stops it.")


def _web_address(options: Options) -> str:
    return f"http://127.0.0.1:{options.web_port}"


def _agentos_address(options: Options) -> str:
    host = "127.0.0.1" if options.agentos_host == "0.0.0.0" else options.agentos_host  # noqa: S104
    return f"http://{host}:{options.agentos_port}"


def _stop(database: EmbeddedPostgres | None) -> None:
    """Stop the database last, whatever else is sent to us meanwhile."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if database is not None:
        database.stop()


if __name__ == "__main__":
    sys.exit(main())
