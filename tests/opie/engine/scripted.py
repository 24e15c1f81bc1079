"""A platform whose answers a test writes, below everything that is real: meter, agent loop, turn, recorder."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse

from apps.api.ids import uuid7
from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models.usage import Certainty
from apps.opie.providers.adapter import Adapter
from apps.opie.providers.reported import reported
from apps.opie.providers.snapshot import Candidate


@dataclass(frozen=True)
class Tool:
    """Ask for a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Think:
    """A piece of reasoning."""

    text: str


# Text is said, a number is slept, an exception raised, a function awaited.
Step = str | float | Tool | Think | BaseException | Callable[[], Awaitable[None]]


@dataclass
class Script:
    """What the platform does, call by call; the last call's steps are used again when there are more."""

    calls: list[list[Step]] = field(default_factory=lambda: [["Hello", " there."]])
    heard: list[list[Message]] = field(default_factory=list)

    def will(self, *calls: list[Step]) -> None:
        self.calls = list(calls)
        self.heard.clear()

    def next(self, messages: list[Message]) -> list[Step]:
        self.heard.append(list(messages))
        return self.calls[min(len(self.heard), len(self.calls)) - 1]

    def adapter(self) -> Adapter:
        return Adapter(build=lambda candidate, client: ScriptedModel(candidate, self))


SILENCE = 3600.0
USAGE = reported(TokenCounts(input=10, cached=0, cache_write=0, output=4, reasoning=0, audio=0), Certainty.REPORTED)


class ScriptedModel(Model):
    def __init__(self, candidate: Candidate, script: Script) -> None:
        super().__init__(id=candidate.model, name="Scripted", provider="Scripted")
        self.script = script

    async def ainvoke_stream(self, messages: list[Message], **_: Any) -> AsyncIterator[ModelResponse]:
        for step in self.script.next(messages):
            if isinstance(step, str):
                yield ModelResponse(role="assistant", content=step)
            elif isinstance(step, Think):
                yield ModelResponse(role="assistant", reasoning_content=step.text)
            elif isinstance(step, Tool):
                function = {"name": step.name, "arguments": json.dumps(step.arguments)}
                yield ModelResponse(
                    tool_calls=[{"id": f"call_{uuid7().hex}", "type": "function", "function": function}]
                )
            elif isinstance(step, BaseException):
                raise step
            elif isinstance(step, float):
                await asyncio.sleep(step)
            else:
                await step()
        yield ModelResponse(response_usage=USAGE)

    async def ainvoke(self, messages: list[Message], **_: Any) -> ModelResponse:
        whole = ModelResponse(role="assistant", content="", response_usage=USAGE)
        async for piece in self.ainvoke_stream(messages):
            whole.content = str(whole.content) + str(piece.content or "")
            whole.tool_calls += piece.tool_calls or []
        return whole

    def invoke(self, *_: Any, **__: Any) -> ModelResponse:
        raise NotImplementedError

    def invoke_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def _parse_provider_response(self, response: Any, **_: Any) -> ModelResponse:
        raise NotImplementedError

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        raise NotImplementedError
