"""The embeddings of OpenAI, and of servers that speak like it."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any, Literal

from apps.opie.providers.embedding.requests import EmbeddingReply, EmbeddingRequest


async def embed(client: Any, asked: EmbeddingRequest) -> EmbeddingReply:
    """By OpenAI itself: as base64, a quarter of the bytes."""
    return await _embed(client, asked, "base64")


async def embed_like(client: Any, asked: EmbeddingRequest) -> EmbeddingReply:
    """By a server that speaks like OpenAI, which may not know another way than numbers."""
    return await _embed(client, asked, "float")


async def _embed(client: Any, asked: EmbeddingRequest, encoding: Literal["base64", "float"]) -> EmbeddingReply:
    more = {} if asked.dimensions is None else {"dimensions": asked.dimensions}
    response = await client.embeddings.create(
        model=asked.model, input=list(asked.texts), encoding_format=encoding, **more
    )
    usage = getattr(response, "usage", None)
    vectors = [_vector(one.embedding) for one in _in_order(response.data)]
    return EmbeddingReply(vectors, getattr(usage, "prompt_tokens", None))


def _in_order(data: Sequence[Any]) -> list[Any]:
    """By their numbers, where those tell all of them apart."""
    numbers = [getattr(one, "index", None) for one in data]
    if set(numbers) == set(range(len(data))):
        return sorted(data, key=lambda one: int(one.index))
    return list(data)


def _vector(embedding: Any) -> Any:
    return b64decode(embedding) if isinstance(embedding, str) else embedding
