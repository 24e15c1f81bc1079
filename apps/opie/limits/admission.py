"""Who may go now: limits on runs when a run is opened, limits on requests and tokens before each call."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    """One count a call is added to."""

    name: str
    most: int
    what: str


@dataclass(slots=True)
class Admission:
    """What a call has taken: the counters of tokens are corrected when its real tokens are known."""

    tokens: int
    token_counters: list[Counter] = field(default_factory=list)


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
                f"{_whose(limit)} may have {limit.parallel_runs} answers in the making at once. Wait for one to end.",
                retry_after=2,
            )


def admit_call(principal: Principal, platform: LimitedPlatform, model: str, tokens: int) -> Admission:
    """Count a call and its estimated tokens, or raise LimitExceeded (PlatformLimitReached for the platform's own)."""
    admission = Admission(tokens)
    for counter in _platform_counters(platform):
        _take(counter, tokens, admission, PlatformLimitReached)
    for counter in _counters(principal, platform, model):
        _take(counter, tokens, admission, LimitExceeded)
    return admission


def correct(admission: Admission, tokens: int | None) -> None:
    """Replace the estimate by what the call really took, once that is known."""
    if tokens is not None:
        for counter in admission.token_counters:
            windows.add(counter.name, tokens - admission.tokens)


def _take(counter: Counter, tokens: int, admission: Admission, refused: type[LimitExceeded]) -> None:
    is_tokens = counter.what.startswith("tokens")
    # One call that is larger than the whole limit would wait for ever: it is let through when nothing else is there.
    amount = min(tokens, counter.most) if is_tokens else 1
    wait = windows.take(counter.name, amount, counter.most)
    if wait is not None:
        raise refused(f"More than {counter.most} {counter.what}. Try again in {round(wait)} s.", retry_after=wait)
    if is_tokens:
        admission.token_counters.append(counter)


def _platform_counters(platform: LimitedPlatform) -> Iterator[Counter]:
    name = platform.platform_name
    if platform.requests_per_minute:
        yield Counter(f"p{platform.id}_r", platform.requests_per_minute, f"requests a minute to {name}")
    if platform.tokens_per_minute:
        yield Counter(f"p{platform.id}_t", platform.tokens_per_minute, f"tokens a minute to {name}")


def _counters(principal: Principal, platform: LimitedPlatform, model: str) -> Iterator[Counter]:
    about_this = Q(platform=None) | Q(platform_id=platform.id)
    for limit in Limit.objects.applying_to(principal).filter(about_this, Q(model="") | Q(model=model)).order_by("pk"):
        subject = f"{limit.pk}_{principal.user_id}" if limit.each_user else f"{limit.pk}"
        whose = _whose(limit).lower()
        if limit.requests_per_minute:
            yield Counter(f"l{subject}_r", limit.requests_per_minute, f"requests a minute for {whose}")
        if limit.tokens_per_minute:
            yield Counter(f"l{subject}_t", limit.tokens_per_minute, f"tokens a minute for {whose}")


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
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
