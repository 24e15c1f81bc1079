"""A model with nothing behind it, for plain Agno agents: it answers with what it was asked and what it remembers."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse


@dataclass
class TinyModel(Model):
    id: str = "tiny"
    fails: bool = False

    async def ainvoke(self, messages: list[Message], **more: Any) -> ModelResponse:
        if self.fails:
            raise RuntimeError("postgresql://secret@internal broke")
        asked = [message.content for message in messages if message.role == "user"]
        return ModelResponse(role="assistant", content=f"{len(asked)}: {asked[-1]}")

    async def ainvoke_stream(self, messages: list[Message], **more: Any) -> AsyncIterator[ModelResponse]:
        yield await self.ainvoke(messages)

    def invoke(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError

    def invoke_stream(self, *args: Any, **kwargs: Any) -> Iterator[ModelResponse]:
        raise NotImplementedError

    def _parse_provider_response(self, response: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError

    def _parse_provider_response_delta(self, response: Any) -> NoReturn:
        raise NotImplementedError
