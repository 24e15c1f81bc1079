"""Fixtures of the provider tests."""

from collections.abc import AsyncIterator

import pytest

from apps.opie.providers.clients import close_clients
from tests.opie.providers.people import principal, run, scoped
from tests.vendors.server import VendorServer

__all__ = ["principal", "run", "scoped", "vendor"]


@pytest.fixture
async def vendor() -> AsyncIterator[VendorServer]:
    """A mock platform, and no client left open to it."""
    async with VendorServer() as server:
        yield server
        await close_clients()
