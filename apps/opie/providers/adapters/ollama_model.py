"""Agno's Ollama, with usage kept as it was reported."""

from typing import TYPE_CHECKING, Any

from agno.models.ollama import Ollama

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.reported import ReportedUsage, reported

if TYPE_CHECKING:
    from ollama import ChatResponse


def counts_of(response: "ChatResponse | dict[str, Any]") -> TokenCounts:
    """Ollama leaves out the prompt's count when all of it was in its cache: then it is not known."""
    return TokenCounts(input=response.get("prompt_eval_count"), output=response.get("eval_count"))


class ReportingOllama(Ollama):
    """A model served by Ollama."""

    def _get_metrics(self, response: "ChatResponse | dict[str, Any]") -> ReportedUsage:
        return reported(counts_of(response))
