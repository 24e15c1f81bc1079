"""Answers that belong to no feature: errors of plain Django, and whether the process lives."""

from http import HTTPStatus

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

from apps.api.errors import (
    Internal,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OpieError,
    as_opie_error,
    json_error,
    render_error,
)
from apps.api.request_ids import current_request_id

_MACHINE_PATHS = ("/api/", "/health/")
_TITLES = {
    400: "That could not be used",
    402: "The budget is spent",
    403: "You may not do this",
    404: "Nothing here",
    409: "It clashes with something",
    413: "That is too much at once",
    429: "Too fast",
    500: "Something went wrong",
    502: "No platform answered",
    503: "Not available at the moment",
}


def live(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """GET /health/live/: the process answers."""
    return JsonResponse({"status": "ok"})


def answer_error(request: HttpRequest, error: Exception) -> HttpResponseBase:
    """Any error as JSON where machines call, as a page elsewhere; a page for people who are not signed in leads there."""
    if wants_json(request):
        return json_error(error)
    known = as_opie_error(error)
    if isinstance(known, NotSignedIn):
        return redirect_to_login(request.get_full_path())
    return _page(request, error)


def wants_json(request: HttpRequest) -> bool:
    """Whether errors of this request are read by a program."""
    return request.path.startswith(_MACHINE_PATHS) or request.headers.get("Accept", "").startswith("application/json")


def _page(request: HttpRequest, error: Exception) -> HttpResponse:
    rendered = render_error(error)
    context = {
        "status": rendered.status,
        "title": _TITLES.get(rendered.status, HTTPStatus(rendered.status).phrase),
        "message": rendered.body["error"]["message"],
        "request_id": current_request_id(),
    }
    response = render(request, "errors/error.html", context, status=rendered.status)
    for name, value in rendered.headers.items():
        response[name] = value
    return response


def handler400(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer_error(request, _known(exception, InvalidInput("The request could not be read.", code="malformed")))


@requires_csrf_token
def handler403(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer_error(request, _known(exception, NotAllowed()))


@requires_csrf_token
def handler404(request: HttpRequest, exception: Exception) -> HttpResponseBase:  # noqa: ARG001
    return answer_error(request, NotFound())


@requires_csrf_token
def handler500(request: HttpRequest) -> HttpResponseBase:
    """The last resort. Django has logged the traceback already."""
    return answer_error(request, Internal())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:  # noqa: ARG001
    """A form or call with a cookie but without the token that proves it came from our own page."""
    return answer_error(request, csrf_error())


def csrf_error() -> NotAllowed:
    """The one answer to a missing or wrong CSRF token, for pages, REST and async views alike."""
    return NotAllowed(
        "The page was open for too long, or the CSRF token is missing. Reload and try again.", code="csrf"
    )


def _known(exception: Exception, otherwise: OpieError) -> OpieError:
    known = as_opie_error(exception)
    return otherwise if isinstance(known, Internal) else known
