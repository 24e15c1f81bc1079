"""What a model can take, checked before anything is sent: its context window, images, the length of an answer."""

import functools
from dataclasses import replace
from typing import Any

from apps.opie.ledger.prices import VENDORS
from apps.opie.models.platforms import LOCAL_API_TYPES
from apps.opie.providers.asking import Asking
from apps.opie.providers.shapes import WantedShape, format_of_vendor
from apps.opie.providers.snapshot import Candidate

# A request is only refused for its length when it is too long however kindly its bytes are counted.
MOST_BYTES_PER_TOKEN_OVER_ESTIMATE = 1.5
SHORTEST_ANSWER = 256


def what_it_cannot(candidate: Candidate, asking: Asking) -> str:
    """The limit that this request is beyond, in words; empty when there is none."""
    platform = candidate.platform
    if asking.images and not platform.supports_vision:
        return "it does not see images. Leave them out, or choose a model that does."
    if candidate.max_tokens > platform.max_tokens:
        return f"an answer may have {platform.max_tokens} tokens at most, and {candidate.max_tokens} were asked for."
    window = context_window(platform.api_type, platform.base_url, candidate.model)
    estimate = asking.estimated_tokens
    if window is not None and estimate > window * MOST_BYTES_PER_TOKEN_OVER_ESTIMATE:
        return f"it takes {window} tokens, and this has about {estimate}. Start a new session, or send less."
    return ""


def fitted(candidate: Candidate, asking: Asking) -> Candidate:
    """The same candidate with an answer that fits into its context window beside the request."""
    window = context_window(candidate.platform.api_type, candidate.platform.base_url, candidate.model)
    if window is None:
        return candidate
    room = max(SHORTEST_ANSWER, window - asking.estimated_tokens)
    return replace(candidate, max_tokens=room) if room < candidate.max_tokens else candidate


def format_for(candidate: Candidate, response_format: Any, *, has_tools: bool = False) -> Any:
    """The shape to ask for by the platform's own means; without such means instructions have to do."""
    if isinstance(response_format, WantedShape):
        return format_of_vendor(candidate, response_format, has_tools=has_tools)
    return response_format if candidate.platform.supports_json_mode else None


@functools.lru_cache(maxsize=1024)
def context_window(api_type: str, base_url: str, model: str) -> int | None:
    """The tokens that a model takes, where genai-prices says so."""
    from genai_prices.data_snapshot import get_snapshot

    vendor = VENDORS.get(api_type)
    if api_type in LOCAL_API_TYPES or (vendor is None and not base_url):
        return None
    try:
        _, found = get_snapshot().find_provider_model(model, None, vendor, None if vendor else base_url)
    except LookupError:
        return None
    return found.context_window
