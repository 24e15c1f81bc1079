"""The offline responder: a model without a network. It answers by rule, and never pretends to be an LLM."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse

from apps.api.ids import uuid7
from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models.usage import Certainty
from apps.opie.providers.estimates import estimated_input, size_of, tokens_of_size
from apps.opie.providers.offline_rules import Say, UseTool, present, reply_to
from apps.opie.providers.offline_shapes import example_of
from apps.opie.providers.reported import ReportedUsage, reported

Tools = list[dict[str, Any]]


@dataclass
class OfflineResponder(Model):
    """Speaks Agno's protocol, so that the agent loop, tools and streaming run as with any model.

    `pause` is the seconds between two words of a stream; 0 makes it deterministic to the tick.
    """

    id: str = "offline"
    name: str | None = "OfflineResponder"
    provider: str | None = "Opie"
    pause: float = 0.015

    async def ainvoke(
        self,
        messages: list[Message],
        tools: Tools | None = None,
        tool_choice: Any = None,
        response_format: Any = None,
        **_: Any,
    ) -> ModelResponse:
        """The whole answer at once."""
        reply = _in_shape(_reply(messages, _names(tools, tool_choice)), response_format)
        if isinstance(reply, UseTool):
            return _tool_call(reply, messages, tools)
        response = ModelResponse(role="assistant", content=reply.text)
        response.response_usage = usage_of(messages, tools, reply.text)
        return response

    async def ainvoke_stream(
        self,
        messages: list[Message],
        tools: Tools | None = None,
        tool_choice: Any = None,
        response_format: Any = None,
        **_: Any,
    ) -> AsyncIterator[ModelResponse]:
        """The answer word by word, then what it took."""
        reply = _in_shape(_reply(messages, _names(tools, tool_choice)), response_format)
        if isinstance(reply, UseTool):
            yield _tool_call(reply, messages, tools)
            return
        for word in re.findall(r"\S+\s*|\s+", reply.text):
            yield ModelResponse(role="assistant", content=word)
            await asyncio.sleep(self.pause)
        yield ModelResponse(response_usage=usage_of(messages, tools, reply.text))

    def invoke(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("Models in Opie are asked asynchronously.")

    def invoke_stream(self, *args: Any, **kwargs: Any) -> Iterator[ModelResponse]:
        raise NotImplementedError("Models in Opie are asked asynchronously.")

    def _parse_provider_response(self, response: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("There is no provider behind the offline responder.")

    def _parse_provider_response_delta(self, response: Any) -> NoReturn:
        raise NotImplementedError("There is no provider behind the offline responder.")


def _names(tools: Tools | None, tool_choice: Any) -> frozenset[str]:
    if tool_choice == "none":
        return frozenset()
    return frozenset(str(tool["function"]["name"]) for tool in tools or () if "function" in tool)


def _reply(messages: list[Message], tools: frozenset[str]) -> Say | UseTool:
    results: list[tuple[str, str, bool]] = []
    for message in reversed(messages):
        if message.role == "tool":
            text = message.get_content_string() or ""
            results.insert(0, (message.tool_name or "a tool", text, bool(message.tool_call_error)))
        elif message.role == "user":
            return present(results) if results else reply_to(message.get_content_string() or "", tools)
    return reply_to("", tools)


def _in_shape(reply: Say | UseTool, response_format: Any) -> Say | UseTool:
    """The same words, in the shape that is asked for."""
    if isinstance(reply, UseTool) or not isinstance(response_format, dict) or "schema" not in response_format:
        return reply
    return Say(json.dumps(example_of(response_format["schema"], reply.text), ensure_ascii=False))


def _tool_call(reply: UseTool, messages: list[Message], tools: Tools | None) -> ModelResponse:
    arguments = json.dumps(reply.arguments)
    function = {"name": reply.name, "arguments": arguments}
    response = ModelResponse(role="assistant")
    response.tool_calls = [{"id": f"call_{uuid7().hex}", "type": "function", "function": function}]
    response.response_usage = usage_of(messages, tools, reply.name + arguments)
    return response


def usage_of(messages: list[Message], tools: Tools | None, answer: str) -> ReportedUsage:
    """What an answer by rule took, as if a model had written it: an estimate, and free."""
    counts = TokenCounts(
        input=estimated_input(messages, tools),
        cached=0,
        cache_write=0,
        output=tokens_of_size(size_of(answer)),
        reasoning=0,
        audio=0,
    )
    return reported(counts, Certainty.ESTIMATED)
