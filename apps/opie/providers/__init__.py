"""LLM platforms: the adapters, the choice of one, and the metered model that agents call.

Nothing here imports Agno or a vendor's SDK until a model is built.
"""

from apps.opie.providers.completion import complete
from apps.opie.providers.registry import get_registry
from apps.opie.providers.requests import CompletionRequest, CompletionResponse

__all__ = ["CompletionRequest", "CompletionResponse", "complete", "get_registry"]
