"""The mock platform in a thread, so that a test that drives a browser can have it beside itself."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.vendors.server import VendorServer


@contextmanager
def vendor_running() -> Iterator[VendorServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="vendor", daemon=True)
    thread.start()

    async def start() -> VendorServer:
        return await VendorServer().__aenter__()

    async def stop(server: VendorServer) -> None:
        await server.__aexit__()

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
