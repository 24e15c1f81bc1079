"""Anthropic."""

from typing import TYPE_CHECKING, Any

from apps.opie.providers.adapter import Adapter
from apps.opie.providers.connecting import transport_for
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from agno.models.base import Model

DEFAULT_BASE_URL = "https://api.anthropic.com"


def open_client(platform: PlatformSnapshot) -> Any:
    """The SDK's client. Nothing of the process's environment reaches another's endpoint, and no key follows a redirect."""
    import httpx2
    from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient

    from apps.opie.providers.adapters.timeouts import patience

    client = AsyncAnthropic(
        api_key=platform.api_key,
        base_url=platform.base_url or DEFAULT_BASE_URL,
        timeout=httpx2.Timeout(**patience(platform)),
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(follow_redirects=False, **transport_for(platform)),
    )
    client._custom_headers = {}  # ANTHROPIC_CUSTOM_HEADERS, for which the SDK has no other switch
    return client


async def close_client(client: Any) -> None:
    await client.close()


def build(candidate: Candidate, client: Any) -> "Model":
    from agno.utils.models.claude import supports_sampling_params

    from apps.opie.providers.adapters.anthropic_model import ReportingClaude

    return ReportingClaude(
        id=candidate.model,
        name=candidate.platform.platform_name,
        provider=candidate.platform.platform_name,
        api_key=candidate.platform.api_key,
        temperature=_temperature(candidate) if supports_sampling_params(candidate.model) else None,
        max_tokens=candidate.max_tokens,
        async_client=client,
        retry_with_guidance=False,
    )


def _temperature(candidate: Candidate) -> float | None:
    """Anthropic's scale ends at 1."""
    return None if candidate.temperature is None else min(candidate.temperature, 1.0)


async def list_models(client: Any) -> list[str]:
    return [model.id async for model in client.models.list(limit=1000)]


ADAPTER = Adapter(
    build=build, list_models=list_models, open_client=open_client, close_client=close_client, needs_key=True
)
