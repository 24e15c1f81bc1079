"""One call to one platform: written down before it is made and settled after it, however it ends."""

import asyncio
import logging
import time
import traceback
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol, Self, TypeVar

from django.db import OperationalError

from apps.opie import rows
from apps.opie.ledger.calls import HowItEnded
from apps.opie.ledger.tokens import NO_TOKENS, TokenCounts
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers import failures
from apps.opie.providers.books import Need, OpenedCall, open_books, settle_books
from apps.opie.providers.failures import Failure, failure_of, vendor_error
from apps.opie.providers.redaction import redact
from apps.opie.providers.snapshot import Candidate
from apps.opie.scope import RunScope

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRIES_TO_SETTLE = 3

# Settlements that outlive their cancelled caller; the loop keeps only weak references to tasks.
_background: set[asyncio.Task[Any]] = set()


class Asked(Protocol):
    """What is asked of a model, as far as letting it in needs to know."""

    @property
    def estimated_tokens(self) -> int: ...
    @property
    def most_tokens(self) -> int: ...


class AttemptFailed(Exception):  # noqa: N818 - it reads as what happened
    """The platform's side ended an attempt. Its row is settled."""

    def __init__(self, failure: Failure, error: Exception) -> None:
        super().__init__(failure.code)
        self.failure, self.detail = failure, str(vendor_error(error))
        self.retry_after = failures.retry_after_of(error)


class Call:
    """A call under way: its clock and its row. Who makes one says what came of it: `tokens`, and `has_begun`."""

    @property
    def has_begun(self) -> bool:
        """Whether anything of the answer has come."""
        return False

    def __init__(self, candidate: Candidate, asked: Asked, number: int) -> None:
        self.candidate, self.number = candidate, number
        self.is_probe = False
        self.opened: OpenedCall | None = None
        self._estimated_input = asked.estimated_tokens
        self._started = time.monotonic()

    @classmethod
    async def open(cls, scope: RunScope, candidate: Candidate, asked: Asked, number: int) -> Self:
        """Let it in and write it down. Cancelled meanwhile, its row is settled as never sent.

        Raises PlatformLimitReached, LimitExceeded and BudgetExceeded; then nothing is written.
        """
        call = cls(candidate, asked, number)
        need = Need(asked.estimated_tokens, asked.most_tokens)
        opening = asyncio.create_task(rows.run(open_books, scope, candidate, number, need))
        try:
            call.opened = await asyncio.shield(opening)
        except asyncio.CancelledError:
            _in_background(_settle_unsent(opening))
            raise
        call.candidate = replace(candidate, max_tokens=call.opened.max_tokens)
        call._started = time.monotonic()
        return call

    def tokens(self) -> tuple[TokenCounts, Certainty]:
        """What was billed: without anything better, what was sent, as estimated."""
        return TokenCounts(input=self._estimated_input, output=0), Certainty.ESTIMATED

    async def settle_succeeded(self) -> None:
        tokens, certainty = self.tokens()
        await self._settle(tokens, certainty, CallOutcome.SUCCEEDED)

    async def settle_cancelled(self) -> None:
        tokens, certainty = self.tokens()
        await self._settle(tokens, certainty, CallOutcome.CANCELLED)

    async def settle_failed(self, error: Exception, failure: Failure | None = None) -> AttemptFailed:
        """Settle a call that the platform's side ended; returns what to raise."""
        failure = failure or failure_of(error, after_first_token=self.has_begun)
        self._log(failure, error)
        tokens, certainty = self.tokens()
        if not failure.was_sent or (failure.was_refused and not self._was_billed):
            tokens, certainty = NO_TOKENS, Certainty.ESTIMATED
        outcome = CallOutcome.FAILED if failure.was_sent else CallOutcome.UNSENT
        await self._settle(tokens, certainty, CallOutcome.INTERRUPTED if self.has_begun else outcome, failure.code)
        return AttemptFailed(failure, error)

    @property
    def _was_billed(self) -> bool:
        """Whether the platform reported tokens, whatever else it said."""
        return False

    def _milliseconds_to_first_token(self) -> int | None:
        return None

    async def _settle(
        self, tokens: TokenCounts, certainty: Certainty, outcome: CallOutcome, error_code: str = ""
    ) -> None:
        """Close the row, even when the caller is cancelled while it is being closed."""
        assert self.opened is not None  # noqa: S101 - open() gave it
        latency = milliseconds(time.monotonic() - self._started)
        ended = HowItEnded(tokens, certainty, outcome, latency, self._milliseconds_to_first_token(), error_code)
        await asyncio.shield(_in_background(_settle_surely(self.opened, ended)))

    def _log(self, failure: Failure, error: Exception) -> None:
        where = f"{self.candidate.platform.platform_name}/{self.candidate.model}"
        logger.warning("%s: attempt %s: %s; %s", where, self.number, failure.code, vendor_error(error))
        logger.debug("%s", redact("".join(traceback.format_exception(error))))


async def _settle_surely(opened: OpenedCall, ended: HowItEnded) -> None:
    """The database may be away for a moment, or have chosen this transaction to break a deadlock."""
    for tries_left in reversed(range(TRIES_TO_SETTLE)):
        try:
            await rows.run(settle_books, opened, ended)
        except OperationalError:
            if not tries_left:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _settle_unsent(opening: "asyncio.Task[OpenedCall]") -> None:
    """Of a call that was cancelled while it was let in: whatever became of letting it in."""
    await asyncio.wait([opening])
    if opening.exception() is None:
        await _settle_surely(opening.result(), HowItEnded(NO_TOKENS, Certainty.ESTIMATED, CallOutcome.UNSENT))


def _in_background(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """A task that is finished whatever happens to its caller."""
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task


def milliseconds(seconds: float) -> int:
    """As they are written down."""
    return max(0, round(seconds * 1000))
