"""Who may go now: limits on runs when a run is opened, limits on requests and tokens before each call."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import time
from typing import Protocol
from uuid import UUID

from django.db import connection
from django.db.models import Q

from apps.accounts.principal import Principal
from apps.api.errors import LimitExceeded
from apps.opie.limits import windows
from apps.opie.models import AgentOSRun, Limit


class LimitedPlatform(Protocol):
    """What is asked of a platform: the row, or a snapshot of it."""

    @property
    def id(self) -> UUID: ...
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


@dataclass(frozen=True, slots=True)
class Taken:
    """What was counted, where and when."""

    counter: Counter
    amount: int
    moment: float

    def correct(self, amount: int) -> None:
        windows.add(self.counter.name, amount - self.amount, self.moment)


@dataclass(frozen=True, slots=True)
class Admission:
    """What a call has taken: its tokens are corrected when its real ones are known."""

    taken: list[Taken] = field(default_factory=list)

    @property
    def counts_tokens(self) -> bool:
        """Whether something has to be corrected when the call's real tokens are known."""
        return any(taken.counter.counts_tokens for taken in self.taken)


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
    """Count a call and its estimated tokens, or raise LimitExceeded (PlatformLimitReached for the platform's own).

    A call that is refused has taken nothing: what one limit had counted is given back when the next refuses.
    """
    admission = Admission()
    try:
        for counter in _platform_counters(platform):
            _take(counter, tokens, admission, PlatformLimitReached)
        for counter in _counters(principal, platform, model):
            _take(counter, tokens, admission, LimitExceeded)
    except LimitExceeded:
        for taken in admission.taken:
            taken.correct(0)
        raise
    return admission


def correct(admission: Admission, tokens: int | None) -> None:
    """Replace the estimate by what the call really took, once that is known."""
    if tokens is None:
        return
    for taken in admission.taken:
        if taken.counter.counts_tokens:
            taken.correct(tokens)


def _take(counter: Counter, tokens: int, admission: Admission, refused: type[LimitExceeded]) -> None:
    # One call that is larger than the whole limit would wait for ever: it is let through when nothing else is there.
    amount = min(tokens, counter.most) if counter.counts_tokens else 1
    moment = time()
    wait = windows.take(counter.name, amount, counter.most, lambda: moment)
    if wait is not None:
        what = f"{counter.most} {_unit(counter)}"
        raise refused(f"{counter.whose} may take {what} a minute. Try again in {round(wait)} s.", retry_after=wait)
    admission.taken.append(Taken(counter, amount, moment))


def _answers(limit: Limit) -> str:
    return "answer" if limit.parallel_runs == 1 else "answers"


def _unit(counter: Counter) -> str:
    unit = "token" if counter.counts_tokens else "call"
    return unit if counter.most == 1 else f"{unit}s"


def _platform_counters(platform: LimitedPlatform) -> Iterator[Counter]:
    whose = f"The platform {platform.platform_name}"
    return _both(f"p{platform.id}", whose, platform.requests_per_minute, platform.tokens_per_minute)


def _counters(principal: Principal, platform: LimitedPlatform, model: str) -> Iterator[Counter]:
    asked = {
        "team": principal.team_id,
        "user": principal.user_id,
        "key": principal.api_key_id,
        "platform": platform.id,
        "model": model,
    }
    with connection.cursor() as cursor:
        cursor.execute(_APPLYING, asked)
        found = [
            (Limit(id=pk, user_id=user, api_key_id=key, each_user=each), rpm, tpm)
            for pk, user, key, each, rpm, tpm in cursor.fetchall()
        ]
    for limit, requests, tokens in found:
        subject = f"l{limit.pk}_{principal.user_id}" if limit.each_user else f"l{limit.pk}"
        yield from _both(subject, _whose(limit), requests, tokens)


# LimitQuerySet.applying_to, narrowed to a platform and a model, in plain SQL: every call of a limited team asks.
_APPLYING = """
    SELECT id, user_id, api_key_id, each_user, requests_per_minute, tokens_per_minute FROM opie_limit
    WHERE team_id = %(team)s AND is_enabled AND (user_id IS NULL OR user_id = %(user)s)
        AND (api_key_id IS NULL OR api_key_id = %(key)s) AND (platform_id IS NULL OR platform_id = %(platform)s)
        AND (model = '' OR model = %(model)s) AND (requests_per_minute IS NOT NULL OR tokens_per_minute IS NOT NULL)
    ORDER BY id
"""


def _both(subject: str, whose: str, requests: int | None, tokens: int | None) -> Iterator[Counter]:
    if requests:
        yield Counter(f"{subject}_r", requests, whose, counts_tokens=False)
    if tokens:
        yield Counter(f"{subject}_t", tokens, whose, counts_tokens=True)


def _runs_under(limit: Limit, principal: Principal) -> Q:
    runs = Q(team_id=limit.team_id)
    if limit.user_id or limit.each_user:
        runs &= Q(user_id=principal.user_id)
    if limit.api_key_id:
        runs &= Q(api_key_id=limit.api_key_id)
    return runs


def _whose(limit: Limit) -> str:
    if limit.api_key_id:
        return "This API key"
    return "You" if limit.user_id or limit.each_user else "Your team"


def _lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [windows.lock_number(name)])
