"""`request.principal` for pages: read from rows when it is first looked at, and not before."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

from apps.accounts.authentication import principal_from_session
from apps.accounts.principal import Principal

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def PrincipalMiddleware(get_response: GetResponse) -> GetResponse:  # noqa: N802 - settings name it like a class
    """Looking at `request.principal` raises NotSignedIn when nobody is signed in; ErrorMiddleware then asks them to."""
    if iscoroutinefunction(get_response):
        answer = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def in_loop(request: HttpRequest) -> HttpResponseBase:
            _attach(request)
            return await answer(request)

        return in_loop

    def in_thread(request: HttpRequest) -> HttpResponseBase:
        _attach(request)
        response: HttpResponseBase = get_response(request)
        return response

    return in_thread


def page_principal(request: HttpRequest) -> Principal:
    """`request.principal`, typed. Raises NotSignedIn when nobody is signed in."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _attach(request: HttpRequest) -> None:
    request.principal = SimpleLazyObject(lambda: principal_from_session(request))  # type: ignore[attr-defined]
