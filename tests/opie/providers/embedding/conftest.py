"""Fixtures: embedding models on a mock platform."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apps.opie import rows
from apps.opie.models.platforms import ApiType
from apps.opie.providers.embedding import Embedder
from apps.opie.providers.embedding.known_models import DEFAULT_EMBEDDINGS
from apps.opie.providers.snapshot import PlatformSnapshot
from tests.opie.providers.asking import add_platform
from tests.vendors.server import VendorServer

Embedding = Callable[..., Awaitable[Embedder]]

# Whatever a server has loaded: nobody knows it, so its length was measured.
UNKNOWN = ("some-embedding-model", 768)
WIRES = (ApiType.OPENAI, ApiType.GEMINI, ApiType.OLLAMA, ApiType.LLAMACPP, ApiType.GPT4ALL, ApiType.OPENAI_COMPATIBLE)


@pytest.fixture
def embedding(vendor: VendorServer, transactional_db: None) -> Embedding:
    """An embedder of a kind of platform, served by the mock."""

    async def of(api_type: str, url: str = "", model: str = "", dimensions: int = 0, **fields: Any) -> Embedder:
        row = await rows.run(add_platform, api_type, url or vendor.url, **fields)
        known = DEFAULT_EMBEDDINGS.get(api_type)
        name, length = (known.model, known.dimensions) if known is not None else UNKNOWN
        return Embedder(row.platform_name, PlatformSnapshot.of(row), model or name, dimensions or length)

    return of
