"""The base of REST views that wait for something: DRF has no async views, so this gives the same guarantees."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError, connections
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.decorators import classonlymethod
from django.views import View
from rest_framework.exceptions import APIException, MethodNotAllowed, UnsupportedMediaType
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.accounts.authentication import sign_in_of
from apps.accounts.permissions import IsSignedIn, Permission, refusal_for, requires
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotSignedIn, OpieError, json_error
from apps.api.parsers import parse_json, read_at_most

_ANSWERED = (
    *(OpieError, APIException, Http404, PermissionDenied, SuspiciousOperation),
    *(OperationalError, InterfaceError),
)


# (function, request) → what it answers, from a thread that may touch rows.
OffTheLoop = Callable[[Callable[[HttpRequest], Principal], HttpRequest], Awaitable[Principal]]


async def _in_own_thread(function: Callable[[HttpRequest], Principal], request: HttpRequest) -> Principal:
    """Django's way: a thread for each request."""
    return await sync_to_async(function, thread_sensitive=True)(request)


_ways: list[OffTheLoop] = [_in_own_thread]


def leave_the_loop_by(way: OffTheLoop) -> None:
    """Said once at start-up, by an app that has threads for rows already: a new one for each request costs more than
    what is asked in it."""
    _ways[:] = [way]


async def _off_the_loop(function: Callable[[HttpRequest], Principal], request: HttpRequest) -> Principal:
    return await _ways[0](function, request)


class PrincipalView(View):
    """An async view for a signed-in principal (`self.principal`); every handler is `async def`.

    Who asks is found off the loop, and the connection for it is given back before a handler runs: nothing is held
    while a model thinks or a stream is open. Rows are the handler's to reach, off the loop. Visitors of widgets are let
    in only where a view says so.
    """

    required: ClassVar[Permission | None] = None
    accepts_visitors: ClassVar[bool] = False
    largest_body: ClassVar[int | None] = None
    principal: Principal
    _allowed_methods: Callable[[], list[str]]

    @classonlymethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # noqa: N805
        view = super().as_view(**initkwargs)
        view.csrf_exempt = True  # type: ignore[attr-defined] # sign_in_of asks for the token when a cookie is used
        view.cls = _described(cls)  # type: ignore[attr-defined]
        view.initkwargs = {}  # type: ignore[attr-defined]
        return view

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Authenticates, authorises, throttles, answers. What is foreseen to fail is rendered; the rest is Django's."""
        try:
            self.principal = request.principal = await self._authenticate(request)  # type: ignore[attr-defined]
            self.authorise()
            await self.throttle(request)
            handler = getattr(self, (request.method or "").lower(), None)
            if handler is None or request.method not in self._allowed_methods():
                raise MethodNotAllowed(request.method or "")
            response: HttpResponseBase = await handler(request, *args, **kwargs)
        except _ANSWERED as error:
            response = json_error(self.told(error))
            if isinstance(error, MethodNotAllowed):
                response["Allow"] = ", ".join(self._allowed_methods())
        return response

    def authorise(self) -> None:
        """Raises NotAllowed unless the principal holds `required`."""
        if self.required is not None and not self.principal.may(self.required):
            raise refusal_for(self.principal)

    def told(self, error: Exception) -> Exception:
        """For subclasses: what the caller is told in place of an error that is not theirs to know."""
        return error

    async def throttle(self, request: HttpRequest) -> None:
        """For subclasses: raises LimitExceeded when the principal calls too often."""

    def read_body(self, request: HttpRequest, serializer_class: type[BaseSerializer[Any]]) -> Any:
        """The validated data of a JSON body. The serializer must not query: this runs on the loop.

        Raises InvalidInput, naming fields, TooLarge, and DRF's UnsupportedMediaType (415).
        """
        if request.content_type != "application/json":
            raise UnsupportedMediaType(request.content_type or "none")
        serializer = serializer_class(data=parse_json(read_at_most(request, self.largest_body)))  # type: ignore[arg-type]
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data is None:
            raise InvalidInput("The body may not be null.", code="malformed")
        return serializer.validated_data

    async def _authenticate(self, request: HttpRequest) -> Principal:
        way = _visitor_then_give_back if self.accepts_visitors else _principal_then_give_back
        return await _off_the_loop(way, request)


def _described(view: type[PrincipalView]) -> type[APIView]:
    """What the API's description looks at: DRF's generator knows views by their `cls`, and only its own kind."""
    handlers = {name: getattr(view, name) for name in view.http_method_names if name in vars(view)}
    guard = [requires(view.required)] if view.required else [IsSignedIn]
    return type(view.__name__, (APIView,), {**handlers, "permission_classes": guard, "__doc__": view.__doc__})


def _visitor_then_give_back(request: HttpRequest) -> Principal:
    return _principal_then_give_back(request, accepts_visitors=True)


def _principal_then_give_back(request: HttpRequest, *, accepts_visitors: bool = False) -> Principal:
    try:
        signed_in = sign_in_of(request, accepts_visitors=accepts_visitors)
    finally:
        give_connections_back()
    if signed_in is None:
        raise NotSignedIn
    return signed_in.principal


def give_connections_back() -> None:
    """Returns this thread's connections to the pool; one inside a transaction (a test's) stays."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
