"""agentos_start, agentos_sync and agentos_test, as an operator calls them."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection

from apps.opie.agentos import health
from apps.opie.models import Agent, AgentOSRun
from apps.opie.models.agents import AgentStatus
from launcher.ports import free_port
from tests.opie.agentos.conftest import Person, make_agent

ROOT = Path(__file__).resolve().parents[3]


def said(command: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue()


def states(table: str) -> dict[str, str]:
    lines = [line.split() for line in table.splitlines()[1:-2]]
    return {line[0]: next(word for word in line[1:] if word.isalpha()) for line in lines}


@pytest.fixture
def shared_cache(transactional_db: None) -> Iterator[None]:
    call_command("createcachetable", verbosity=0)
    cache.clear()
    yield
    cache.clear()


def test_sync_tells_what_is_created_updated_and_removed(shared_cache: None, ann: Person, assistant: Agent) -> None:
    second = make_agent(ann.team, ann.user, "second")
    assert states(said("agentos_sync")) == {"assistant": "created", "second": "created"}
    assert states(said("agentos_sync")) == {"assistant": "unchanged", "second": "unchanged"}
    Agent.objects.filter(pk=assistant.pk).update(version=2)
    second.status = AgentStatus.WITHDRAWN
    second.save()
    dry = said("agentos_sync", dry_run=True)
    assert states(dry) == {"assistant": "updated", "second": "removed"}
    assert said("agentos_sync") == dry
    assert states(said("agentos_sync")) == {"assistant": "unchanged"}


def test_sync_names_what_cannot_be_served(shared_cache: None, ann: Person, assistant: Agent, offline: Any) -> None:
    offline.is_enabled = False
    offline.save()
    out = io.StringIO()
    with pytest.raises(CommandError, match="assistant"):
        call_command("agentos_sync", stdout=out)
    assert states(out.getvalue()) == {"assistant": "broken"}


def test_sync_of_one_agent_or_one_person(shared_cache: None, ann: Person, eve: Person, assistant: Agent) -> None:
    make_agent(ann.team, ann.user, "second")
    assert states(said("agentos_sync", agent_id="second")) == {"second": "created"}
    assert states(said("agentos_sync", user_id="eve@example.com")) == {}
    with pytest.raises(CommandError, match="no published agent"):
        said("agentos_sync", agent_id="nowhere")
    with pytest.raises(CommandError, match="no active person"):
        said("agentos_sync", user_id="nobody@example.com")


@pytest.mark.usefixtures("shared_cache")
def test_test_asks_an_agent_and_times_each_step(ann: Person, assistant: Agent) -> None:
    table = said("agentos_test", user_id="ann@example.com", agent_id="assistant")
    steps = [line.split()[:2] for line in table.splitlines()[:-1]]
    names = ["settings", "database", "migrations", "pgvector", "cache", "platforms", "agent"]
    assert steps == [["ok", name] for name in names]
    assert AgentOSRun.objects.get().status == "completed"
    assert said("agentos_test").endswith("Everything holds.\n")


@pytest.mark.usefixtures("shared_cache")
def test_test_fails_with_what_to_do(ann: Person, assistant: Agent, offline: Any) -> None:
    offline.delete()
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("agentos_test", stdout=out)
    assert "FAIL  platforms" in out.getvalue()
    assert "setup_platforms" in out.getvalue()
    assert AgentOSRun.objects.count() == 0


def _url_of_the_test_database() -> str:
    own = connection.settings_dict
    return f"postgresql://{own['USER']}:{own['PASSWORD']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"


def test_start_serves_one_person_and_stops_on_sigterm(ann: Person, ben: Person, assistant: Agent) -> None:
    port = free_port()
    command = [sys.executable, "manage.py", "agentos_start", "--port", str(port), "--user-id", str(ann.user.pk)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "DATABASE_URL": _url_of_the_test_database()}, stderr=subprocess.PIPE
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            _wait_for(http, process)
            assert [agent["id"] for agent in http.get("/agents", headers=ann.headers).json()] == ["assistant"]
            assert http.get("/agents", headers=ben.headers).status_code == 403
            with http.stream("POST", "/agents/assistant/runs", data={"message": "hi"}, headers=ann.headers) as answer:
                next(line for line in answer.iter_lines() if "RunStarted" in line)
                process.send_signal(signal.SIGTERM)
                # Nobody reads on: the answer is written all the same.
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert AgentOSRun.objects.get().status == "completed"
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _wait_for(http: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            assert http.get("/health").status_code == 200
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("AgentOS does not start")


def test_start_refuses_a_person_there_is_not(transactional_db: None) -> None:
    with pytest.raises(CommandError, match="no active person"):
        call_command("agentos_start", user_id="nobody@example.com")


def test_start_refuses_when_agentos_is_off(settings: Any) -> None:
    settings.AGENTOS_ENABLED = False
    with pytest.raises(CommandError, match="AGENTOS_ENABLED"):
        call_command("agentos_start")


@pytest.mark.usefixtures("shared_cache")
def test_health_tells_each_part_and_what_is_missing(settings: Any, offline: Any) -> None:
    health._agentos_seen.clear()
    settings.AGENTOS_DEFAULT_PORT = free_port()
    with connection.cursor() as cursor:  # workers of other tests are not forgotten with their rows
        cursor.execute("DELETE FROM procrastinate_workers")
    seen = health.snapshot()
    assert seen.is_ready
    found = {part.name: part.status for part in seen.parts}
    assert found == {
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "worker": "down",
        "agentos": "down",
        "platforms": "ok",
    }
    assert "agentos_start" in seen.part("agentos").detail
    assert "detail" not in str(seen.as_public_json())
    health._agentos_seen.clear()
    settings.AGENTOS_ENABLED = False
    assert health.check("agentos").status == "off"


@pytest.mark.usefixtures("shared_cache")
def test_health_is_not_ready_with_a_migration_missing(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda *_: [("x", False)])
    seen = health.snapshot()
    assert (seen.is_ready, seen.as_public_json()["status"]) == (False, "down")
    assert "migrate" in seen.part("migrations").detail
