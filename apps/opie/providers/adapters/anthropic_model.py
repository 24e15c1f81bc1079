"""Agno's Claude, with usage kept as it was reported."""

from typing import TYPE_CHECKING

from agno.models.anthropic import Claude

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.reported import ReportedUsage, reported

if TYPE_CHECKING:
    from anthropic.types import MessageDeltaUsage, Usage
    from anthropic.types.beta import BetaUsage


def counts_of(usage: "Usage | MessageDeltaUsage | BetaUsage") -> TokenCounts:
    """As Anthropic bills: its input leaves out what was read from and written to the cache; ours holds all."""
    cached, written, plain = usage.cache_read_input_tokens, usage.cache_creation_input_tokens, usage.input_tokens
    return TokenCounts(
        input=None if plain is None else plain + (cached or 0) + (written or 0),
        cached=cached,
        cache_write=written,
        output=usage.output_tokens,
        reasoning=None,  # thinking is part of the output, and not counted by itself
        audio=None,
    )


class ReportingClaude(Claude):
    """Claude at Anthropic."""

    def _get_metrics(self, response_usage: "Usage | MessageDeltaUsage | BetaUsage") -> ReportedUsage:
        return reported(counts_of(response_usage))
