"""What is asked of a model, in the terms of Agno: the same for every platform that is tried."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agno.models.message import Message

from apps.opie.providers.estimates import estimated_input, size_of
from apps.opie.providers.shapes import WantedShape

# What vendors add around a message, and around the descriptions of tools, is less than this.
OVERHEAD_OF_A_MESSAGE = 16
OVERHEAD_OF_A_REQUEST = 1024
# The dearest that a vendor counts an image: many tiles of a large one.
TOKENS_OF_AN_IMAGE = 8192


@dataclass(frozen=True)
class Asking:
    """One request: the messages, the tools, and what else Agno hands to a model (`response_format` and the like)."""

    messages: list[Message]
    assistant_message: Message
    tools: list[dict[str, Any]] | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def images(self) -> int:
        return sum(len(message.images or ()) for message in self.messages)

    @cached_property
    def estimated_tokens(self) -> int:
        """About how many tokens of input it is."""
        return estimated_input(self.messages, self.tools)

    @cached_property
    def most_tokens(self) -> int:
        """More tokens of input than it can be: no tokenizer makes two tokens of one byte."""
        size = sum(map(size_of, self.tools or ())) + size_of_format(self.more.get("response_format"))
        size += sum(_size(message) for message in self.messages)
        return size + OVERHEAD_OF_A_REQUEST + self.images * TOKENS_OF_AN_IMAGE


def size_of_format(response_format: Any) -> int:
    """The bytes of the shape that an answer is asked for in."""
    if isinstance(response_format, WantedShape):
        return size_of(response_format.schema)
    schema = getattr(response_format, "model_json_schema", None)
    return size_of(schema() if callable(schema) else response_format)


def _size(message: Message) -> int:
    spoken: Sequence[Any] = (message.content, message.tool_calls, message.reasoning_content, message.provider_data)
    return sum(map(size_of, spoken)) + OVERHEAD_OF_A_MESSAGE
