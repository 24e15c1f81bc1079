"""Which adapter serves which api_type."""

import functools
import importlib

from apps.opie.models.platforms import ApiType
from apps.opie.providers.adapter import Adapter

# An adapter's module imports its vendor's SDK when a client is opened, not before.
_ADAPTERS: dict[str, str] = {
    ApiType.OPENAI: "apps.opie.providers.adapters.openai",
    ApiType.ANTHROPIC: "apps.opie.providers.adapters.anthropic",
    ApiType.GEMINI: "apps.opie.providers.adapters.gemini",
    ApiType.OLLAMA: "apps.opie.providers.adapters.ollama",
    ApiType.LLAMACPP: "apps.opie.providers.adapters.llamacpp",
    ApiType.GPT4ALL: "apps.opie.providers.adapters.gpt4all",
    ApiType.OPENAI_COMPATIBLE: "apps.opie.providers.adapters.openai_compatible",
    ApiType.OFFLINE: "apps.opie.providers.adapters.offline",
}


@functools.cache
def get_registry() -> dict[str, Adapter]:
    """The adapters by api_type. A host may put its own in."""
    return {str(api_type): importlib.import_module(module).ADAPTER for api_type, module in _ADAPTERS.items()}
