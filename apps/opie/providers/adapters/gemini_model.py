"""Agno's Gemini, with usage kept as it was reported."""

from typing import TYPE_CHECKING

from agno.models.google import Gemini

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.reported import ReportedUsage, reported

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponseUsageMetadata, ModalityTokenCount


def counts_of(usage: "GenerateContentResponseUsageMetadata") -> TokenCounts:
    """As Google bills: thoughts are output beside the candidates; tools' results are input beside the prompt."""
    thoughts, said = usage.thoughts_token_count, usage.candidates_token_count
    prompt, tools = usage.prompt_token_count, usage.tool_use_prompt_token_count
    return TokenCounts(
        input=None if prompt is None else prompt + (tools or 0),
        cached=usage.cached_content_token_count,
        cache_write=None,
        output=None if said is None and thoughts is None else (said or 0) + (thoughts or 0),
        reasoning=thoughts,
        audio=_audio(usage.prompt_tokens_details, usage.candidates_tokens_details),
    )


def _audio(*details: "list[ModalityTokenCount] | None") -> int | None:
    known = [count for part in details if part is not None for count in part]
    if not known:
        return None
    return sum(
        count.token_count or 0 for count in known if count.modality is not None and count.modality.value == "AUDIO"
    )


class ReportingGemini(Gemini):
    """Gemini at Google."""

    def _get_metrics(self, response_usage: "GenerateContentResponseUsageMetadata") -> ReportedUsage:
        return reported(counts_of(response_usage))
