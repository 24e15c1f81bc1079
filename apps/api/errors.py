"""Everything that can go wrong in an answer, in one tree and one shape.

OpieError
├── InvalidInput     400  what was sent cannot be used; `fields` says where
├── NotSignedIn      401  no credential, or one that does not hold
├── BudgetExceeded   402  the money set aside for this is spent
├── NotAllowed       403  signed in, but without the right
├── NotFound         404  not there, or not for this person: the same answer for both
├── Conflict         409  it clashes with what is there already
├── TooLarge         413  more bytes than are read
├── LimitExceeded    429  too many in a time; `retry_after` says when to come back
├── Internal         500  a fault of ours
├── PlatformFailed   502  no LLM platform could answer; `run_id` names the record of it
├── SourceFailed     502  a page or file elsewhere could not be read
└── Unavailable      503  something this needs is not there at the moment

As JSON: `{"error": {"code", "message", "fields"?, "request_id"}}`. A message tells a person what to do. What
broke inside is logged beside the request id and never sent.
"""

# ruff: noqa: N818 - the names read as what happened; the root says that they are errors

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions as drf_errors
from rest_framework.response import Response

from apps.api.request_ids import current_request_id

logger = logging.getLogger(__name__)

# Libraries in between carry an error on by its `type` and its text; this marks the ones whose text is fit to be shown.
OPIE_ERROR = "opie:"

Fields = dict[str, list[str]]


class OpieError(Exception):
    """The root. `extra` goes into the error object beside code and message."""

    code = "error"
    http_status = 500
    message = "Something went wrong."

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        fields: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.message
        self.code = code or self.code
        self.fields: Fields = dict(fields or {})
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(self.message)

    @property
    def type(self) -> str:
        return OPIE_ERROR + self.code


class InvalidInput(OpieError):
    code, http_status = "invalid_input", 400
    message = "What you sent cannot be used. Look at the fields named here."


class NotSignedIn(OpieError):
    code, http_status = "not_signed_in", 401
    message = "Sign in first, or send a valid token."

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message, code=code, headers={"WWW-Authenticate": "Bearer"})


class BudgetExceeded(OpieError):
    code, http_status = "budget_exceeded", 402
    message = "The budget for this is spent. Ask whoever manages budgets in your team to raise it."


class NotAllowed(OpieError):
    code, http_status = "not_allowed", 403
    message = "Your role, or the API key you use, does not allow this. Ask an owner or admin of the team."


class NotFound(OpieError):
    code, http_status = "not_found", 404
    message = "There is nothing here, or it is not for you."


class Conflict(OpieError):
    code, http_status = "conflict", 409
    message = "This clashes with something that exists already."


class TooLarge(OpieError):
    code, http_status = "too_large", 413
    message = "That is more than can be taken at once. Send less."


class LimitExceeded(OpieError):
    code, http_status = "limit_exceeded", 429
    message = "Too many requests. Wait a moment and try again."

    def __init__(self, message: str | None = None, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
        super().__init__(message, headers=headers)


class Internal(OpieError):
    code, http_status = "internal", 500
    message = "Something went wrong on our side. Try again; if it stays, quote the request id."


class PlatformFailed(OpieError):
    code, http_status = "platform_failed", 502
    message = "No LLM platform could answer. Try again in a moment."

    def __init__(self, message: str | None = None, *, code: str | None = None, run_id: str | None = None) -> None:
        self.run_id = run_id
        super().__init__(message, code=code, extra={} if run_id is None else {"run_id": run_id})


class SourceFailed(OpieError):
    code, http_status = "source_failed", 502
    message = "The page or file could not be read. Try again later."


class Unavailable(OpieError):
    code, http_status = "unavailable", 503
    message = "This is not available at the moment. Try again shortly."


@dataclass(frozen=True)
class RenderedError:
    """An error as it is sent."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def as_opie_error(error: BaseException) -> OpieError:
    """Any exception as one of the tree; what is not foreseen becomes Internal and keeps nothing of its text."""
    if isinstance(error, OpieError):
        return error
    if isinstance(error, drf_errors.APIException):
        return _from_drf(error)
    return _from_django(error)


def render_error(error: BaseException) -> RenderedError:
    """The status, JSON body and headers that answer any exception. A fault of ours is logged with its traceback."""
    known = as_opie_error(error)
    if known.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logged_as = logger.warning if isinstance(error, OpieError) else logger.error
        logged_as("answered %s: %s", known.http_status, known.code, exc_info=error)
    body: dict[str, Any] = {"code": known.code, "message": known.message, **known.extra}
    if known.fields:
        body["fields"] = known.fields
    body["request_id"] = current_request_id()
    return RenderedError(known.http_status, {"error": body}, known.headers)


def json_error(error: BaseException) -> JsonResponse:
    """The same as a response of plain Django."""
    rendered = render_error(error)
    return JsonResponse(rendered.body, status=rendered.status, headers=rendered.headers)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:  # noqa: ARG001
    """DRF's handler: every exception of a REST view, in the one shape."""
    # Imported here: DRF's views import, by name from the settings, modules that import this one.
    from rest_framework.views import set_rollback

    set_rollback()
    rendered = render_error(error)
    return Response(rendered.body, status=rendered.status, headers=rendered.headers)


def _from_drf(error: drf_errors.APIException) -> OpieError:
    match error:
        case drf_errors.ValidationError():
            return InvalidInput(fields=flatten_fields(error.detail))
        case drf_errors.ParseError():
            return InvalidInput("The body could not be read. Send valid JSON.", code="malformed")
        case drf_errors.NotAuthenticated() | drf_errors.AuthenticationFailed():
            return NotSignedIn()
        case drf_errors.PermissionDenied():
            return NotAllowed()
        case drf_errors.NotFound():
            return NotFound()
        case drf_errors.Throttled():
            return LimitExceeded(retry_after=getattr(error, "wait", None))
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Internal()
    return _with_status(error.status_code, str(error.detail))


def _with_status(status: int, message: str) -> OpieError:
    other = OpieError(message, code=HTTPStatus(status).phrase.lower().replace(" ", "_"))
    other.http_status = status
    return other


def _from_django(error: BaseException) -> OpieError:
    match error:
        case Http404():
            return NotFound()
        case django_errors.PermissionDenied():
            return NotAllowed()
        case django_errors.RequestDataTooBig() | django_errors.TooManyFieldsSent() | django_errors.TooManyFilesSent():
            return TooLarge()
        case django_errors.BadRequest() | django_errors.SuspiciousOperation():
            return InvalidInput("The request could not be read.", code="malformed")
        case django_errors.ValidationError():
            return InvalidInput(fields=_fields_of_model_error(error))
        case OperationalError() | InterfaceError():
            return Unavailable("The database cannot be reached at the moment. Try again shortly.")
    return Internal()


def _fields_of_model_error(error: django_errors.ValidationError) -> Fields:
    if hasattr(error, "error_dict"):
        return {_public_name(name): list(messages) for name, messages in error.message_dict.items()}
    return {"non_field_errors": list(error.messages)}


def _public_name(name: str) -> str:
    return "non_field_errors" if name == django_errors.NON_FIELD_ERRORS else name


def flatten_fields(detail: Any) -> Fields:
    """DRF's nested error detail as {"path.to.0.field": [messages]}."""
    fields: Fields = {}
    for path, message in _walk("", detail):
        fields.setdefault(path or "non_field_errors", []).append(message)
    return fields


def _walk(path: str, detail: Any) -> Iterator[tuple[str, str]]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _walk(_join(path, str(name)), inner)
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            # A list of messages belongs to its field; a list of objects has a place for each.
            yield from _walk(_join(path, str(index)) if isinstance(inner, dict | list) else path, inner)
    else:
        yield path, str(detail)


def _join(path: str, name: str) -> str:
    if name == "non_field_errors":
        return path
    return f"{path}.{name}" if path else name
