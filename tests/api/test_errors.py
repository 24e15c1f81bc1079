"""The tree of errors and its one shape."""

import logging
from typing import Any

import pytest
from django.core import exceptions as django_errors
from django.db import IntegrityError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf_errors

from apps.api import errors
from apps.api.errors import OpieError, flatten_fields, render_error

TREE = {
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.BudgetExceeded: 402,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.LimitExceeded: 429,
    errors.Internal: 500,
    errors.PlatformFailed: 502,
    errors.SourceFailed: 502,
    errors.Unavailable: 503,
}


def test_every_error_has_its_status_a_code_of_its_own_and_is_drawn() -> None:
    assert set(OpieError.__subclasses__()) == set(TREE)
    assert {kind: kind.http_status for kind in TREE} == TREE
    assert len({kind.code for kind in TREE}) == len(TREE)
    for kind, status in TREE.items():
        assert f"{kind.__name__} " in (errors.__doc__ or "")
        assert render_error(kind()).status == status


def test_the_shape() -> None:
    rendered = render_error(errors.InvalidInput("No.", code="odd", fields={"a": ["b"]}))
    assert rendered.body == {"error": {"code": "odd", "message": "No.", "fields": {"a": ["b"]}, "request_id": ""}}
    assert "fields" not in render_error(errors.NotFound()).body["error"]


def test_what_goes_beside_the_message() -> None:
    assert render_error(errors.PlatformFailed(run_id="7")).body["error"]["run_id"] == "7"
    assert render_error(errors.LimitExceeded(retry_after=0.2)).headers == {"Retry-After": "1"}
    assert render_error(errors.NotSignedIn()).headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (drf_errors.ValidationError({"a": ["x"]}), 400, "invalid_input"),
        (drf_errors.ParseError("JSON parse error - secret"), 400, "malformed"),
        (drf_errors.NotAuthenticated(), 401, "not_signed_in"),
        (drf_errors.AuthenticationFailed(), 401, "not_signed_in"),
        (drf_errors.PermissionDenied(), 403, "not_allowed"),
        (drf_errors.NotFound(), 404, "not_found"),
        (drf_errors.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (drf_errors.NotAcceptable(), 406, "not_acceptable"),
        (drf_errors.UnsupportedMediaType("x/y"), 415, "unsupported_media_type"),
        (drf_errors.Throttled(wait=3), 429, "limit_exceeded"),
        (drf_errors.APIException("secret"), 500, "internal"),
        (Http404("No Team matches secret"), 404, "not_found"),
        (django_errors.PermissionDenied("secret"), 403, "not_allowed"),
        (django_errors.SuspiciousOperation("secret"), 400, "malformed"),
        (django_errors.RequestDataTooBig("secret"), 413, "too_large"),
        (django_errors.ValidationError({"name": "no"}), 400, "invalid_input"),
        (OperationalError("connection to 10.0.0.1 secret"), 503, "unavailable"),
        (IntegrityError("duplicate key secret"), 500, "internal"),
        (RuntimeError("secret"), 500, "internal"),
    ],
)
def test_every_other_exception_takes_the_same_shape_and_tells_nothing_from_inside(
    error: Exception, status: int, code: str
) -> None:
    rendered = render_error(error)
    assert (rendered.status, rendered.body["error"]["code"]) == (status, code)
    assert "secret" not in str(rendered.body)
    assert rendered.body["error"]["message"]


def test_a_fault_of_ours_is_logged_with_its_traceback_and_a_mistake_of_theirs_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    render_error(errors.InvalidInput())
    assert not caplog.records
    render_error(RuntimeError("what broke"))
    assert caplog.records[0].levelno == logging.ERROR
    assert "what broke" in caplog.text


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        (["a", "b"], {"non_field_errors": ["a", "b"]}),
        ({"x": ["a"]}, {"x": ["a"]}),
        ({"non_field_errors": ["a"]}, {"non_field_errors": ["a"]}),
        ({"models": [{}, {"platform": ["a"]}]}, {"models.1.platform": ["a"]}),
        ({"scopes": {0: ["a"], 2: ["b"]}}, {"scopes.0": ["a"], "scopes.2": ["b"]}),
        ({"x": {"non_field_errors": ["a"], "y": ["b"]}}, {"x": ["a"], "x.y": ["b"]}),
        ("text", {"non_field_errors": ["text"]}),
    ],
)
def test_nested_errors_name_the_path_to_their_field(detail: Any, fields: dict[str, list[str]]) -> None:
    assert flatten_fields(detail) == fields
