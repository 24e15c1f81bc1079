"""Calling the REST API in this process, through all of Django."""

import json
from typing import Any

from django.test import Client

from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession, AgentOSUsage, AgentVersion

RECORDS = (Agent, AgentVersion, AgentOSSession, AgentOSMessage, AgentOSRun, AgentOSUsage)


def call(
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> Any:
    """The answer; a body that is not bytes is sent as JSON."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    client = Client(raise_request_exception=False)
    return client.generic(method, f"/api/v1/{path}", raw, content_type, headers=headers or {})


def error_of(answer: Any) -> dict[str, Any]:
    """The error, whose shape is the same everywhere."""
    body = answer.json()
    assert set(body) == {"error"}, body
    error: dict[str, Any] = body["error"]
    assert {"code", "message", "request_id"} <= set(error) <= {"code", "message", "fields", "request_id", "run_id"}
    assert answer["Content-Type"].startswith("application/json")
    assert answer["X-Request-Id"] == error["request_id"]
    for inside in ("Traceback", "psycopg", "django", "Error(", "/apps/"):
        assert inside not in answer.content.decode()
    return error


def counts() -> dict[str, int]:
    """How many rows of each record there are."""
    return {model.__name__: model.objects.count() for model in RECORDS}  # type: ignore[attr-defined]
