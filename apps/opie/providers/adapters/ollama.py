"""Ollama, over its own API."""

from typing import TYPE_CHECKING, Any

from apps.opie.providers.adapter import Adapter
from apps.opie.providers.connecting import plain_transport_for
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from agno.models.base import Model

    from apps.opie.providers.embedding.requests import EmbeddingReply, EmbeddingRequest

DEFAULT_BASE_URL = "http://127.0.0.1:11434"


def open_client(platform: PlatformSnapshot) -> Any:
    import httpx
    from ollama import AsyncClient

    from apps.opie.providers.adapters.timeouts import patience

    # An explicit header keeps the SDK from sending the environment's OLLAMA_API_KEY to this address.
    authorization = f"Bearer {platform.api_key}" if platform.api_key else "none"
    return AsyncClient(
        host=platform.base_url or DEFAULT_BASE_URL,
        timeout=httpx.Timeout(**patience(platform)),
        headers={"authorization": authorization},
        follow_redirects=False,
        **plain_transport_for(platform),
    )


async def close_client(client: Any) -> None:
    await client.close()


def build(candidate: Candidate, client: Any) -> "Model":
    from apps.opie.providers.adapters.ollama_model import ReportingOllama

    options: dict[str, Any] = {"num_predict": candidate.max_tokens}
    if candidate.temperature is not None:
        options["temperature"] = candidate.temperature
    return ReportingOllama(
        id=candidate.model,
        name=candidate.platform.platform_name,
        provider=candidate.platform.platform_name,
        api_key=None,
        options=options,
        async_client=client,
        retry_with_guidance=False,
    )


async def embed(client: Any, asked: "EmbeddingRequest") -> "EmbeddingReply":
    from apps.opie.providers.embedding.requests import EmbeddingReply

    response = await client.embed(
        model=asked.model, input=list(asked.texts), truncate=True, dimensions=asked.dimensions
    )
    return EmbeddingReply(response.embeddings, response.prompt_eval_count)


async def list_models(client: Any) -> list[str]:
    return [str(one.model) for one in (await client.list()).models]


ADAPTER = Adapter(build=build, list_models=list_models, open_client=open_client, close_client=close_client, embed=embed)
