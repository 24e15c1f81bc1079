"""Agno's Claude, with usage kept as it was reported."""

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

from agno.models.anthropic import Claude

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.ending import TellsItsEnd
from apps.opie.providers.reported import ReportedUsage, reported

# Agno tells images apart with it, and its warning would be an error where warnings are.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.simplefilter("ignore", DeprecationWarning)
    import imghdr  # noqa: F401

if TYPE_CHECKING:
    from agno.models.response import ModelResponse
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


class ReportingClaude(TellsItsEnd, Claude):
    """Claude at Anthropic."""

    def _parse_provider_response(self, response: Any, response_format: Any = None, **more: Any) -> "ModelResponse":
        self.is_finished = response.stop_reason is not None
        self.has_refused = response.stop_reason == "refusal"
        return super()._parse_provider_response(response, response_format, **more)

    def _parse_provider_response_delta(self, response: Any, response_format: Any = None) -> "ModelResponse":
        match response.type:
            case "message_start":
                self.billed_at_start = counts_of(response.message.usage)
            case "message_delta":
                self.has_refused = response.delta.stop_reason == "refusal"
            case "message_stop":
                self.is_finished = True
        return super()._parse_provider_response_delta(response, response_format)

    def _get_metrics(self, response_usage: "Usage | MessageDeltaUsage | BetaUsage") -> ReportedUsage:
        return reported(counts_of(response_usage))
