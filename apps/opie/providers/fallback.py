"""Which platform is asked next, and when none is left: the policy between attempts.

Up to two attempts at each candidate, with a pause that obeys the platform's own wish; then the next candidate. The
table of what follows which failure is in docs/platforms.md, and a test holds it to this code.
"""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from apps.api.errors import BudgetExceeded, OpieError, PlatformFailed
from apps.opie import rows
from apps.opie.ledger.calls import note_unsent
from apps.opie.limits.admission import PlatformLimitReached
from apps.opie.providers import failures, health
from apps.opie.providers.afterwords import keep_afterword
from apps.opie.providers.asking import Asking
from apps.opie.providers.attempt import Attempt
from apps.opie.providers.books import Need, costing_nothing
from apps.opie.providers.call import Asked, AttemptFailed, Call
from apps.opie.providers.capabilities import fitted, what_it_cannot
from apps.opie.providers.failures import Failure, Then, VendorError
from apps.opie.providers.snapshot import Candidate
from apps.opie.scope import RunScope, require_scope

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.5

C = TypeVar("C", bound=Call)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often one platform is asked, and how many seconds are waited: between two attempts, and in all."""

    attempts: int
    longest_pause: float
    longest_wait: float


# Whoever waits for an answer is better served by the next platform than by a longer wait.
OF_A_PERSON = Patience(attempts=2, longest_pause=5.0, longest_wait=10.0)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why one platform did not answer."""

    candidate: Candidate
    failure: Failure
    detail: str = ""
    limit: str = ""
    retry_after: float | None = None

    @property
    def message(self) -> str:
        name = self.candidate.platform.platform_name
        return self.failure.message.format(platform=name, model=self.candidate.model, limit=self.limit)

    @property
    def in_short(self) -> str:
        return f"{self.candidate.platform.platform_name} {self.failure.in_short}"


class InTurn(ABC, Generic[C]):
    """One request on its way through the candidates. Get an attempt, make it, and say how it ended."""

    def __init__(
        self,
        scope: RunScope,
        candidates: tuple[Candidate, ...],
        asked: Asked,
        *,
        respects_rest: bool = True,
        patience: Patience = OF_A_PERSON,
    ) -> None:
        self._scope, self._candidates, self._asked = scope, candidates, asked
        self._respects_rest, self._patience = respects_rest, patience
        self._index = 0
        self._tries = 0
        self._number = 0
        self._pause = 0.0
        self._waited = 0.0
        self._exceeded: BudgetExceeded | None = None
        self.causes: list[Cause] = []

    async def next_attempt(self) -> C:
        """The next attempt to make, on record. Raises PlatformFailed when no candidate is left, and LimitExceeded or
        BudgetExceeded where the person may not go on."""
        if self._pause:
            await asyncio.sleep(self._pause)
            self._waited, self._pause = self._waited + self._pause, 0.0
        while self._index < len(self._candidates):
            attempt = await self._attempt_at(self._candidates[self._index])
            if attempt is not None:
                return attempt
            self._go_on()
        raise self._nobody()

    async def succeeded(self, attempt: C) -> None:
        """The attempt was an answer."""
        await health.note_success(attempt.candidate.platform)

    async def failed(self, attempt: C, error: AttemptFailed) -> None:
        """The attempt was none: decide what is next. Raises PlatformFailed when that is to tell the person."""
        failure = error.failure
        cause = Cause(attempt.candidate, failure, error.detail, retry_after=error.retry_after)
        self.causes.append(cause)
        await health.note_failure(attempt.candidate.platform, failure)
        if attempt.is_probe and not failure.is_sickness and failure.then is not Then.REST:
            await health.note_success(attempt.candidate.platform)  # it is well enough to refuse
        if failure.then is Then.STOP:
            raise self._as_error(cause)
        pause = self._pause_after(cause)
        if failure.then is Then.RETRY and self._may_retry(pause) and not attempt.is_probe:
            self._pause = pause
        else:
            self._go_on()

    async def abandoned(self, attempt: C) -> None:
        """The caller is gone, and how the platform is doing was not learnt."""
        if attempt.is_probe:
            await health.give_probe_back(attempt.candidate.platform)

    @abstractmethod
    def _limit_of(self, candidate: Candidate) -> str:
        """What this request is beyond at this candidate, in words; empty where it can be asked."""

    @abstractmethod
    async def _open(self, candidate: Candidate) -> C:
        """The next call to this candidate, let in and on record. Raises as `Call.open` does."""

    async def _attempt_at(self, candidate: Candidate) -> C | None:
        """An attempt at this candidate; None, with the cause noted, when it cannot be asked now."""
        limit = self._limit_of(candidate)
        if limit:
            await self._note_unsent(Cause(candidate, failures.CANNOT, limit=limit))
            return None
        permit = await health.permit_for(candidate.platform) if self._respects_rest else health.ASK
        if not permit.may_ask:
            self.causes.append(Cause(candidate, failures.RESTING, limit=permit.why, retry_after=permit.wait))
            return None
        self._number += 1
        attempt = await self._opened(candidate, is_probe=permit.is_probe)
        if attempt is None:
            return None
        attempt.is_probe = permit.is_probe
        self._tries += 1
        return attempt

    async def _opened(self, candidate: Candidate, *, is_probe: bool) -> C | None:
        """The attempt, let in and on record; None, with the cause noted, when another platform may be."""
        attempt = None
        try:
            attempt = await self._open(candidate)
        except PlatformLimitReached as error:
            limited = Cause(candidate, failures.PLATFORM_LIMIT, limit=error.message, retry_after=error.retry_after)
            await self._note_unsent(limited)
        except BudgetExceeded as error:
            await self._go_on_for_nothing(candidate, error)
        except OpieError as error:
            keep_afterword(self._scope.run_id, error)
            raise
        finally:
            if attempt is None and is_probe:
                await health.give_probe_back(candidate.platform)
        return attempt

    async def _go_on_for_nothing(self, candidate: Candidate, error: BudgetExceeded) -> None:
        """Keep of the candidates that follow those that cost nothing. Raises the error when there are none."""
        need = Need(self._asked.estimated_tokens, self._asked.most_tokens)
        later = self._candidates[self._index + 1 :]
        free = await rows.run(costing_nothing, self._scope.principal, later, need) if later else ()
        if not free:
            keep_afterword(self._scope.run_id, error)
            raise error
        self._candidates = (*self._candidates[: self._index + 1], *free)
        self._exceeded = error
        failure = replace(failures.BEYOND_BUDGET, code=error.code)
        await self._note_unsent(Cause(candidate, failure, limit=error.message))

    async def _note_unsent(self, cause: Cause) -> None:
        self.causes.append(cause)
        self._number += cause.failure is failures.CANNOT
        candidate = cause.candidate
        logger.warning("%s: not asked: %s", candidate.platform.platform_name, cause.message)
        await rows.run(note_unsent, self._scope, candidate.platform, candidate.model, self._number, cause.failure.code)

    def _pause_after(self, cause: Cause) -> float:
        if cause.retry_after is not None:
            return cause.retry_after
        longest = FIRST_PAUSE * 2 ** (self._tries - 1)
        return random.uniform(longest / 2, longest)  # noqa: S311 - so that callers do not come back in step

    def _may_retry(self, pause: float) -> bool:
        return (
            self._tries < self._patience.attempts
            and pause <= self._patience.longest_pause
            and self._waited + pause <= self._patience.longest_wait
        )

    def _go_on(self) -> None:
        self._index += 1
        self._tries = 0

    def _nobody(self) -> OpieError:
        """The last that was really asked speaks for all; when all rest, the one that is back first. Where a budget let
        only what costs nothing be asked, that is what the person is told."""
        tried = [cause for cause in self.causes if cause.failure is not failures.RESTING]
        speaker = tried[-1] if tried else min(self.causes, key=lambda cause: cause.retry_after or 0.0)
        logger.error("nobody answered: %s", "; ".join(f"{cause.in_short} ({cause.detail})" for cause in self.causes))
        return self._as_error(speaker) if self._exceeded is None else self._as_exceeded(self._exceeded)

    def _as_exceeded(self, exceeded: BudgetExceeded) -> BudgetExceeded:
        others = dict.fromkeys(
            one.in_short for one in self.causes if one.failure.then is not Then.NEXT or not one.limit
        )
        also = f" Also tried: {', '.join(others)}." if others else ""
        error = BudgetExceeded(exceeded.message + also, code=exceeded.code, headers=exceeded.headers)
        keep_afterword(self._scope.run_id, error)
        return error

    def _as_error(self, speaker: Cause) -> PlatformFailed:
        """What the person is told, with what operators have to know as its cause."""
        others = dict.fromkeys(cause.in_short for cause in self.causes if cause.candidate != speaker.candidate)
        also = f" Also tried: {', '.join(others)}." if others else ""
        error = PlatformFailed(speaker.message + also, code=speaker.failure.code)
        waits = [cause.retry_after for cause in self.causes if cause.retry_after is not None]
        if waits and speaker.failure.then is not Then.STOP:
            error.headers["Retry-After"] = str(max(1, round(min(waits))))
        error.__cause__ = VendorError(
            "; ".join(f"{cause.in_short}: {cause.failure.code} {cause.detail}" for cause in self.causes)
        )
        keep_afterword(self._scope.run_id, error)
        return error


class Fallback(InTurn[Attempt]):
    """A question on its way, in the scope that is set. Raises NoRunScope where there is none."""

    def __init__(self, candidates: tuple[Candidate, ...], asking: Asking, *, respects_rest: bool = True) -> None:
        super().__init__(require_scope(), candidates, asking, respects_rest=respects_rest)
        self._asking = asking

    async def succeeded(self, attempt: Attempt) -> None:
        """As above; which platforms failed before is noted with the answer."""
        await super().succeeded(attempt)
        if self.causes and self._scope.purpose == "answer":
            self._scope.notes.setdefault("failed_attempts", []).extend(cause.in_short for cause in self.causes)

    def _limit_of(self, candidate: Candidate) -> str:
        return what_it_cannot(candidate, self._asking)

    async def _open(self, candidate: Candidate) -> Attempt:
        return await Attempt.open(self._scope, fitted(candidate, self._asking), self._asking, self._number)
