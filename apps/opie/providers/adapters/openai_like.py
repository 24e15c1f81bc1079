"""What all adapters that speak OpenAI's Chat Completions share: the client, and usage kept as it was reported."""

from typing import TYPE_CHECKING, Any

from agno.models.openai.chat import OpenAIChat
from agno.models.openai.like import OpenAILike

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.adapters.timeouts import patience
from apps.opie.providers.reported import ReportedUsage, reported
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import CompletionUsage

NO_KEY = "no-key-needed"  # the SDK insists on one


def open_client(platform: PlatformSnapshot, default_base_url: str) -> "AsyncOpenAI":
    """The SDK's client. Nothing of the process's environment reaches another's endpoint, and no key follows a redirect."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    client = AsyncOpenAI(
        api_key=platform.api_key or NO_KEY,
        base_url=platform.base_url or default_base_url,
        timeout=httpx2.Timeout(**patience(platform)),
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(follow_redirects=False),
    )
    client.organization = client.project = None
    client._custom_headers = {}  # OPENAI_CUSTOM_HEADERS, for which the SDK has no other switch
    return client


async def close_client(client: "AsyncOpenAI") -> None:
    await client.close()


def counts_of(usage: "CompletionUsage") -> TokenCounts:
    """As OpenAI bills: the prompt includes what was cached, the completion what was reasoned."""
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    sounds = [part.audio_tokens for part in (prompt, completion) if part is not None and part.audio_tokens is not None]
    return TokenCounts(
        input=usage.prompt_tokens,
        cached=prompt.cached_tokens if prompt else None,
        cache_write=getattr(prompt, "cache_write_tokens", None),
        output=usage.completion_tokens,
        reasoning=completion.reasoning_tokens if completion else None,
        audio=sum(sounds) if sounds else None,
    )


class ReportingOpenAIChat(OpenAIChat):
    """OpenAI itself."""

    def _get_metrics(self, response_usage: "CompletionUsage") -> ReportedUsage:
        return reported(counts_of(response_usage))


class ReportingOpenAILike(OpenAILike):
    """A server that speaks like OpenAI."""

    def _get_metrics(self, response_usage: "CompletionUsage") -> ReportedUsage:
        return reported(counts_of(response_usage))


def build_like(candidate: Candidate, client: Any) -> OpenAILike:
    """The model of a server that speaks like OpenAI."""
    return ReportingOpenAILike(
        id=candidate.model,
        name=candidate.platform.platform_name,
        provider=candidate.platform.platform_name,
        api_key=candidate.platform.api_key or NO_KEY,
        temperature=candidate.temperature,
        max_tokens=candidate.max_tokens,
        async_client=client,
        retry_with_guidance=False,
    )
