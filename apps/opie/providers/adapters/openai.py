"""OpenAI, over Chat Completions."""

import re
from typing import TYPE_CHECKING, Any

from apps.opie.providers.adapter import Adapter
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from agno.models.base import Model

    from apps.opie.providers.embedding.requests import EmbeddingReply, EmbeddingRequest

DEFAULT_BASE_URL = "https://api.openai.com/v1"

# Models that reason refuse a temperature, and most refuse tools over Chat Completions, unless their effort is "none".
REASONS = re.compile(r"^(o\d|gpt-([5-9]|\d{2}))")
MAY_NOT_REASON = re.compile(r"^gpt-(5\.[1-9](?!\d)|6-(sol|luna))(?!.*(pro|codex|cyber|chat))")


def open_client(platform: PlatformSnapshot) -> Any:
    from apps.opie.providers.adapters.openai_like import open_client as open_openai

    return open_openai(platform, DEFAULT_BASE_URL)


async def close_client(client: Any) -> None:
    await client.close()


def build(candidate: Candidate, client: Any) -> "Model":
    from apps.opie.providers.adapters.openai_like import ReportingOpenAIChat

    switched_off = bool(MAY_NOT_REASON.match(candidate.model))
    takes_temperature = switched_off or not REASONS.match(candidate.model)
    return ReportingOpenAIChat(
        id=candidate.model,
        name=candidate.platform.platform_name,
        provider=candidate.platform.platform_name,
        api_key=candidate.platform.api_key,
        temperature=candidate.temperature if takes_temperature else None,
        reasoning_effort="none" if switched_off else None,
        max_completion_tokens=candidate.max_tokens,
        async_client=client,
        retry_with_guidance=False,
    )


async def embed(client: Any, asked: "EmbeddingRequest") -> "EmbeddingReply":
    from apps.opie.providers.adapters.openai_embeddings import embed as embed_openai

    return await embed_openai(client, asked)


async def list_models(client: Any) -> list[str]:
    return [model.id async for model in client.models.list()]


ADAPTER = Adapter(
    build=build,
    list_models=list_models,
    open_client=open_client,
    close_client=close_client,
    embed=embed,
    needs_key=True,
)
