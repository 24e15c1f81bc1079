"""llama.cpp's server."""

from typing import TYPE_CHECKING, Any

from apps.opie.providers.adapter import Adapter
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from agno.models.base import Model

    from apps.opie.providers.embedding.requests import EmbeddingReply, EmbeddingRequest

DEFAULT_BASE_URL = "http://127.0.0.1:8080/v1"


def open_client(platform: PlatformSnapshot) -> Any:
    from apps.opie.providers.adapters.openai_like import open_client as open_openai

    return open_openai(platform, DEFAULT_BASE_URL)


async def close_client(client: Any) -> None:
    await client.close()


def build(candidate: Candidate, client: Any) -> "Model":
    from apps.opie.providers.adapters.openai_like import build_like

    return build_like(candidate, client)


async def embed(client: Any, asked: "EmbeddingRequest") -> "EmbeddingReply":
    from apps.opie.providers.adapters.openai_embeddings import embed_like

    return await embed_like(client, asked)


async def list_loaded(client: Any) -> list[str]:
    return [model.id async for model in client.models.list()]


ADAPTER = Adapter(build=build, open_client=open_client, close_client=close_client, embed=embed, list_loaded=list_loaded)
