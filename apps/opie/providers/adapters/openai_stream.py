"""Streams of OpenAI's Chat Completions, parsed once: the SDK builds an object for each part of each piece, which takes
most of the time that an answer takes. It still sends the request; what comes back is read here.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NoReturn

from agno.models.response import ModelResponse

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

DONE = "[DONE]"
# What a server may still send after its last word, before its connection can serve another call.
SECONDS_AFTER_THE_END = 0.1
# Given to the SDK as options; everything else is the body.
_OPTIONS = {"extra_headers": "headers", "extra_query": "params", "extra_body": "extra_json"}


class EventData:
    """Cuts server-sent events out of bytes as they come, wherever the network cut them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[str]:
        """The data of each event that this piece completes. Raises UnicodeDecodeError."""
        text = self._rest + piece
        held = b""
        if b"\r" in text:
            # A line may end in CR, LF or both: whether the last CR ends one alone is known when more has come.
            held = b"\r" if text.endswith(b"\r") else b""
            text = text.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *events, rest = text.split(b"\n\n")
        self._rest = rest + held
        for event in events:
            if (data := _data_of(event.decode())) is not None:
                yield data


def _data_of(event: str) -> str | None:
    """The data of one event; None for comments and for names without data."""
    if event.startswith("data: ") and "\n" not in event:
        return event[6:]
    fields = (line.partition(":") for line in event.split("\n"))
    lines = [value.removeprefix(" ") for name, _, value in fields if name == "data"]
    return "\n".join(lines) if lines else None


async def chunks_of(client: "AsyncOpenAI", asked: dict[str, Any]) -> AsyncGenerator[Any]:
    """What the server says, each piece as the JSON it was. Raises the SDK's errors for a request that is refused or
    an answer that turns into an error, httpx2's for a connection that breaks, and ValueError for what is no JSON."""
    import httpx2

    options: Any = {name: asked.pop(ours) for ours, name in _OPTIONS.items() if ours in asked}
    options["security"] = {"bearer_auth": True}
    response = await client.post(
        "/chat/completions", cast_to=httpx2.Response, body=asked, options=options, stream=True, stream_cls=None
    )
    try:
        events = EventData()
        async with aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                for data in events.feed(piece):
                    if data.startswith(DONE):
                        await _read_out(pieces)
                        return
                    yield _checked(json.loads(data), response)
    finally:
        await response.aclose()


async def _read_out(pieces: AsyncGenerator[bytes]) -> None:
    """A connection serves again when its last answer was read to the end."""
    import httpx2

    try:
        async with asyncio.timeout(SECONDS_AFTER_THE_END):
            async for _ in pieces:
                pass
    except (TimeoutError, httpx2.HTTPError):
        pass  # the answer is there; the connection is closed instead


def _checked(chunk: Any, response: "httpx2.Response") -> Any:
    if isinstance(chunk, dict) and chunk.get("error"):
        _raise_said(chunk["error"], response)
    return chunk


def _raise_said(error: Any, response: "httpx2.Response") -> NoReturn:
    from openai import APIError

    message = error.get("message") if isinstance(error, Mapping) else None
    text = message if isinstance(message, str) and message else "An error occurred during streaming"
    raise APIError(message=text, request=response.request, body=error)


def plain_delta(chunk: Any) -> tuple[ModelResponse, str | None] | None:
    """A piece that holds nothing but text, with the reason that the answer ended for; None for any other."""
    if not isinstance(chunk, dict) or chunk.get("usage"):
        return None
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        return None
    delta, reason = choices[0].get("delta"), choices[0].get("finish_reason")
    if not isinstance(delta, dict) or not (reason is None or isinstance(reason, str)):
        return None
    content = delta.get("content")
    if not (content is None or isinstance(content, str)):
        return None
    if any(value for name, value in delta.items() if name not in ("content", "role")):
        return None
    response = ModelResponse(content=content)
    if content is not None:
        kept = {name: chunk[name] for name in ("id", "system_fingerprint") if chunk.get(name)}
        response.provider_data = kept
    return response, reason
