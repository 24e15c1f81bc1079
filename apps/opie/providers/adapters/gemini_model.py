"""Agno's Gemini, with usage kept as it was reported."""

from typing import TYPE_CHECKING, Any

from agno.models.google import Gemini

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.ending import TellsItsEnd
from apps.opie.providers.reported import ReportedUsage, reported

if TYPE_CHECKING:
    from agno.models.response import ModelResponse
    from google.genai.types import GenerateContentResponse, GenerateContentResponseUsageMetadata, ModalityTokenCount

REFUSALS = frozenset({"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "IMAGE_SAFETY"})


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


class ReportingGemini(TellsItsEnd, Gemini):
    """Gemini at Google."""

    def get_request_params(
        self, system_message: str | None = None, response_format: Any = None, tools: Any = None, tool_choice: Any = None
    ) -> dict[str, Any]:
        """As Agno's, which knows shapes as pydantic classes only."""
        asked = super().get_request_params(system_message, response_format, tools, tool_choice)
        if isinstance(response_format, dict) and "schema" in response_format:
            from google.genai.types import GenerateContentConfig

            config = asked.get("config") or GenerateContentConfig()
            config.response_mime_type = "application/json"
            config.response_json_schema = response_format["schema"]
            asked["config"] = config
        return asked

    def _parse_provider_response(self, response: "GenerateContentResponse", **more: Any) -> "ModelResponse":
        self._note(response)
        return super()._parse_provider_response(response, **more)

    def _parse_provider_response_delta(self, response_delta: Any, **more: Any) -> "ModelResponse":  # type: ignore[override] # Agno calls it so
        self._note(response_delta)
        return super()._parse_provider_response_delta(response_delta, **more)

    def _note(self, response: "GenerateContentResponse") -> None:
        if response.prompt_feedback is not None and response.prompt_feedback.block_reason is not None:
            self.is_finished = self.has_refused = True
        reason = response.candidates[0].finish_reason if response.candidates else None
        if reason is not None:
            self.is_finished, self.has_refused = True, reason.value in REFUSALS

    def _get_metrics(self, response_usage: "GenerateContentResponseUsageMetadata") -> ReportedUsage:
        return reported(counts_of(response_usage))
