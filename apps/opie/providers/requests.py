"""One completion, asked and answered, without an agent around it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.snapshot import Candidate


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What is asked, and whom, in order. `messages` are (role, content) pairs; a temperature or a length that is given
    here holds for every candidate in place of its own. `respects_rest` is False for trying out one that rests."""

    candidates: tuple[Candidate, ...]
    messages: tuple[tuple[str, str], ...]
    temperature: float | None = None
    max_tokens: int | None = None
    tools: tuple[dict[str, Any], ...] = ()
    respects_rest: bool = True


@dataclass(frozen=True, slots=True)
class CompletionResponse:
    """What came back, from where, and what it took; `call_id` is its row in the ledger. `cost` is None when it is not
    known."""

    content: str
    platform: str
    model: str
    call_id: UUID
    tokens: TokenCounts | None = None
    cost: Decimal | None = None
    tool_calls: tuple[dict[str, Any], ...] = field(default=())
