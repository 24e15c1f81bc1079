"""The only way into AgentOS: a plain ASGI layer in front of Agno's app.

Host (but for /health), caller, route, fields and ids are checked in this order, each before the next is looked at. Agno is then given
a request that was written here: the path that was matched, the fields that are let in, and a token of the gate's own.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from apps.accounts.authentication import TEAM_HEADER, bearer_of
from apps.accounts.principal import Principal
from apps.api.errors import Internal, InvalidInput, NotAllowed, NotFound, NotSignedIn
from apps.api.request_ids import request_id_from, set_request_id
from apps.opie import rows
from apps.opie.agentos import decisions
from apps.opie.agentos.acting import acting_principal
from apps.opie.agentos.admission import Admission, admit, current_admission, identify, stays_admitted
from apps.opie.agentos.answers import Answer, Message, Send, send_error, send_json
from apps.opie.agentos.authorization import InnerTokens
from apps.opie.agentos.intake import Intake, Receive, take_in
from apps.opie.agentos.letin import Route, find_route
from apps.opie.engine import turn as turns

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Refresh = Callable[[], Awaitable[None]]

RECHECK_SECONDS = 2.0


class Gate:
    """ASGI app. `refresh` is awaited before AgentOS is asked about agents, so that its list is as fresh as the rows."""

    def __init__(self, app: App, tokens: InnerTokens, refresh: Refresh, *, only_user_id: UUID | None = None) -> None:
        self._app = app
        self._tokens = tokens
        self._refresh = refresh
        self._only_user_id = only_user_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _Headers(scope)
        request_id = request_id_from(headers.one("x-request-id"))
        set_request_id(request_id)
        try:
            if scope["path"] == "/health" and scope["method"] in ("GET", "HEAD"):
                # Probes name no host that is served; what they get depends on nothing.
                await send_json(send, 200, {"status": "ok"}, request_id)
                return
            _check_host(headers)
            principal = await self._identify(headers)
            route, path_ids, intake = await _let_in(scope, receive, principal)
            if route.cancels:
                await turns.stop(principal, UUID(path_ids["run_id"]))
                await send_json(send, 200, {}, request_id)
                return
            if route.continues:
                await rows.run(decisions.decide, principal, UUID(path_ids["run_id"]), intake.decisions)
            if route.asks_about_agents:
                await self._refresh()
        except Exception as error:  # noqa: BLE001 - the outermost layer: whatever it is, the client gets our shape
            await send_error(send, error, request_id)
            return
        admission = Admission(principal, names_session=intake.names_session)
        await self._forward(
            self._rewritten(scope, route, principal, intake), receive, Answer(send, admission, request_id), admission
        )

    async def _identify(self, headers: "_Headers") -> Principal:
        token = bearer_of(headers.one("authorization"))
        if token is None:
            raise NotSignedIn
        return await rows.run(identify, token, headers.one(TEAM_HEADER.lower()), self._only_user_id)

    def _rewritten(self, scope: Scope, route: Route, principal: Principal, intake: Intake) -> tuple[Scope, bytes]:
        body, content_type = intake.encoded_body(route)
        token = self._tokens.for_principal(principal)
        headers = [
            (b"host", b"agentos"),
            (b"accept", b"*/*"),
            (b"authorization", b"Bearer " + token.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        if content_type:
            headers.append((b"content-type", content_type))
        path = scope["path"]
        rewritten = {
            "type": "http",
            "asgi": scope["asgi"],
            "http_version": scope.get("http_version", "1.1"),
            "method": route.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("ascii"),
            "root_path": "",
            "query_string": intake.query_string(),
            "headers": headers,
            "client": scope.get("client"),
            "server": scope.get("server"),
            "state": scope.get("state", {}),
        }
        return rewritten, body

    async def _forward(
        self, request: tuple[Scope, bytes], receive: Receive, answer: Answer, admission: Admission
    ) -> None:
        scope, body = request
        acting_principal.set(admission.principal)
        current_admission.set(admission)
        inner = asyncio.ensure_future(self._app(scope, _replay(body, receive), answer.send))
        try:
            while not (await asyncio.wait({inner}, timeout=RECHECK_SECONDS))[0]:
                if not await rows.run(stays_admitted, admission.principal):
                    await answer.end_early(
                        NotSignedIn("Your rights have changed. Sign in again.", code="token_invalid")
                    )
                    return
                await answer.keep_alive()
            await _finish(inner, answer)
        finally:
            inner.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await inner


async def _finish(inner: "asyncio.Future[None]", answer: Answer) -> None:
    error = inner.exception()
    if error is not None:
        # Starlette answers an exception and raises it again for the server; ours is logged and goes no further.
        logger.error("AgentOS failed", exc_info=error)
    if not answer.ended:
        await answer.end_early(Internal())


async def _let_in(scope: Scope, receive: Receive, principal: Principal) -> tuple[Route, dict[str, str], Intake]:
    found = find_route(scope["method"], scope["path"])
    if found is None:
        raise NotFound
    route, path_ids = found
    if not principal.may(route.permission):
        raise NotAllowed
    intake = await take_in(route, path_ids, scope, receive, principal)
    await rows.run(admit, principal, route, path_ids, intake)
    return route, path_ids, intake


class _Headers:
    """The caller's headers. One that decides something may be sent once only."""

    def __init__(self, scope: Scope) -> None:
        self._pairs = [(name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]

    def one(self, name: str) -> str | None:
        values = [value for found, value in self._pairs if found == name]
        if len(values) > 1:
            raise InvalidInput(f"Send the header {name} once.", code="malformed")
        return values[0] if values else None


def _check_host(headers: _Headers) -> None:
    domain, _ = split_domain_port(headers.one("host") or "")
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise InvalidInput("This host name is not served here.", code="unknown_host")


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body that was written here, once; then whatever the client's connection says."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
