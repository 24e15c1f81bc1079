"""Who may go now, by every dimension of a limit."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from apps.accounts.principal import principal_for
from apps.api.errors import LimitExceeded
from apps.api.ids import uuid7
from apps.opie.limits.admission import PlatformLimitReached, admit_call, admit_run
from apps.opie.models import AgentOSRun, AIPlatform, Limit
from apps.opie.models.runs import RunStatus
from tests.opie.ledger.written import at_once
from tests.opie.people import Person, make_key


@dataclass(frozen=True)
class Platform:
    platform_name: str = "here"
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    id: UUID = field(default_factory=uuid7)


@pytest.fixture(params=["rows", "valkey"], autouse=True)
def _where(request: Any, settings: Any, valkey_url: str) -> None:
    settings.REDIS_URL = valkey_url if request.param == "valkey" else ""


HERE = Platform()


def goes(who: Any, platform: Any = HERE, model: str = "m", tokens: int = 1) -> bool:
    try:
        admit_call(who, platform, model, tokens)
    except LimitExceeded:
        return False
    return True


def test_what_sets_a_limit_apart(person: Person, member: Person, stranger: Person) -> None:
    key, _ = make_key(person)
    by_key = principal_for(person.user, person.team, key)
    there = AIPlatform.objects.create(platform_name="there", api_type="offline", default_model="m")
    cases: list[tuple[dict[str, Any], tuple[Any, ...], list[tuple[Any, ...]]]] = [
        ({}, (person.principal,), [(member.principal,), (by_key,)]),
        ({"user": person.user}, (by_key,), [(person.principal,)]),
        ({"api_key": key}, (by_key,), [(by_key,)]),
        ({"each_user": True}, (person.principal,), [(by_key,)]),
        ({"platform": there}, (person.principal, there), [(member.principal, there)]),
        ({"model": "big"}, (person.principal, HERE, "big"), [(member.principal, there, "big")]),
    ]
    free: dict[str, list[tuple[Any, ...]]] = {
        "user": [(member.principal,)],
        "api_key": [(person.principal,)],
        "each_user": [(member.principal,)],
        "platform": [(person.principal, HERE)],
        "model": [(person.principal, HERE, "small")],
    }
    for about, first, refused in cases:
        Limit.objects.all().delete()
        Limit.objects.create(team=person.team, requests_per_minute=1, **about)
        assert goes(*first), about
        for one in refused:
            assert not goes(*one), about
        for name in about:
            for one in free[name]:
                assert goes(*one), about
        assert goes(stranger.principal)
    Limit.objects.update(is_enabled=False)
    assert all(goes(person.principal, HERE, "big") for _ in range(3))


def test_a_refusal_says_what_was_exceeded_and_when_to_come_back(person: Person) -> None:
    Limit.objects.create(team=person.team, requests_per_minute=1)
    admit_call(person.principal, HERE, "m", 1)
    with pytest.raises(LimitExceeded, match="Your team may take 1 call a minute") as refused:
        admit_call(person.principal, HERE, "m", 1)
    assert not isinstance(refused.value, PlatformLimitReached)
    assert refused.value.http_status == 429
    assert 55 <= int(refused.value.headers["Retry-After"]) <= 65
    Limit.objects.all().delete()
    slow = Platform("slow", tokens_per_minute=5)
    admit_call(person.principal, slow, "m", 4)
    with pytest.raises(PlatformLimitReached, match="The platform slow may take 5 tokens a minute"):
        admit_call(person.principal, slow, "m", 4)


def test_who_is_refused_uses_up_nothing_of_the_others(person: Person, member: Person) -> None:
    platform = Platform(requests_per_minute=10, tokens_per_minute=1000)
    Limit.objects.create(team=person.team, user=person.user, requests_per_minute=1)
    assert [goes(person.principal, platform, tokens=10) for _ in range(30)].count(True) == 1
    assert [goes(member.principal, platform, tokens=10) for _ in range(30)].count(True) == 9


def test_tokens_are_corrected_to_what_the_call_took(person: Person) -> None:
    Limit.objects.create(team=person.team, tokens_per_minute=100)
    admitted = admit_call(person.principal, HERE, "m", 90)
    assert not goes(person.principal, tokens=20)
    admitted.correct(10)
    assert goes(person.principal, tokens=90)
    assert not goes(person.principal, tokens=1)


def test_one_call_beyond_the_whole_limit_goes_when_it_is_alone(person: Person) -> None:
    Limit.objects.create(team=person.team, tokens_per_minute=100)
    huge = admit_call(person.principal, HERE, "m", 5000)
    assert not goes(person.principal, tokens=1)
    huge.correct(30)  # it was counted as 100, not as 5000
    assert goes(person.principal, tokens=70)
    assert not goes(person.principal, tokens=1)
    huge.correct(None)


def run_opened(person: Person, **fields: Any) -> bool:
    try:
        with transaction.atomic():
            admit_run(person.principal)
            AgentOSRun.objects.create(user=person.user, team=person.team, status=RunStatus.RUNNING, **fields)
    except LimitExceeded as refused:
        return refused.headers["Retry-After"] != "2"
    return True


def test_parallel_runs_are_never_one_too_many(person: Person, member: Person, stranger: Person) -> None:
    Limit.objects.create(team=person.team, parallel_runs=5)
    Limit.objects.create(team=person.team, each_user=True, parallel_runs=3)
    both = (person, member)
    assert at_once(40, lambda place: run_opened(both[place % 2])).count(True) == 5
    assert max(AgentOSRun.objects.filter(user=one.user).count() for one in both) == 3
    assert run_opened(stranger)
    AgentOSRun.objects.filter(user=member.user).delete()
    assert run_opened(member)


def test_runs_that_ended_do_not_count(person: Person, viewer: Person) -> None:
    Limit.objects.create(team=person.team, user=person.user, parallel_runs=1)
    assert run_opened(person)
    assert not run_opened(person)
    assert run_opened(viewer)
    AgentOSRun.objects.all().delete()
    assert run_opened(person)
