"""What all adapters that speak OpenAI's Chat Completions share: the client, and usage kept as it was reported."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agno.models.openai.chat import OpenAIChat
from agno.models.openai.like import OpenAILike

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.adapters.openai_stream import chunks_of, plain_delta
from apps.opie.providers.adapters.timeouts import patience
from apps.opie.providers.connecting import transport_for
from apps.opie.providers.ending import TellsItsEnd
from apps.opie.providers.reported import ReportedUsage, reported
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from agno.models.message import Message
    from agno.models.response import ModelResponse
    from openai import AsyncOpenAI
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

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
        http_client=DefaultAsyncHttpxClient(follow_redirects=False, **transport_for(platform)),
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


class _Hears(TellsItsEnd, OpenAIChat):
    """Keeps the reason that an answer ended for. Some servers send every chunk as if it were the last one: the last
    reason counts."""

    def _parse_provider_response(  # type: ignore[override] # Agno's own disagree with each other
        self, response: "ChatCompletion", **more: Any
    ) -> "ModelResponse":
        self._note(response.choices[0].finish_reason if response.choices else None)
        refusal = response.choices[0].message.refusal if response.choices else None
        self.has_refused = self.has_refused or bool(refusal)
        return super()._parse_provider_response(response, **more)

    async def ainvoke_stream(
        self,
        messages: "list[Message]",
        assistant_message: "Message",  # noqa: ARG002 - Agno's signature
        response_format: Any = None,
        tools: list[dict[str, Any]] | None = None,
        tool_choice: str | dict[str, Any] | None = None,
        run_response: Any = None,
        compress_tool_results: bool = False,
    ) -> "AsyncIterator[ModelResponse]":
        """As Agno's, without an object of the SDK's for each piece of text. Raises what `chunks_of` raises."""
        wishes = self.get_request_params(response_format, tools, tool_choice, run_response)
        asked = {
            "model": self.id,
            "messages": self._format_all_messages(messages, compress_tool_results),
            "stream": True,
            "stream_options": {"include_usage": True},
            **wishes,
        }
        async with aclosing(chunks_of(self.get_async_client(), asked)) as chunks:
            async for chunk in chunks:
                yield self._delta_of(chunk)

    def _delta_of(self, chunk: Any) -> "ModelResponse":
        if plain := plain_delta(chunk):
            delta, reason = plain
            self._note(reason)
            return delta
        from openai.types.chat import ChatCompletionChunk

        built = ChatCompletionChunk.construct(**chunk) if isinstance(chunk, dict) else chunk
        return self._parse_provider_response_delta(built)

    def _parse_provider_response_delta(self, response_delta: "ChatCompletionChunk") -> "ModelResponse":
        if response_delta.choices:
            self._note(response_delta.choices[0].finish_reason)
        return super()._parse_provider_response_delta(response_delta)

    def _note(self, reason: str | None) -> None:
        if reason is not None:
            self.is_finished, self.has_refused = True, reason == "content_filter"


class ReportingOpenAIChat(_Hears):
    """OpenAI itself."""

    def _get_metrics(self, response_usage: "CompletionUsage") -> ReportedUsage:
        return reported(counts_of(response_usage))


class ReportingOpenAILike(_Hears, OpenAILike):
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
