"""Google's Gemini, over its developer API."""

from typing import TYPE_CHECKING, Any

from apps.opie.providers.adapter import Adapter
from apps.opie.providers.connecting import transport_for
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from agno.models.base import Model

    from apps.opie.providers.embedding.requests import EmbeddingReply, EmbeddingRequest

DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com/"
API_VERSION = "v1beta"
TASKS = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}


def open_client(platform: PlatformSnapshot) -> Any:
    from google import genai
    from google.genai.types import HttpOptions

    return genai.Client(
        vertexai=False,
        api_key=platform.api_key,
        http_options=HttpOptions(
            base_url=platform.base_url or DEFAULT_BASE_URL,
            api_version=API_VERSION,
            timeout=platform.timeout * 1000,
            async_client_args={"follow_redirects": False, **transport_for(platform)},
        ),
    )


async def close_client(client: Any) -> None:
    await client.aio.aclose()
    client.close()


def build(candidate: Candidate, client: Any) -> "Model":
    from apps.opie.providers.adapters.gemini_model import ReportingGemini

    return ReportingGemini(
        id=candidate.model,
        name=candidate.platform.platform_name,
        provider=candidate.platform.platform_name,
        api_key=candidate.platform.api_key,
        temperature=candidate.temperature,
        max_output_tokens=candidate.max_tokens,
        client=client,
        retry_with_guidance=False,
    )


async def embed(client: Any, asked: "EmbeddingRequest") -> "EmbeddingReply":
    from google.genai.types import Content, EmbedContentConfig, Part

    from apps.opie.providers.embedding.requests import EmbeddingReply

    response = await client.aio.models.embed_content(
        model=asked.model,
        # Plain strings become the parts of one text for some models.
        contents=[Content(parts=[Part(text=text)]) for text in asked.texts],
        config=EmbedContentConfig(task_type=TASKS[asked.kind], output_dimensionality=asked.dimensions),
    )
    usage = response.usage_metadata
    vectors = [one.values or () for one in response.embeddings or ()]
    return EmbeddingReply(vectors, usage.prompt_token_count if usage is not None else None)


async def list_models(client: Any) -> list[str]:
    models = await client.aio.models.list()
    return [str(model.name).removeprefix("models/") async for model in models]


ADAPTER = Adapter(
    build=build,
    list_models=list_models,
    open_client=open_client,
    close_client=close_client,
    embed=embed,
    needs_key=True,
)
