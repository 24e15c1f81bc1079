"""Who may go now: limits on runs when a run is opened, limits on requests and tokens before each call."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import time
from typing import Any, Protocol, Self
from uuid import UUID

from django.db import connection
from django.db.models import Q

from apps.accounts.principal import Principal
from apps.api.errors import LimitExceeded
from apps.opie.limits import windows
from apps.opie.models import AgentOSRun, Limit


class LimitedPlatform(Protocol):
    """What is asked of a platform: the row, or a snapshot of it. One without an id has no row."""

    @property
    def id(self) -> UUID | None: ...
    @property
    def platform_name(self) -> str: ...
    @property
    def requests_per_minute(self) -> int | None: ...
    @property
    def tokens_per_minute(self) -> int | None: ...


class PlatformLimitReached(LimitExceeded):
    """The platform's own limit, not the person's: another platform may still answer."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One count a call is added to: of its tokens, or of calls. `whose` begins the sentence that refuses."""

    name: str
    most: int
    whose: str
    counts_tokens: bool
    is_the_platforms: bool = False

    def amount_of(self, tokens: int) -> int:
        """What a call of so many tokens takes of it. One that is larger than the whole limit would wait for ever: it is let
        through when nothing else is there."""
        return min(tokens, self.most) if self.counts_tokens else 1


@dataclass(frozen=True, slots=True)
class Admission:
    """What a call takes of the counters that it is added to, at one moment; corrected when its tokens are known."""

    counters: tuple[Counter, ...]
    takings: tuple[windows.Taking, ...]
    moment: float

    @classmethod
    def of(cls, counters: Iterable[Counter], tokens: int) -> Self:
        """One call of so many tokens, as estimated."""
        asked = tuple(counters)
        return cls(asked, tuple(windows.Taking(one.name, one.amount_of(tokens), one.most) for one in asked), time())

    def take(self) -> None:
        """Count it, or raise LimitExceeded (PlatformLimitReached for the platform's own). A call that is refused has
        taken nothing: what one limit had counted is given back when the next refuses."""
        full = windows.take_all(self.takings, self.moment)
        if full is not None:
            raise self._refusal(full)

    def give_back(self) -> None:
        """Take back all that was counted: the call was not let in after all."""
        for taken in self.takings:
            windows.add(taken.name, -taken.amount, self.moment)

    def rows_to_take(self) -> list[dict[str, Any]]:
        """For `call_functions.admit`, where counts are in rows."""
        return windows.rows_to_take(self.takings, self.moment)

    def refused_in_rows(self, counter: dict[str, Any]) -> LimitExceeded:
        """What to raise when `call_functions.admit` found a counter full."""
        return self._refusal(windows.full_in_rows(counter, self.takings, self.moment))

    def correct(self, tokens: int | None) -> None:
        """Replace the estimate by what the call really took, once that is known."""
        for name, amount in self._corrections(tokens):
            windows.add(name, amount, self.moment)

    def rows_to_correct(self, tokens: int | None) -> list[dict[str, Any]]:
        """For `call_functions.settle`, where counts are in rows."""
        return windows.rows_to_add(self._corrections(tokens), self.moment)

    @property
    def counts_tokens(self) -> bool:
        """Whether something has to be corrected when the call's real tokens are known."""
        return any(counter.counts_tokens for counter in self.counters)

    def _corrections(self, tokens: int | None) -> list[tuple[str, int]]:
        if tokens is None:
            return []
        both = zip(self.counters, self.takings, strict=True)
        return [(taken.name, tokens - taken.amount) for counter, taken in both if counter.counts_tokens]

    def _refusal(self, full: windows.Full) -> LimitExceeded:
        counter = self.counters[full.place]
        message = (
            f"{counter.whose} may take {counter.most} {_unit(counter)} a minute. Try again in {round(full.wait)} s."
        )
        refused = PlatformLimitReached if counter.is_the_platforms else LimitExceeded
        return refused(message, retry_after=full.wait)


@dataclass(frozen=True, slots=True)
class CallLimit:
    """A limit on calls: a row of `APPLYING`."""

    id: UUID
    user_id: UUID | None
    api_key_id: UUID | None
    each_user: bool
    requests: int | None
    tokens: int | None


def admit_run(principal: Principal) -> None:
    """Refuse a run that would be one too many at once. Within the transaction that stores the run.

    The advisory lock makes counting and storing one step for each limit, in every process.
    """
    limits = Limit.objects.applying_to(principal).exclude(parallel_runs=None).filter(platform=None, model="")
    for limit in limits.order_by("pk"):
        _lock(f"runs:{limit.pk}:{principal.user_id if limit.each_user else ''}")
        live = AgentOSRun.objects.live().filter(_runs_under(limit, principal))
        if live.count() >= (limit.parallel_runs or 0):
            raise LimitExceeded(
                f"{_whose(limit)} may have {limit.parallel_runs} {_answers(limit)} in the making at once. Wait for one to end.",
                retry_after=2,
            )


def admit_call(principal: Principal, platform: LimitedPlatform, model: str, tokens: int) -> Admission:
    """Count a call and its estimated tokens. Raises as `Admission.take` does."""
    asked = asking(principal, platform, model)
    with connection.cursor() as cursor:
        cursor.execute(APPLYING, asked)
        limits = [CallLimit(*row) for row in cursor.fetchall()]
    admission = Admission.of(counters_of(principal, platform, limits), tokens)
    admission.take()
    return admission


def asking(principal: Principal, platform: LimitedPlatform, model: str) -> dict[str, Any]:
    """What `APPLYING` is asked with."""
    return {
        "team": principal.team_id,
        "user": principal.user_id,
        "key": principal.api_key_id,
        "platform": platform.id,
        "model": model,
    }


def counters_of(principal: Principal, platform: LimitedPlatform, limits: Iterable[CallLimit]) -> list[Counter]:
    """Every counter that a call is added to, in the order in which they are locked: the platform's own first."""
    whose = f"The platform {platform.platform_name}"
    numbers = platform.requests_per_minute, platform.tokens_per_minute
    found = [*_both(f"p{platform.id}", whose, *numbers, is_the_platforms=True)]
    for limit in limits:
        subject = f"l{limit.id}_{principal.user_id}" if limit.each_user else f"l{limit.id}"
        found += _both(subject, _whose(limit), limit.requests, limit.tokens)
    return found


def _answers(limit: Limit) -> str:
    return "answer" if limit.parallel_runs == 1 else "answers"


def _unit(counter: Counter) -> str:
    unit = "token" if counter.counts_tokens else "call"
    return unit if counter.most == 1 else f"{unit}s"


# LimitQuerySet.applying_to, narrowed to a platform and a model, in plain SQL: every call asks, together with what else
# it asks.
APPLYING = """
    SELECT id, user_id, api_key_id, each_user, requests_per_minute AS requests, tokens_per_minute AS tokens FROM opie_limit
    WHERE team_id = %(team)s AND is_enabled AND (user_id IS NULL OR user_id = %(user)s)
        AND (api_key_id IS NULL OR api_key_id = %(key)s) AND (platform_id IS NULL OR platform_id = %(platform)s)
        AND (model = '' OR model = %(model)s) AND (requests_per_minute IS NOT NULL OR tokens_per_minute IS NOT NULL)
    ORDER BY id
"""


def _both(
    subject: str, whose: str, requests: int | None, tokens: int | None, *, is_the_platforms: bool = False
) -> Iterator[Counter]:
    if requests:
        yield Counter(f"{subject}_r", requests, whose, False, is_the_platforms)
    if tokens:
        yield Counter(f"{subject}_t", tokens, whose, True, is_the_platforms)


def _runs_under(limit: Limit, principal: Principal) -> Q:
    runs = Q(team_id=limit.team_id)
    if limit.user_id or limit.each_user:
        runs &= Q(user_id=principal.user_id)
    if limit.api_key_id:
        runs &= Q(api_key_id=limit.api_key_id)
    return runs


def _whose(limit: Limit | CallLimit) -> str:
    if limit.api_key_id:
        return "This API key"
    return "You" if limit.user_id or limit.each_user else "Your team"


def _lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [windows.lock_number(name)])
