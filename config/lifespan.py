"""Start-up and shutdown of the web process: running answers are let to end before it stops."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.opie.engine import draining, watching
from apps.opie.engine.live import here
from apps.opie.providers.clients import close_clients

DRAIN_SECONDS = 10.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def with_lifespan(application: Application) -> Application:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            await application(scope, receive, send)

    return wrapped


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            watching.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await watching.stop()
            await draining.drain(DRAIN_SECONDS)
            await here.close()
            await close_clients()
            await send({"type": "lifespan.shutdown.complete"})
            return
