"""Django's own middleware without its detours through threads.

Under ASGI Django runs every `process_request` and `process_response` in a thread, as if each of them might block. These do
not: they look at headers and cookies. Where one would touch rows (a session that was changed, messages that were
shown), that call alone takes the thread.
"""

from collections.abc import Iterable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.middleware.security import SecurityMiddleware


class _InLoop:
    """Mixed in before one of Django's: same checks, same order, on the event loop."""

    get_response: Any

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        process_request = getattr(self, "process_request", None)
        early: HttpResponseBase | None = process_request(request) if process_request else None
        response = early or await self.get_response(request)
        process_response = getattr(self, "process_response", None)
        if process_response is None:
            return response
        if self.touches_rows(request):
            answered: HttpResponseBase = await sync_to_async(process_response, thread_sensitive=True)(request, response)
            return answered
        return process_response(request, response)  # type: ignore[no-any-return]

    def touches_rows(self, request: HttpRequest) -> bool:  # noqa: ARG002 - the shape of all of them
        return False


class Security(_InLoop, SecurityMiddleware):
    pass


class Session(_InLoop, SessionMiddleware):
    def touches_rows(self, request: HttpRequest) -> bool:
        return bool(request.session.modified)


class Locale(_InLoop, LocaleMiddleware):
    pass


class Common(_InLoop, CommonMiddleware):
    pass


class Csrf(_InLoop, CsrfViewMiddleware):
    async def process_view(self, request: HttpRequest, *view: Any) -> Any:  # type: ignore[override]
        return super().process_view(request, *view)


class Authentication(_InLoop, AuthenticationMiddleware):
    pass


class Messages(_InLoop, MessageMiddleware):
    def touches_rows(self, request: HttpRequest) -> bool:
        messages = getattr(request, "_messages", None)
        return messages is not None and (messages.used or messages.added_new)


class XFrameOptions(_InLoop, XFrameOptionsMiddleware):
    pass


_REPLACED = {
    f"{replaced.__mro__[2].__module__}.{replaced.__mro__[2].__name__}": f"{__name__}.{replaced.__name__}"
    for replaced in (Security, Session, Locale, Common, Csrf, Authentication, Messages, XFrameOptions)
}


def in_loop(middleware: Iterable[str]) -> list[str]:
    """The same list for an ASGI process. The settings keep Django's names: its deployment checks look for those."""
    return [_REPLACED.get(name, name) for name in middleware]
