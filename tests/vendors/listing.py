"""The vendors' lists of their models."""

from typing import Any

PLACES = {"/v1/models", "/v1beta/models", "/api/tags"}


def is_list(path: str) -> bool:
    return path.partition("?")[0] in PLACES


def list_of(path: str, names: list[str]) -> dict[str, Any]:
    """As Gemini, Ollama, and OpenAI and Anthropic write it."""
    if path.startswith("/v1beta/"):
        return {"models": [{"name": f"models/{name}"} for name in names]}
    if path.startswith("/api/"):
        return {"models": [{"model": name, "name": name} for name in names]}
    data = [
        {"id": name, "object": "model", "type": "model", "created": 1, "owned_by": "mock", "display_name": name,
         "created_at": "2026-01-01T00:00:00Z"}
        for name in names
    ]  # fmt: skip
    return {"object": "list", "data": data, "has_more": False, "first_id": None, "last_id": None}
