"""What is let in, and what is kept out of the log."""

import io
import logging
from typing import Any

import pytest
from rest_framework import serializers

from apps.api.errors import InvalidInput, TooLarge
from apps.api.middleware import RequestIdFilter, SecretFilter, redact
from apps.api.parsers import parse_json, read_at_most
from apps.api.request_ids import reset_request_id, set_request_id
from apps.api.security_policy import content_security_policy
from apps.api.serializers import StrictSerializer


class _Inner(StrictSerializer):
    text = serializers.CharField()


class _Outer(StrictSerializer):
    name = serializers.CharField(required=False)
    made = serializers.CharField(read_only=True)
    inner = _Inner(required=False)
    free = serializers.JSONField(required=False)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"made": "x"}, "made"),
        ({"inner": {"text": "x", "more": 1}}, "inner"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"free": {"deep": ["\x00"]}}, "free"),
        ({"free": {"\x00": 1}}, "free"),
    ],
)
def test_what_is_unknown_or_cannot_be_stored_is_refused_by_name(data: dict[str, Any], field: str) -> None:
    serializer = _Outer(data=data)
    assert not serializer.is_valid()
    assert list(serializer.errors) == [field]


def test_what_is_named_passes() -> None:
    serializer = _Outer(data={"name": "Zoë 👋", "inner": {"text": "x"}, "free": {"a": [1, None]}})
    assert serializer.is_valid(), serializer.errors


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000, b"9" * 5000, b'{"a": 1} x']
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_json(body)


def test_a_body_is_read_up_to_its_limit() -> None:
    assert read_at_most(io.BytesIO(b"12345"), 5) == b"12345"
    with pytest.raises(TooLarge):
        read_at_most(io.BytesIO(b"123456"), 5)


def _fail(secret: str) -> None:
    raise RuntimeError(f"401 for {secret}")


SECRETS = [
    "Bearer abcdefgh",
    "bearer eyJhbGciOi.eyJzdWIi.sig",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "opie_abcdefghij_" + "s" * 43,
    "opier_" + "s" * 43,
    "opiei_" + "s" * 43,
    "sk-proj-abcdefghijklmnop",
    "sk-ant-api03-abcdefgh",
    "AIzaSyA-abcdefghijklmnopqrstuvwxyz12345",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_do_not_reach_the_log(secret: str) -> None:
    handler_output = io.StringIO()
    handler = logging.StreamHandler(handler_output)
    handler.addFilter(SecretFilter())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.warning("sent %s, it failed", secret)
    try:
        _fail(secret)
    except RuntimeError:
        logger.exception("calling")
    written = handler_output.getvalue()
    tail = secret.rsplit(" ", 1)[-1]
    assert tail not in written
    assert written.count("[redacted]") >= 2
    assert "it failed" in written
    assert "RuntimeError" in written


def test_ordinary_text_is_left_alone() -> None:
    text = "user ann asked opie_platform for tasks-1, 12 tokens, task-force"
    assert redact(text) == text


def test_a_log_line_carries_the_request_id() -> None:
    record = logging.makeLogRecord({"msg": "x"})
    RequestIdFilter().filter(record)
    assert record.request_id == "-"
    token = set_request_id("abc-12345")
    RequestIdFilter().filter(record)
    reset_request_id(token)
    assert record.request_id == "abc-12345"


def test_a_page_that_needs_more_adds_to_the_policy_and_takes_nothing_away() -> None:
    policy = content_security_policy("n0nce", {"style-src": "'unsafe-inline'", "worker-src": "blob:"})
    assert "script-src 'self' 'nonce-n0nce';" in policy
    assert "style-src 'self' 'nonce-n0nce' 'unsafe-inline'" in policy
    assert policy.endswith("worker-src blob:")
