"""Fixtures of the provider tests."""

from collections.abc import AsyncIterator

import pytest

from apps.opie.providers import fallback, health
from apps.opie.providers.clients import close_clients
from apps.opie.providers.snapshot import PlatformSnapshot
from tests.opie.providers.people import principal, run, scoped
from tests.vendors.server import VendorServer

__all__ = ["principal", "run", "scoped", "vendor"]


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts; how long they are has a test of its own."""
    monkeypatch.setattr(fallback, "FIRST_PAUSE", 0.01)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Tests that let a platform fail again and again want to see each failure; resting has tests of its own."""
    if "rests" not in request.keywords:

        async def never(platform: PlatformSnapshot) -> health.Permit:
            return health.ASK

        monkeypatch.setattr(health, "permit_for", never)


@pytest.fixture
async def vendor() -> AsyncIterator[VendorServer]:
    """A mock platform, and no client left open to it."""
    async with VendorServer() as server:
        yield server
        await close_clients()
