"""What can be known of the containers without an engine: what they would run exists, and nothing secret has a default."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from config.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker" / "compose.yaml"
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
ENTRYPOINT = ROOT / "docker" / "entrypoint.sh"
SECRETS = ("SECRET_KEY", "OPIE_ENCRYPTION_KEYS", "POSTGRES_PASSWORD")
# Of the platforms and of the entry point; the rest is config/environment.py's.
FOREIGN = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services


def run_entrypoint(tmp_path: Path, *arguments: str, **environment: str) -> list[str]:
    """The commands that the entry point gives to python, one a line."""
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/commands\n')
    stand_in.chmod(0o755)
    subprocess.run(["sh", ENTRYPOINT, *arguments], env={"PATH": f"{tmp_path}:/usr/bin:/bin", **environment}, check=True)
    return (tmp_path / "commands").read_text().splitlines()


def test_every_part_runs_and_is_watched(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"postgres", "valkey", "prepare", "web", "agentos", "worker"}
    for name in ("postgres", "valkey", "web", "agentos", "worker"):
        assert services[name]["healthcheck"]["test"], name
    for name in ("web", "agentos", "worker"):
        assert services[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_secrets_must_be_given(services: dict[str, dict[str, Any]]) -> None:
    text = COMPOSE.read_text()
    for name in SECRETS:
        uses = re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        assert uses
        assert all(use.startswith(f"${{{name}:?") for use in uses), name
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"KEY|PASSWORD|SECRET", name):
                assert re.fullmatch(r"\$\{\w+:(\?[^}]*|-)\}", value), f"{name} has a default"


def test_every_variable_is_one_that_opie_reads(services: dict[str, dict[str, Any]]) -> None:
    given = {name for service in services.values() for name in service.get("environment", {})}
    assert given <= set(Environment.model_fields) | FOREIGN


def test_only_the_loopback_is_published_and_the_processes_are_confined(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    for name in ("prepare", "web", "agentos", "worker"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("web", "-m uvicorn config.asgi:application --host 0.0.0.0 --port 8000"),
        ("agentos", "manage.py agentos_start --host 0.0.0.0 --port 7777"),
        ("worker", "manage.py worker --jobs 4"),
    ],
)
def test_the_entry_point_starts_each_part(tmp_path: Path, part: str, command: str) -> None:
    commands = run_entrypoint(tmp_path, part)
    assert len(commands) == 1
    assert commands[0].startswith(command)


def test_the_entry_point_prepares_in_order_and_runs_anything_else(tmp_path: Path) -> None:
    assert [command.split()[1] for command in run_entrypoint(tmp_path, "prepare")] == [
        *("migrate", "createcachetable", "setup_platforms", "create_default_agents")
    ]
    assert run_entrypoint(tmp_path, "python", "manage.py", "shell")[-1] == "manage.py shell"


def test_every_command_of_the_entry_point_exists() -> None:
    named = set(re.findall(r"python manage\.py (\w+)", ENTRYPOINT.read_text() + DOCKERFILE))
    assert len(named) >= 6
    assert named <= set(get_commands())


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    ignored = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in ignored, source


def test_the_image_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["opie"]


class TestTheHealthCheck:
    @pytest.fixture
    def port(self) -> Iterator[int]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served = self.headers["Host"] == "opie.example" and self.path == "/health/live/"
                self.send_response(200 if served else 400)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield server.server_port
            server.shutdown()
            thread.join()

    def check(self, port: int, path: str) -> int:
        environment = {**os.environ, "ALLOWED_HOSTS": json.dumps([".opie.example"])}
        return subprocess.run(
            [sys.executable, ROOT / "docker" / "healthcheck.py", str(port), path], env=environment, check=False
        ).returncode

    def test_asks_under_a_served_name(self, port: int) -> None:
        assert self.check(port, "/health/live/") == 0
        assert self.check(port, "/elsewhere/") == 1

    def test_notices_that_nobody_answers(self) -> None:
        assert self.check(1, "/health/live/") == 1
