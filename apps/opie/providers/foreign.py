"""Messages from one vendor to another, in the middle of a conversation or of a loop of tools.

What only its maker understands (signatures of thoughts, blocks to be echoed) goes back to its maker alone.
"""

import base64
import copy
import hashlib
import re
from collections.abc import Iterable
from typing import Any

from agno.models.message import Message

from apps.api.ids import uuid7
from apps.opie.models.platforms import ApiType
from apps.opie.providers.snapshot import Candidate

# In `provider_data`: whose it is.
MAKER = "opie_maker"

# Who sends something along that has to be sent back.
READ_BACK = frozenset({ApiType.ANTHROPIC, ApiType.GEMINI})

# What every vendor takes: OpenAI no longer ones, Anthropic no other characters.
TOOL_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")

# Gemini 3 refuses a call of a tool without a signature of its own thought; for another's calls Google names this one.
NO_THOUGHT_OF_MINE = base64.b64encode(b"skip_thought_signature_validator").decode()


def maker_of(candidate: Candidate) -> str:
    """Who can read back what this candidate writes."""
    return f"{candidate.platform.api_type}:{candidate.model}"


def mark_of(candidate: Candidate) -> dict[str, Any] | None:
    """What to leave in an answer's `provider_data`, of those who want to read something back."""
    return {MAKER: maker_of(candidate)} if candidate.platform.api_type in READ_BACK else None


def messages_for(candidate: Candidate, messages: Iterable[Message]) -> list[Message]:
    """The messages as this candidate may see them; what has to change is changed in a copy."""
    return [_for(candidate, message) if message.role == "assistant" else message for message in messages]


def with_usable_ids(tool_calls: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls of tools with ids that each is known by and every vendor takes. Some vendors give none."""
    seen: set[str] = set()
    usable = []
    for call in tool_calls:
        name = str(call.get("id") or "")
        if not name or name in seen:
            name = f"call_{uuid7().hex}"
        elif not TOOL_CALL_ID.fullmatch(name):
            name = "call_" + hashlib.sha256(name.encode()).hexdigest()[:32]
        seen.add(name)
        usable.append(call | {"id": name})
    return usable


def _for(candidate: Candidate, message: Message) -> Message:
    if (message.provider_data or {}).get(MAKER) == maker_of(candidate):
        return message
    plain = copy.copy(message)
    plain.provider_data = None
    plain.reasoning_content = None
    plain.redacted_reasoning_content = None
    if message.tool_calls:
        plain.tool_calls = [_plain_call(candidate, call) for call in message.tool_calls]
    return plain


def _plain_call(candidate: Candidate, call: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {name: call[name] for name in ("id", "type", "function") if name in call}
    if candidate.platform.api_type == ApiType.GEMINI:
        plain["thought_signature"] = NO_THOUGHT_OF_MINE
    return plain
