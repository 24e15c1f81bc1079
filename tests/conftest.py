"""Fixtures for every test. The services behind them are started by tests/services.py."""

import os
from collections.abc import Iterator

import pytest
import redis


@pytest.fixture
def valkey_url() -> Iterator[str]:
    """An empty Valkey that no other test of this process uses. Every xdist worker has a database of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = f"{os.environ['TEST_REDIS_URL'].rsplit('/', 1)[0]}/{worker % 16}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
