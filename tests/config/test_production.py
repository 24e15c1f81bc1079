"""Production refuses to start with settings that are fit for a desk."""

import os
import subprocess
import sys
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from config.environment import INSECURE_SECRET_KEY, ROOT, Environment

SAFE = {
    "OPIE_ENV": "production",
    "SECRET_KEY": "x9" * 32,
    "OPIE_ENCRYPTION_KEYS": f'["{Fernet.generate_key().decode()}"]',
    "ALLOWED_HOSTS": '["opie.example"]',
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
}
UNSAFE: list[tuple[dict[str, str | None], str]] = [
    ({"DEBUG": "true"}, "DEBUG"),
    ({"SECRET_KEY": None}, "SECRET_KEY"),
    ({"SECRET_KEY": INSECURE_SECRET_KEY}, "SECRET_KEY"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY"),
    ({"OPIE_ENCRYPTION_KEYS": None}, "OPIE_ENCRYPTION_KEYS"),
    ({"OPIE_ENCRYPTION_KEYS": "[]"}, "OPIE_ENCRYPTION_KEYS"),
    ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": "[]"}, "ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": '["*"]'}, "ALLOWED_HOSTS"),
    ({"DATABASE_URL": None}, "DATABASE_URL"),
    ({"AGENTOS_DEBUG": "true"}, "AGENTOS_DEBUG"),
]


def environment(changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in (SAFE | changes).items() if value is not None}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Nothing in the environment but what the test puts there."""
    for name in Environment.model_fields:
        monkeypatch.delenv(name, raising=False)

    def made(changes: dict[str, str | None]) -> Environment:
        for name, value in environment(changes).items():
            monkeypatch.setenv(name, value)
        return Environment(_env_file=None)  # type: ignore[call-arg]

    return made


def test_safe_settings_are_taken(alone: Any) -> None:
    assert alone({}).production


@pytest.mark.parametrize(("changes", "named"), UNSAFE, ids=[str(changes) for changes, _ in UNSAFE])
def test_unsafe_settings_are_refused_by_name(alone: Any, changes: dict[str, str | None], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        alone(changes)


def test_on_a_desk_they_are_fine(alone: Any) -> None:
    assert not alone({"OPIE_ENV": "development", "DEBUG": "true", "SECRET_KEY": None}).production


@pytest.mark.parametrize(
    ("changes", "starts"), [({}, True), ({"DEBUG": "true"}, False), ({"SECRET_KEY": None}, False)], ids=str
)
def test_the_process_itself_does_not_start(changes: dict[str, str | None], starts: bool, tmp_path: Any) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in Environment.model_fields}
    # Not in the project's folder's own .env: what is set here wins over it.
    unset = {name: "" for name, value in changes.items() if value is None and name == "SECRET_KEY"}
    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env=inherited | environment(changes) | unset | {"OPIE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode == 0) is starts, done.stderr
    if not starts:
        assert next(iter(changes)) in done.stderr
