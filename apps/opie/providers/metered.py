"""The model that agents call: it asks its candidates in turn until one answers, and keeps the books.

It sits at `ainvoke` and `ainvoke_stream`, below everything in Agno that calls a model, so nothing gets around it.
"""

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, NoReturn, Self, cast

from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse

from apps.opie.providers.asking import Asking
from apps.opie.providers.attempt import Attempt
from apps.opie.providers.call import AttemptFailed
from apps.opie.providers.fallback import Fallback
from apps.opie.providers.redaction import guard_agno_logs
from apps.opie.providers.registry import get_registry
from apps.opie.providers.shapes import WantedShape, native_format
from apps.opie.providers.snapshot import Candidate


class MeteredModel(Model):
    """An Agno model that asks one of its candidates and keeps the books.

    It holds no state of a call and no client: copies share everything, and any loop may use it. Synchronous calls are
    refused. Raises NoRunScope outside a run, PlatformFailed when no platform could answer, and LimitExceeded or
    BudgetExceeded when the person may not ask.
    """

    def __init__(self, candidates: tuple[Candidate, ...]) -> None:
        if not candidates:
            raise ValueError("A MeteredModel needs at least one candidate.")
        guard_agno_logs()
        first = candidates[0]
        super().__init__(
            id=first.model,
            name="MeteredModel",
            provider=first.platform.platform_name,
            retries=0,
            retry_with_guidance=False,
        )
        self.candidates = candidates
        # What every answer has to fit, if anything; copies want the same.
        self.wanted: WantedShape | None = None
        self._face = _face_of(first)

    @property  # looked at when a shape is asked for: no SDK is imported for it before
    def supports_native_structured_outputs(self) -> bool:
        """Whoever answers has to understand what was asked: only what all can do is asked for."""
        return all(
            one.platform.supports_json_mode and _face_of(one).supports_native_structured_outputs
            for one in self.candidates
        )

    @supports_native_structured_outputs.setter
    def supports_native_structured_outputs(self, _: bool) -> None:
        """Agno's default, which says nothing."""

    @property
    def supports_json_schema_outputs(self) -> bool:
        return all(
            one.platform.supports_json_mode and _face_of(one).supports_json_schema_outputs for one in self.candidates
        )

    @supports_json_schema_outputs.setter
    def supports_json_schema_outputs(self, _: bool) -> None:
        """As above."""

    def want(self, schema: dict[str, Any], *, has_tools: bool) -> bool:
        """Ask for answers that fit this JSON Schema from now on. False where the vendors' own means do not reach for
        all that may answer: then the model has to be told in words, too."""
        self.wanted = WantedShape(schema)
        return all(native_format(one, self.wanted, has_tools=has_tools) is not None for one in self.candidates)

    async def ainvoke(
        self,
        messages: list[Message],
        assistant_message: Message,
        tools: list[dict[str, Any]] | None = None,
        **asked: Any,
    ) -> ModelResponse:
        """One answer, whole."""
        fallback = Fallback(self.candidates, Asking(messages, assistant_message, tools, self._with_wish(asked)))
        response, _ = await answer_and_attempt(fallback)
        return response

    async def ainvoke_stream(
        self,
        messages: list[Message],
        assistant_message: Message,
        tools: list[dict[str, Any]] | None = None,
        **asked: Any,
    ) -> AsyncIterator[ModelResponse]:
        """One answer, as it is written. Tool calls come last, and whole, whatever pieces the vendor sent."""
        fallback = Fallback(self.candidates, Asking(messages, assistant_message, tools, self._with_wish(asked)))
        while True:
            attempt = await fallback.next_attempt()
            try:
                async with aclosing(cast("AsyncGenerator[ModelResponse]", attempt.stream())) as deltas:
                    async for delta in deltas:
                        yield delta
            except AttemptFailed as error:
                await fallback.failed(attempt, error)
            except (asyncio.CancelledError, GeneratorExit):
                await fallback.abandoned(attempt)
                raise
            else:
                await fallback.succeeded(attempt)
                return

    def _with_wish(self, asked: dict[str, Any]) -> dict[str, Any]:
        return asked if self.wanted is None else asked | {"response_format": self.wanted}

    def invoke(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("Models in Opie are asked asynchronously: use arun().")

    def invoke_stream(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("Models in Opie are asked asynchronously: use arun().")

    def _parse_provider_response(self, response: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("The platform's own model parses what the platform said.")

    def _parse_provider_response_delta(self, response: Any) -> NoReturn:
        raise NotImplementedError("The platform's own model parses what the platform said.")

    def get_system_message_for_model(self, tools: list[Any] | None = None) -> str | None:
        return self._face.get_system_message_for_model(tools)

    def get_instructions_for_model(self, tools: list[Any] | None = None) -> list[str] | None:
        return self._face.get_instructions_for_model(tools)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Agno copies models freely; all copies share the candidates, the clients and the books."""
        return copy.copy(self)


def _face_of(candidate: Candidate) -> Model:
    """What the candidate's own model can do and wants to be told; it is never asked to answer."""
    return get_registry()[candidate.platform.api_type].build(candidate, None)


async def answer_and_attempt(fallback: Fallback) -> tuple[ModelResponse, Attempt]:
    """The whole answer of the first candidate that has one, and the attempt that got it. Raises as `Fallback.next_attempt` does."""
    while True:
        attempt = await fallback.next_attempt()
        try:
            response = await attempt.whole()
        except AttemptFailed as error:
            await fallback.failed(attempt, error)
        except asyncio.CancelledError:
            await fallback.abandoned(attempt)
            raise
        else:
            await fallback.succeeded(attempt)
            return response, attempt
