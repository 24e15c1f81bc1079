"""How many tokens a text roughly is, for calls whose platform did not say. Always marked as an estimate."""

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agno.models.message import Message

# English runs at about four bytes a token; other scripts take more bytes a character and more tokens, too.
BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4  # what marks a role and an end


def tokens_of_size(size: int) -> int:
    return math.ceil(size / BYTES_PER_TOKEN)


def size_of(value: Any) -> int:
    """The bytes of a text, or of anything else as JSON."""
    if value is None:
        return 0
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return len(text.encode("utf-8", errors="replace"))


def size_of_tool_call(tool_call: Any) -> int:
    """The bytes that a model wrote to call a tool, whole or in pieces, as a dict or as an SDK's object."""
    function = tool_call.get("function") if isinstance(tool_call, dict) else getattr(tool_call, "function", None)
    if function is None:
        return 0
    written = function if isinstance(function, dict) else vars(function)
    return size_of(written.get("name")) + size_of(written.get("arguments"))


def estimated_input(messages: Iterable["Message"], tools: Iterable[dict[str, Any]] | None = None) -> int:
    """The tokens of a request."""
    size, count = sum(map(size_of, tools or ())), 0
    for message in messages:
        size += size_of(message.content) + size_of(message.tool_calls)
        count += 1
    return tokens_of_size(size) + TOKENS_PER_MESSAGE * count
