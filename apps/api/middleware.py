"""What every answer gets: a request id, a content security policy, and errors in one shape."""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from apps.api.request_ids import current_request_id, request_id_from, reset_request_id, set_request_id
from apps.api.security_policy import content_security_policy

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def RequestIdMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802 - settings name it like a class
    """Gives each request an id (the caller's, when sane) and a CSP nonce, and sends both with the answer."""
    if iscoroutinefunction(get_response):
        answer = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def in_loop(request: HttpRequest) -> HttpResponseBase:
            # Not reset: the task ends with the request, and after this returns Django still logs, and streams the body.
            set_request_id(_prepare(request))
            return _finish(request, await answer(request))

        return in_loop

    def in_thread(request: HttpRequest) -> HttpResponseBase:
        token = set_request_id(_prepare(request))
        try:
            return _finish(request, get_response(request))
        finally:
            reset_request_id(token)

    return in_thread


def _prepare(request: HttpRequest) -> str:
    request.request_id = request_id_from(request.headers.get("X-Request-Id"))  # type: ignore[attr-defined]
    request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
    return request.request_id  # type: ignore[attr-defined,no-any-return]


def _finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
    # A view that needs another policy (Swagger) has set its own.
    response.headers.setdefault("Content-Security-Policy", content_security_policy(request.csp_nonce))  # type: ignore[attr-defined]
    return response


@sync_and_async_middleware
def ErrorMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802 - settings name it like a class
    """Answers an OpieError that a plain Django view raised; DRF's views answer their own."""
    if iscoroutinefunction(get_response):
        answer = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def in_loop(request: HttpRequest) -> HttpResponseBase:
            return await answer(request)

        in_loop.process_exception = _process_exception  # type: ignore[attr-defined]
        return in_loop

    def in_thread(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        return response

    in_thread.process_exception = _process_exception  # type: ignore[attr-defined]
    return in_thread


def _process_exception(request: HttpRequest, error: Exception) -> HttpResponseBase | None:
    # Imported here: the log filters below are loaded before Django is ready for views.
    from apps.api.errors import OpieError
    from apps.api.views import answer_error

    return answer_error(request, error) if isinstance(error, OpieError) else None


@sync_and_async_middleware
def StorableMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802 - settings name it like a class
    """Refuses addresses with a NUL in them, which PostgreSQL cannot look for: nothing is there, or a 400 for a query."""
    if iscoroutinefunction(get_response):
        answer = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def in_loop(request: HttpRequest) -> HttpResponseBase:
            return _refusal(request) or await answer(request)

        return in_loop

    def in_thread(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = _refusal(request) or get_response(request)
        return response

    return in_thread


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    if "\x00" not in request.path_info and "%00" not in request.META.get("QUERY_STRING", ""):
        return None
    from apps.api.errors import InvalidInput, NotFound
    from apps.api.views import answer_error

    if "\x00" in request.path_info:
        return answer_error(request, NotFound())
    named = [name for name, values in request.GET.lists() if any("\x00" in text for text in (name, *values))]
    if not named:
        return None
    return answer_error(request, InvalidInput(fields={name: ["It contains a NUL character."] for name in named}))


class RequestIdFilter(logging.Filter):
    """Puts the request's id into each log record, or `-`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or "-"
        return True


_SECRETS = re.compile(
    r"(?i:\bbearer\s+)\S+"
    r"|\bopie_[A-Za-z0-9]+_[A-Za-z0-9_-]{8,}"
    r"|\bopie[ir]_[A-Za-z0-9_-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|\beyJ[A-Za-z0-9_-]+:[A-Za-z0-9_-]+:[A-Za-z0-9_-]+"
    r"|\bsk-[A-Za-z0-9_-]{8,}"
    r"|\bAIza[A-Za-z0-9_-]{20,}"
)


def redact(text: str) -> str:
    """The text with tokens and keys taken out."""
    return _SECRETS.sub("[redacted]", text)


class SecretFilter(logging.Filter):
    """Takes tokens and keys out of what is logged: the message, its arguments and the traceback."""

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
