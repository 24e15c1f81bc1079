"""Connecting to nothing but the public internet: a team's platforms, and the web pages that a knowledge base reads.

A name that was public when it was saved may lead into the operator's network later. So it is resolved here, once, when a
connection is made; everything it resolves to has to be public; and the connection goes to an address that was looked at,
not to the name. TLS and the Host header keep the name. Redirects, were they followed, would pass here like any request.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from apps.opie.providers.addresses import Network, addresses_of, is_public_address, is_within
from apps.opie.providers.snapshot import PlatformSnapshot

# As many as the vendors' SDKs allow: a connection is held for as long as an answer is written.
MOST_CONNECTIONS = 1000
MOST_IDLE_CONNECTIONS = 100
SECONDS_TO_CONNECT = 10.0


class NotPublic(Exception):  # noqa: N818 - it reads as what happened
    """A name leads to an address that is not of the public internet."""


def transport_for(platform: PlatformSnapshot) -> dict[str, Any]:
    """The arguments of httpx2's AsyncClient that decide how this platform is reached: none where it may be anywhere."""
    import httpcore2
    import httpx2

    return _transport_for(platform, httpx2, httpcore2)


def plain_transport_for(platform: PlatformSnapshot) -> dict[str, Any]:
    """The same for httpx, which Ollama's SDK speaks through."""
    import httpcore
    import httpx

    return _transport_for(platform, httpx, httpcore)


def _transport_for(platform: PlatformSnapshot, http: Any, core: Any) -> dict[str, Any]:
    if not platform.must_be_public:
        return {}
    # With a transport of its own a client takes no proxy from the environment, which would resolve the name itself.
    transport = http.AsyncHTTPTransport()
    transport._pool = core.AsyncConnectionPool(
        ssl_context=http.create_ssl_context(),
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=MOST_IDLE_CONNECTIONS,
        keepalive_expiry=5.0,
        network_backend=PublicNetwork(core),
    )
    return {"transport": transport}


class PublicNetwork:
    """A network of httpcore, or of httpcore2, as `core` says: TCP to public addresses and to those within `opened`, and
    nothing else."""

    def __init__(self, core: Any, opened: Sequence[Network] = ()) -> None:
        self._core, self._network, self._opened = core, core.AnyIOBackend(), opened

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the shape of httpcore's
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> Any:
        """Connect to the first of the host's addresses that answers. Raises NotPublic, and ConnectError or
        ConnectTimeout of httpcore."""
        until = time.monotonic() + (timeout or SECONDS_TO_CONNECT)
        left = await self._public_addresses(host, until)
        while True:
            address = left.pop(0)
            share = max(0.1, until - time.monotonic()) / (len(left) + 1)
            try:
                return await self._network.connect_tcp(address, port, share, local_address, socket_options)
            except (self._core.ConnectError, self._core.ConnectTimeout):
                if not left:
                    raise

    async def connect_unix_socket(self, path: str, **_: Any) -> Any:
        """Never: a socket is of this machine."""
        raise NotPublic(path)

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    async def _public_addresses(self, host: str, until: float) -> list[str]:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                found = await asyncio.to_thread(addresses_of, host)
        except TimeoutError as error:
            raise self._core.ConnectTimeout(f"{host} was not resolved in time.") from error
        except OSError as error:
            raise self._core.ConnectError(f"{host} is not known: {error}") from error
        if not found or not all(is_public_address(one) or is_within(one, self._opened) for one in found):
            raise NotPublic(f"{host} leads to {', '.join(found)}, which is not all of the public internet.")
        return found
