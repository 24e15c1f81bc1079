"""The same thing done twice at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from apps.accounts import teams
from apps.accounts.models import Membership, RefreshToken, Role, Team, User
from apps.accounts.principal import principal_for
from apps.accounts.registration import register
from apps.accounts.tokens import issue_pair, rotate_refresh
from apps.api.errors import OpieError
from tests.accounts.conftest import PASSWORD, Person

pytestmark = pytest.mark.django_db(transaction=True)


def _at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call answered or raised, all of them started together."""
    ready, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            ready.wait()
            answers[place] = call()
        except OpieError as error:
            answers[place] = error  # type: ignore[call-overload]
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=numbered) for numbered in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_refresh_token_used_twice_at_once_gives_one_pair_and_ends_the_family(owner: User) -> None:
    pair = issue_pair(owner)
    answers = _at_once(*[lambda: rotate_refresh(pair.refresh)] * 4)
    assert sorted(isinstance(answer, OpieError) for answer in answers) == [False, True, True, True]
    assert not RefreshToken.objects.filter(revoked_at=None).exists()


def test_two_owners_who_demote_each_other_at_once_leave_one(person: Person, team: Team) -> None:
    users = [person("ann"), person("bob")]
    first, second = (Membership.objects.get(user=user) for user in users)
    calls = [
        lambda: teams.change_membership(principal_for(users[0]), second, {"role": Role.MEMBER}),
        lambda: teams.change_membership(principal_for(users[1]), first, {"role": Role.MEMBER}),
    ]
    _at_once(*calls)
    assert Membership.objects.owners().filter(team=team).count() == 1


def test_an_address_registered_twice_at_once_is_one_person(db: None) -> None:
    answers = _at_once(*[lambda: register("new@example.com", PASSWORD)] * 4)
    assert sorted(isinstance(answer, OpieError) for answer in answers) == [False, True, True, True]
    assert (User.objects.count(), Team.objects.count()) == (1, 1)


def test_people_of_one_name_who_register_at_once_all_get_a_team(db: None) -> None:
    answers = _at_once(*[lambda place=place: register(f"ann@{place}.example", PASSWORD) for place in range(4)])
    assert [type(answer) for answer in answers] == [User] * 4
    assert Team.objects.count() == 4
