"""What a platform reported about one call, kept exactly: Agno's own metrics turn the unknown into 0."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agno.metrics import MessageMetrics

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models.usage import Certainty

if TYPE_CHECKING:
    from agno.models.response import ModelResponse


@dataclass
class ReportedUsage(MessageMetrics):
    """Agno's metrics, for Agno, with the billed tokens beside them. Not a field: Agno must not serialise it."""

    def __post_init__(self) -> None:
        self.tokens: TokenCounts | None = None
        self.certainty = Certainty.REPORTED


def reported(tokens: TokenCounts, certainty: Certainty = Certainty.REPORTED) -> ReportedUsage:
    """The usage of a call in both shapes."""
    usage = ReportedUsage(
        input_tokens=tokens.input or 0,
        output_tokens=tokens.output or 0,
        total_tokens=(tokens.input or 0) + (tokens.output or 0),
        cache_read_tokens=tokens.cached or 0,
        cache_write_tokens=tokens.cache_write or 0,
        reasoning_tokens=tokens.reasoning or 0,
    )
    usage.tokens, usage.certainty = tokens, certainty
    return usage


def usage_in(response: "ModelResponse") -> ReportedUsage | None:
    """The billed usage that came with a response, if any did."""
    usage = response.response_usage
    return usage if isinstance(usage, ReportedUsage) else None
