"""Rights that shrink, and readers who come and go: what happens to calls and to streams that are open."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.models import ApiKey, Membership, Role, User
from apps.accounts.models.people import new_stamp
from apps.opie.agentos import answers, gate
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun
from apps.opie.providers.offline import OfflineResponder
from tests.opie.agentos.conftest import Person
from tests.opie.agentos.serving import error_of


def test_a_key_works_within_its_scopes_until_it_is_revoked(
    http: httpx.Client, ann: Person, assistant: Agent, key_of: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {key_of(ann, ['view_agents'])}"}
    assert http.get("/agents", headers=headers).status_code == 200
    refused = http.post("/agents/assistant/runs", data={"message": "x"}, headers=headers)
    assert refused.status_code == 403
    ApiKey.objects.update(revoked_at=timezone.now())
    assert http.get("/agents", headers=headers).status_code == 401


def test_a_suspended_or_demoted_person_is_out_at_once(http: httpx.Client, ben: Person, assistant: Agent) -> None:
    headers = ben.headers
    assert http.get("/agents", headers=headers).status_code == 200
    Membership.objects.filter(user=ben.user).update(role=Role.VIEWER)
    assert http.post("/agents/assistant/runs", data={"message": "x"}, headers=headers).status_code == 403
    User.objects.filter(pk=ben.user.pk).update(is_active=False)
    assert http.get("/agents", headers=headers).status_code == 401


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that takes its time, and a re-check that does not."""
    made = OfflineResponder.__init__

    def pausing(self: OfflineResponder, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.pause = 0.5

    monkeypatch.setattr(OfflineResponder, "__init__", pausing)
    monkeypatch.setattr(gate, "RECHECK_SECONDS", 0.2)


def test_an_open_stream_ends_when_rights_shrink_and_the_run_goes_on(
    slow: None, http: httpx.Client, ben: Person, assistant: Agent
) -> None:
    with http.stream("POST", "/agents/assistant/runs", data={"message": "hello"}, headers=ben.headers) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if "RunContent" in line)
        User.objects.filter(pk=ben.user.pk).update(stamp=new_stamp())
        rest = "\n".join(lines)
    assert "token_invalid" in rest
    assert AgentOSRun.objects.get().status == "running"
    AgentOSRun.objects.update(cancel_requested_at=timezone.now())
    _until(lambda: AgentOSRun.objects.get().status == "cancelled")


def test_a_waiting_answer_is_refused_when_rights_shrink(
    slow: None, http: httpx.Client, ben: Person, assistant: Agent
) -> None:
    def demote() -> None:
        _until(lambda: AgentOSRun.objects.exists())
        User.objects.filter(pk=ben.user.pk).update(is_active=False)
        connection.close()

    headers = ben.headers
    thread = threading.Thread(target=demote)
    thread.start()
    answer = http.post("/agents/assistant/runs", data={"message": "hello", "stream": "false"}, headers=headers)
    thread.join()
    assert (answer.status_code, error_of(answer)["code"]) == (401, "token_invalid")
    AgentOSRun.objects.update(cancel_requested_at=timezone.now())
    _until(lambda: AgentOSRun.objects.get().status == "cancelled")


def _until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_reader_who_leaves_does_not_stop_the_run(http: httpx.Client, ann: Person, assistant: Agent) -> None:
    with http.stream("POST", "/agents/assistant/runs", data={"message": "hello"}, headers=ann.headers) as answer:
        next(line for line in answer.iter_lines() if "RunStarted" in line)
    _until(lambda: AgentOSRun.objects.get().status == "completed")
    assert AgentOSMessage.objects.filter(is_answer=True).exclude(content="").exists()


def test_a_silent_stream_is_kept_alive(
    slow: None, http: httpx.Client, ann: Person, assistant: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "SILENT_SECONDS", 0.1)
    with http.stream("POST", "/agents/assistant/runs", data={"message": "hello"}, headers=ann.headers) as answer:
        assert next(line for line in answer.iter_lines() if line.startswith(":")) == ": waiting"
    AgentOSRun.objects.update(cancel_requested_at=timezone.now())
    _until(lambda: AgentOSRun.objects.get().has_ended)
