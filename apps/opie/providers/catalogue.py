"""Today's models: the one table that names them. Checked against genai-prices by a test."""

from dataclasses import dataclass

from apps.opie.models.platforms import ApiType
from apps.opie.models.tiers import Tier


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model that Opie sets up by itself. What has no published price says why."""

    api_type: str
    model: str
    max_tokens: int = 8192
    supports_vision: bool = False
    supports_json_mode: bool = True
    unpriced_because: str = ""


LOCAL = "It runs on a machine of one's own and costs nothing by the token."

# GPT-6 Astra and GPT-6.1 take no tools over Chat Completions, which is the API that every gateway and local server
# speaks too: GPT-6 Sol is OpenAI's strongest general model that does.
STRONG = CatalogueModel(ApiType.OPENAI, "gpt-6-sol", supports_vision=True)
CHEAP = CatalogueModel(ApiType.OPENAI, "gpt-6-luna", supports_vision=True)
BALANCED = CatalogueModel(ApiType.ANTHROPIC, "claude-sonnet-5-5", supports_vision=True)
QUICK = CatalogueModel(ApiType.GEMINI, "gemini-3.8-flash", supports_vision=True)

# What an agent asks for instead of a model. `fallback` follows every tier; see providers/tiers.py.
TIERS: dict[Tier, CatalogueModel] = {
    Tier.ANALYSIS: STRONG,
    Tier.ECONOMY: CHEAP,
    Tier.WRITING: BALANCED,
    Tier.FALLBACK: QUICK,
}

DEFAULT_MODELS: dict[str, CatalogueModel] = {
    ApiType.OPENAI: STRONG,
    ApiType.ANTHROPIC: BALANCED,
    ApiType.GEMINI: QUICK,
    ApiType.OLLAMA: CatalogueModel(ApiType.OLLAMA, "llama3.2", max_tokens=4096, unpriced_because=LOCAL),
    # These two serve whatever model was loaded and do not mind its name.
    ApiType.LLAMACPP: CatalogueModel(ApiType.LLAMACPP, "default", max_tokens=4096, unpriced_because=LOCAL),
    ApiType.GPT4ALL: CatalogueModel(
        ApiType.GPT4ALL, "Llama 3.2 3B Instruct", max_tokens=4096, supports_json_mode=False, unpriced_because=LOCAL
    ),
    ApiType.OPENAI_COMPATIBLE: CatalogueModel(
        ApiType.OPENAI_COMPATIBLE,
        "default",
        max_tokens=4096,
        unpriced_because="Nobody knows what another's endpoint charges unless its address is in genai-prices.",
    ),
    ApiType.OFFLINE: CatalogueModel(
        ApiType.OFFLINE,
        "offline-responder",
        supports_json_mode=False,
        unpriced_because="It is part of Opie and costs nothing.",
    ),
}
