"""One attempt at an answer: one call to one platform, whole or streamed."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from agno.models.base import Model
from agno.models.response import ModelResponse

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models.usage import Certainty
from apps.opie.providers import ending, failures
from apps.opie.providers.asking import Asking
from apps.opie.providers.batches import in_batches, merged
from apps.opie.providers.call import Call, milliseconds
from apps.opie.providers.capabilities import format_for
from apps.opie.providers.clients import client_for
from apps.opie.providers.estimates import size_of, size_of_tool_call, tokens_of_size
from apps.opie.providers.failures import Incomplete, VendorError, vendor_error
from apps.opie.providers.foreign import mark_of, messages_for, with_usable_ids
from apps.opie.providers.registry import get_registry
from apps.opie.providers.reported import ReportedUsage, usage_in
from apps.opie.providers.snapshot import Candidate


class Attempt(Call):
    """One call under way: its clock, what came so far, and its row."""

    def __init__(self, candidate: Candidate, asking: Asking, number: int) -> None:
        super().__init__(candidate, asking, number)
        self.adapter = get_registry()[candidate.platform.api_type]
        self._asking = asking
        self._first_token_at: float | None = None
        self._size = 0
        self._usage: ReportedUsage | None = None
        self._model: Model | None = None

    async def whole(self) -> ModelResponse:
        """The answer at once. Raises AttemptFailed."""
        try:
            async with self._asked() as model:
                response = await model.ainvoke(**self._arguments())
        except asyncio.CancelledError:
            await self.settle_cancelled()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the call is settled, then raised again
            raise await self.settle_failed(error) from vendor_error(error)
        self._observe(response)
        await self._end()
        if response.tool_calls:
            response.tool_calls = with_usable_ids(response.tool_calls)
        self._mark(response)
        return response

    async def stream(self) -> AsyncIterator[ModelResponse]:
        """The answer as it is written. What comes before the first token is held back until then; tool calls come
        last, and whole, whatever pieces the vendor sent. Raises AttemptFailed."""
        pieces: list[Any] = []
        held: list[ModelResponse] = []
        try:
            async with self._asked() as model:
                answer = cast("AsyncGenerator[ModelResponse]", model.ainvoke_stream(**self._arguments()))
                async with aclosing(in_batches(answer)) as batches:
                    async for batch in batches:
                        for delta in batch:
                            self._observe(delta)
                            pieces.extend(delta.tool_calls or [])
                            delta.tool_calls, delta.response_usage = [], None
                        held = merged([*held, *batch])
                        while held and self.has_begun:
                            self._mark(held[0])
                            yield held.pop(0)
        except (asyncio.CancelledError, GeneratorExit):
            await self.settle_cancelled()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the call is settled, then raised again
            if not ending.has_said_all(self._model):
                raise await self.settle_failed(error) from vendor_error(error)
        tool_calls = await self._whole_tool_calls(pieces)
        await self._end()
        for delta in held:
            yield delta
        yield self._last(tool_calls)

    @property
    def has_begun(self) -> bool:
        """Whether anything of the answer has come."""
        return self._first_token_at is not None

    def tokens(self) -> tuple[TokenCounts, Certainty]:
        """What the platform reported, else an estimate of what was sent and came back."""
        written = tokens_of_size(self._size)
        if self._usage is not None and self._usage.tokens is not None and self._usage.tokens.is_known:
            certainty = self._usage.certainty if self._is_complete else Certainty.ESTIMATED
            return self._usage.tokens, certainty
        at_start = ending.billed_at_start(self._model)
        if at_start is not None and at_start.input is not None:
            return replace(at_start, output=max(written, at_start.output or 0)), Certainty.ESTIMATED
        return TokenCounts(input=self._asking.estimated_tokens, output=written), Certainty.ESTIMATED

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[Model]:
        """The platform's own model, around the shared client."""
        async with client_for(self.candidate.platform, self.adapter) as client:
            self._model = self.adapter.build(self.candidate, client)
            yield self._model

    def _arguments(self) -> dict[str, Any]:
        more = self._asking.more
        if "response_format" in more:
            asked = format_for(self.candidate, more["response_format"], has_tools=bool(self._asking.tools))
            more = more | {"response_format": asked}
        return {
            "messages": messages_for(self.candidate, self._asking.messages),
            "assistant_message": self._asking.assistant_message,
            "tools": self._asking.tools,
            **more,
        }

    @property
    def _is_complete(self) -> bool:
        return self._model is not None and ending.is_finished(self._model)

    def _observe(self, delta: ModelResponse) -> None:
        """Note what a piece of the answer tells about time and tokens. Of several reports the last one counts."""
        size = size_of(delta.content) + size_of(delta.reasoning_content)
        size += sum(map(size_of_tool_call, delta.tool_calls or ()))
        if (size or delta.images or delta.audio) and self._first_token_at is None:
            self._first_token_at = time.monotonic()
        self._size += size
        usage = usage_in(delta)
        if usage is not None and (self._usage is None or (usage.tokens is not None and usage.tokens.is_known)):
            self._usage = usage

    async def _whole_tool_calls(self, pieces: list[Any]) -> list[dict[str, Any]]:
        assert self._model is not None  # noqa: S101 - it has answered
        try:
            whole = [call for call in self._model.parse_tool_calls(pieces) if call]
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            raise await self.settle_failed(error) from vendor_error(error)
        return with_usable_ids(whole)

    def _last(self, tool_calls: list[dict[str, Any]]) -> ModelResponse:
        last = ModelResponse(tool_calls=tool_calls)
        last.response_usage = self._usage
        if tool_calls:
            self._mark(last)
        return last

    def _mark(self, delta: ModelResponse) -> None:
        """Leave a mark in the answer by which its vendor's own data is known again."""
        says_something = delta.content or delta.reasoning_content or delta.tool_calls
        if says_something and (mark := mark_of(self.candidate)):
            delta.provider_data = (delta.provider_data or {}) | mark

    async def _end(self) -> None:
        """Settle a call that ended by itself. Raises AttemptFailed when what came is no answer."""
        if ending.has_refused(self._model):
            raise await self.settle_failed(VendorError("The content was refused."), failures.CONTENT_REFUSED)
        if not self._is_complete:
            raise await self.settle_failed(Incomplete("The stream ended without an end of the answer."))
        if not self.has_begun and not self._may_be_silent():
            raise await self.settle_failed(VendorError("The answer was empty."), failures.EMPTY)
        await self.settle_succeeded()

    def _may_be_silent(self) -> bool:
        """After its tools have done what was asked for, a model may have nothing to add."""
        return self._usage is not None and bool(self._asking.messages) and self._asking.messages[-1].role == "tool"

    @property
    def _was_billed(self) -> bool:
        return self._usage is not None

    def _milliseconds_to_first_token(self) -> int | None:
        first = self._first_token_at
        return None if first is None else milliseconds(first - self._started)
