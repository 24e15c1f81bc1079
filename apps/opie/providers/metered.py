"""The model that agents call: every call is written down before it is made and settled after it, however it ends.

It sits at `ainvoke` and `ainvoke_stream`, below everything in Agno that calls a model, so nothing gets around it.
"""

import asyncio
import copy
import logging
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, NoReturn, Self, TypeVar, cast
from uuid import UUID

from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse

from apps.api.errors import PlatformFailed
from apps.opie import rows
from apps.opie.ledger.calls import PricedAs, open_call, settle_call
from apps.opie.ledger.tokens import NO_TOKENS, TokenCounts
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.clients import client_for
from apps.opie.providers.estimates import estimated_input, size_of, size_of_tool_call, tokens_of_size
from apps.opie.providers.failures import Failure, VendorError, failure_of, platform_failed, vendor_error
from apps.opie.providers.redaction import guard_agno_logs, redact
from apps.opie.providers.registry import get_registry
from apps.opie.providers.reported import ReportedUsage, usage_in
from apps.opie.providers.snapshot import Candidate
from apps.opie.scope import require_scope

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Settlements that outlive their cancelled caller; the loop keeps only weak references to tasks.
_background: set[asyncio.Task[Any]] = set()


class MeteredModel(Model):
    """An Agno model that asks one of its candidates and keeps the books.

    It holds no state of a call and no client: copies share everything, and any loop may use it. Synchronous calls are
    refused. Raises NoRunScope outside a run, and PlatformFailed when the platform could not answer.
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
        # Only asked what it can do and what it wants to be told; never asked to answer.
        self._face = get_registry()[first.platform.api_type].build(first, None)
        self.supports_native_structured_outputs = self._face.supports_native_structured_outputs
        self.supports_json_schema_outputs = self._face.supports_json_schema_outputs

    async def ainvoke(
        self,
        messages: list[Message],
        assistant_message: Message,
        tools: list[dict[str, Any]] | None = None,
        **asked: Any,
    ) -> ModelResponse:
        """One answer, whole."""
        call = await _Call.open(self.candidates[0], messages, tools)
        try:
            async with call.inner() as inner:
                response = await inner.ainvoke(
                    messages=messages, assistant_message=assistant_message, tools=tools, **asked
                )
        except asyncio.CancelledError:
            await call.settle_cancelled()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the call is settled, then raised again
            raise await call.settle_failed(error) from vendor_error(error)
        call.observe(response)
        await call.settle_answered()
        return response

    async def ainvoke_stream(
        self,
        messages: list[Message],
        assistant_message: Message,
        tools: list[dict[str, Any]] | None = None,
        **asked: Any,
    ) -> AsyncIterator[ModelResponse]:
        """One answer, as it is written. Tool calls come last, and whole, whatever pieces the vendor sent."""
        call = await _Call.open(self.candidates[0], messages, tools)
        pieces: list[Any] = []
        try:
            async with call.inner() as inner:
                answer = inner.ainvoke_stream(
                    messages=messages, assistant_message=assistant_message, tools=tools, **asked
                )
                async with aclosing(cast("AsyncGenerator[ModelResponse]", answer)) as deltas:
                    async for delta in deltas:
                        call.observe(delta)
                        pieces.extend(delta.tool_calls or [])
                        delta.tool_calls = []
                        yield delta
                tool_calls = [whole for whole in inner.parse_tool_calls(pieces) if whole]
        except (asyncio.CancelledError, GeneratorExit):
            await call.settle_cancelled()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the call is settled, then raised again
            raise await call.settle_failed(error) from vendor_error(error)
        await call.settle_answered()
        if tool_calls:
            yield ModelResponse(tool_calls=tool_calls)

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


class _Call:
    """One call under way: its clock, what came so far, and its row."""

    def __init__(self, candidate: Candidate, messages: list[Message], tools: list[dict[str, Any]] | None) -> None:
        self.candidate = candidate
        self.call_id: UUID | None = None
        self.adapter = get_registry()[candidate.platform.api_type]
        self._messages, self._tools = messages, tools
        self._started = time.monotonic()
        self._first_token_at: float | None = None
        self._size = 0
        self._usage: ReportedUsage | None = None

    @classmethod
    async def open(cls, candidate: Candidate, messages: list[Message], tools: list[dict[str, Any]] | None) -> Self:
        """Write the call down. Cancelled meanwhile, the row is settled as never sent."""
        scope = require_scope()
        call = cls(candidate, messages, tools)
        opening = asyncio.create_task(rows.run(open_call, scope, candidate.platform, candidate.model))
        try:
            call.call_id = await asyncio.shield(opening)
        except asyncio.CancelledError:
            _in_background(_settle_unsent(opening))
            raise
        call._started = time.monotonic()
        return call

    @asynccontextmanager
    async def inner(self) -> AsyncIterator[Model]:
        """The platform's own model, around the shared client."""
        async with client_for(self.candidate.platform, self.adapter) as client:
            yield self.adapter.build(self.candidate, client)

    def observe(self, delta: ModelResponse) -> None:
        """Note what a piece of the answer tells about time and tokens."""
        size = size_of(delta.content) + size_of(delta.reasoning_content)
        size += sum(map(size_of_tool_call, delta.tool_calls or ()))
        if size and self._first_token_at is None:
            self._first_token_at = time.monotonic()
        self._size += size
        self._usage = usage_in(delta) or self._usage

    async def settle_answered(self) -> None:
        """Settle a call that ended by itself. Raises PlatformFailed when nothing at all had come."""
        if not self._size and self._usage is None:
            raise await self.settle_failed(VendorError("The answer was empty.")) from None
        tokens, certainty = self._tokens()
        await self._settle(tokens, certainty, CallOutcome.SUCCEEDED)

    async def settle_cancelled(self) -> None:
        tokens, certainty = self._tokens()
        await self._settle(tokens, certainty, CallOutcome.CANCELLED)

    async def settle_failed(self, error: Exception) -> PlatformFailed:
        """Settle a call that the platform's side ended; returns the error for the person."""
        failure = failure_of(error, after_first_token=self._first_token_at is not None)
        self._log(failure, error)
        tokens, certainty = self._tokens()
        if not failure.was_sent or (failure.was_refused and self._usage is None):
            tokens, certainty = NO_TOKENS, Certainty.ESTIMATED
        await self._settle(tokens, certainty, self._outcome_of(failure), failure.code)
        return platform_failed(failure, self.candidate.platform.platform_name, self.candidate.model)

    def _outcome_of(self, failure: Failure) -> CallOutcome:
        if self._first_token_at is not None:
            return CallOutcome.INTERRUPTED
        return CallOutcome.FAILED if failure.was_sent else CallOutcome.UNSENT

    def _tokens(self) -> tuple[TokenCounts, Certainty]:
        """What the platform reported, else an estimate of what was sent and came back."""
        if self._usage is not None and self._usage.tokens is not None and self._usage.tokens.is_known:
            return self._usage.tokens, self._usage.certainty
        sent = estimated_input(self._messages, self._tools)
        return TokenCounts(input=sent, output=tokens_of_size(self._size)), Certainty.ESTIMATED

    async def _settle(
        self, tokens: TokenCounts, certainty: Certainty, outcome: CallOutcome, error_code: str = ""
    ) -> None:
        """Close the row, even when the caller is cancelled while it is being closed."""
        assert self.call_id is not None  # noqa: S101 - open() gave it
        platform = self.candidate.platform
        settling = rows.run(
            settle_call,
            self.call_id,
            tokens=tokens,
            certainty=certainty,
            outcome=outcome,
            latency_ms=_milliseconds(time.monotonic() - self._started),
            time_to_first_token_ms=None
            if self._first_token_at is None
            else _milliseconds(self._first_token_at - self._started),
            error_code=error_code,
            priced_as=PricedAs(platform.api_type, platform.base_url, self.candidate.model),
        )
        await asyncio.shield(_in_background(settling))

    def _log(self, failure: Failure, error: Exception) -> None:
        where = f"{self.candidate.platform.platform_name}/{self.candidate.model}"
        logger.warning("%s: %s; %s", where, failure.code, vendor_error(error))
        logger.debug("%s", redact("".join(traceback.format_exception(error))))


async def _settle_unsent(opening: "asyncio.Task[UUID]") -> None:
    call_id = await opening
    certainty, outcome = Certainty.ESTIMATED, CallOutcome.UNSENT
    await rows.run(settle_call, call_id, tokens=NO_TOKENS, certainty=certainty, outcome=outcome)


def _in_background(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """A task that is finished whatever happens to its caller."""
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))
