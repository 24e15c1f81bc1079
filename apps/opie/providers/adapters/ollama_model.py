"""Agno's Ollama, with usage kept as it was reported."""

from typing import TYPE_CHECKING, Any

from agno.models.ollama import Ollama
from pydantic import BaseModel

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.providers.ending import TellsItsEnd
from apps.opie.providers.reported import ReportedUsage, reported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agno.models.response import ModelResponse
    from ollama import ChatResponse


def counts_of(response: "ChatResponse | dict[str, Any]") -> TokenCounts:
    """Ollama leaves out the prompt's count when all of it was in its cache: then it is not known."""
    return TokenCounts(input=response.get("prompt_eval_count"), output=response.get("eval_count"))


class ReportingOllama(TellsItsEnd, Ollama):
    """A model served by Ollama. Agno forgets the shape of an answer when it streams or is a schema, and what the model
    thought."""

    async def ainvoke(self, *args: Any, **more: Any) -> "ModelResponse":
        self._take_format(more.get("response_format"))
        return await super().ainvoke(*args, **more)

    def ainvoke_stream(self, *args: Any, **more: Any) -> "AsyncIterator[ModelResponse]":
        self._take_format(more.get("response_format"))
        return super().ainvoke_stream(*args, **more)

    def _take_format(self, response_format: Any) -> None:
        if isinstance(response_format, type) and issubclass(response_format, BaseModel):
            self.format = response_format.model_json_schema()
        elif isinstance(response_format, dict) and "schema" in response_format:
            self.format = response_format["schema"]

    def _parse_provider_response(self, response: Any, **more: Any) -> "ModelResponse":
        return self._heard(response, super()._parse_provider_response(response, **more))

    def _parse_provider_response_delta(self, response: Any) -> "ModelResponse":
        return self._heard(response, super()._parse_provider_response_delta(response))

    def _heard(self, response: Any, parsed: "ModelResponse") -> "ModelResponse":
        self.is_finished = self.is_finished or bool(response.get("done"))
        message = response.get("message")
        if message is not None and (thought := message.get("thinking")):
            parsed.reasoning_content = thought
        return parsed

    def _get_metrics(self, response: "ChatResponse | dict[str, Any]") -> ReportedUsage:
        return reported(counts_of(response))
