"""One completion, asked and answered, without an agent around it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from apps.opie.ledger.tokens import TokenCounts


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What is asked of a model. `messages` are (role, content) pairs; empty `model` is the platform's default."""

    messages: tuple[tuple[str, str], ...]
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    tools: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class CompletionResponse:
    """What came back, from where, and what it took. `cost` is None when it is not known."""

    content: str
    platform: str
    model: str
    tokens: TokenCounts | None = None
    cost: Decimal | None = None
    tool_calls: tuple[dict[str, Any], ...] = field(default=())
