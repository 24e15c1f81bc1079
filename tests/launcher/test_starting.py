"""What stops a start: one clear line, a status other than 0, and nothing started."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import environment, front_end, postgres_files
from launcher.checks import check_database, check_ports, check_redis
from launcher.errors import LauncherError
from launcher.options import Options
from launcher.ports import free_port
from launcher.postgres import EmbeddedPostgres
from tests.launcher.conftest import Start


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refused(start: Start, data_dir: Path, **environment: str) -> str:
    """Run the launcher, see it refuse with one line and start nothing, and return the line."""
    ports = {"WEB_PORT": str(free_port()), "AGENTOS_PORT": str(free_port())}
    launcher = start("-m", "launcher", **{"OPIE_DATA_DIR": str(data_dir), "DATABASE_URL": "", **ports, **environment})
    said, complaint = launcher.communicate(timeout=20)
    assert launcher.returncode == 1
    assert said == ""
    assert len(complaint.splitlines()) == 1
    assert not (data_dir / "postgres" / "cluster").exists()
    return complaint


@pytest.mark.parametrize("variable", ["WEB_PORT", "AGENTOS_PORT"])
def test_a_busy_port(start: Start, data_dir: Path, busy_port: int, variable: str) -> None:
    complaint = refused(start, data_dir, **{variable: str(busy_port)})
    assert f"Port {busy_port} on 127.0.0.1 is in use" in complaint
    assert variable in complaint


def test_a_data_folder_in_use(start: Start, data_dir: Path) -> None:
    other = EmbeddedPostgres(data_dir)
    other.claim()
    try:
        complaint = refused(start, data_dir)
    finally:
        other.stop()
    assert f"The data folder {data_dir} is in use by process {os.getpid()} " in complaint


@pytest.mark.parametrize("value", ["eight", "0", "70000", "-1"])
def test_a_port_that_is_none(start: Start, data_dir: Path, value: str) -> None:
    assert f"WEB_PORT is '{value}'" in refused(start, data_dir, WEB_PORT=value)


def test_a_database_that_does_not_answer_is_named_without_its_password(start: Start, data_dir: Path) -> None:
    port = free_port()
    with pytest.raises(LauncherError, match=f"opie on 127.0.0.1:{port} .* does not answer") as refusal:
        check_database(f"postgresql://opie:hidden@127.0.0.1:{port}/opie")
    assert "hidden" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    with pytest.raises(LauncherError, match="not an address of PostgreSQL"):
        check_database("not a database")


def test_a_database_that_answers_is_described() -> None:
    assert check_database(os.environ["DATABASE_URL"]).startswith("PostgreSQL 1")


def test_a_redis_that_does_not_answer(valkey_url: str) -> None:
    check_redis(valkey_url)
    with pytest.raises(LauncherError, match="REDIS_URL"):
        check_redis(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(LauncherError, match="REDIS_URL"):
        check_redis("nonsense")


def test_missing_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(LauncherError, match="PostgreSQL is not installed"):
        postgres_files.programs_for(None)
    with pytest.raises(LauncherError, match="Node is not installed"):
        front_end.run_npm("--version")


def test_one_port_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    port = str(free_port())
    monkeypatch.setenv("WEB_PORT", port)
    monkeypatch.setenv("AGENTOS_PORT", port)
    with pytest.raises(LauncherError, match="each needs its own"):
        check_ports(Options.from_environment())
    monkeypatch.setenv("AGENTOS_ENABLED", "False")
    check_ports(Options.from_environment())


class TestTheEnvironment:
    @pytest.fixture(autouse=True)
    def empty(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(environment, "ROOT", tmp_path)
        for name in ("OPIE_ENV", "SECRET_KEY", "OPIE_ENCRYPTION_KEYS", "OPIE_DATA_DIR", "WEB_PORT", "REDIS_URL"):
            monkeypatch.setenv(name, "x")  # so that what the test sets is undone
            monkeypatch.delenv(name)

    def test_secrets_are_made_once_and_kept_private(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        environment.prepare_environment()
        made = {name: os.environ[name] for name in ("SECRET_KEY", "OPIE_ENCRYPTION_KEYS")}
        assert len(made["SECRET_KEY"]) >= 64
        assert len(json.loads(made["OPIE_ENCRYPTION_KEYS"])) == 1
        assert stat.S_IMODE((tmp_path / ".opie" / "secrets.json").stat().st_mode) == 0o600
        for name in made:
            monkeypatch.delenv(name)
        environment.prepare_environment()
        assert {name: os.environ[name] for name in made} == made

    def test_what_is_set_wins_over_the_file_and_the_file_over_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".env").write_text("WEB_PORT=1111\nSECRET_KEY=from-the-file\nOPIE_DATA_DIR=elsewhere\n")
        monkeypatch.setenv("WEB_PORT", "2222")
        environment.prepare_environment()
        assert os.environ["WEB_PORT"] == "2222"
        assert os.environ["SECRET_KEY"] == "from-the-file"
        assert os.environ["OPIE_DATA_DIR"] == str(tmp_path / "elsewhere")

    def test_production_is_given_no_secrets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPIE_ENV", "production")
        environment.prepare_environment()
        assert "SECRET_KEY" not in os.environ
        assert not (tmp_path / ".opie").exists()

    def test_tests_do_not_read_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".env").write_text("REDIS_URL=redis://elsewhere\n")
        monkeypatch.setenv("OPIE_ENV", "test")
        environment.prepare_environment()
        assert "REDIS_URL" not in os.environ


class TestTheFrontEnd:
    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
        """A small front end whose npm only notes what it is asked, and makes the manifest."""
        calls: list[tuple[str, ...]] = []
        for name, path in (
            ("ROOT", ""),
            ("SOURCES", "frontend"),
            ("OUTPUT", "static"),
            ("_MODULES", "frontend/node_modules"),
        ):
            monkeypatch.setattr(front_end, name, tmp_path / path)
        for name in ("built", "installed"):
            monkeypatch.setattr(front_end, f"_{name.upper()}", tmp_path / "frontend" / "node_modules" / f".opie-{name}")
        for folder in ("frontend/src", "frontend/node_modules", "templates", "static"):
            (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "frontend" / "package-lock.json").write_text("{}")
        (tmp_path / "frontend" / "src" / "main.ts").write_text("first")

        def run_npm(*arguments: str) -> None:
            calls.append(arguments)
            (tmp_path / "static" / "manifest.json").write_text("{}")

        monkeypatch.setattr(front_end, "run_npm", run_npm)
        return calls

    def test_is_built_only_when_something_changed(self, calls: list[tuple[str, ...]], tmp_path: Path) -> None:
        assert front_end.build_front_end()
        assert [call[0] for call in calls] == ["ci", "run"]
        assert not front_end.build_front_end()
        for path, text in (("frontend/src/main.ts", "second"), ("templates/page.html", "<p class='new'>")):
            (tmp_path / path).write_text(text)
            assert front_end.build_front_end()
        assert [call[0] for call in calls] == ["ci", "run", "run", "run"]
        (tmp_path / "static" / "manifest.json").unlink()
        assert front_end.build_front_end()
        (tmp_path / "frontend" / "package-lock.json").write_text("{ }")
        assert front_end.build_front_end()
        assert [call[0] for call in calls[4:]] == ["run", "ci", "run"]

    def test_node_runs_itself_and_a_failure_is_told(self) -> None:
        with pytest.raises(LauncherError, match=r"(?s)Missing script.*npm run no-such-script ended with status 1"):
            front_end.run_npm("run", "no-such-script")
