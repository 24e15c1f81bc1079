"""Counting in a sliding minute, in rows and in a real Valkey: the same answers, and never more than the limit."""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.api.ids import uuid7
from apps.opie.limits import windows
from apps.opie.models import LimitCount
from launcher.ports import free_port
from tests.opie.ledger.written import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PROPERTY = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
START = 1_800_000_000.0
pauses = st.one_of(st.just(0.0), st.floats(0, 3), st.floats(4, 6), st.floats(55, 70))
steps = st.lists(st.tuples(pauses, st.integers(-3, 6)), max_size=40)


@pytest.fixture(autouse=True)
def _present(settings: Any) -> Iterator[None]:
    settings.REDIS_URL = ""
    windows._absence.is_away, windows._absence.until = False, 0.0
    yield
    windows._absence.is_away, windows._absence.until = False, 0.0


def played(name: str, sequence: Any, most: int) -> list[float | None]:
    """What is answered to a sequence of takes, and of corrections (below zero) of what was taken last."""
    now, answers, last = START, [], START
    for pause, amount in sequence:
        now += pause
        if amount <= 0:
            windows.add(name, amount or 1, last, lambda: now)  # noqa: B023
            continue
        answers.append(windows.take(name, amount, most, lambda: now))  # noqa: B023
        last = now if answers[-1] is None else last
    return answers


@given(sequence=steps, most=st.integers(1, 12))
@PROPERTY
def test_rows_and_valkey_answer_the_same(settings: Any, valkey_url: str, sequence: Any, most: int) -> None:
    name = uuid7().hex
    settings.REDIS_URL = ""
    in_rows = played(name, sequence, most)
    settings.REDIS_URL = valkey_url
    assert played(name, sequence, most) == in_rows


@given(sequence=st.lists(st.tuples(pauses, st.integers(1, 6)), max_size=60), most=st.integers(1, 12))
@PROPERTY
def test_in_no_sixty_seconds_is_more_taken_than_the_limit(sequence: Any, most: int) -> None:
    name, now = uuid7().hex, START
    taken: deque[tuple[float, int]] = deque()
    for pause, amount in sequence:
        now += pause
        wait = windows.take(name, amount, most, lambda: now)  # noqa: B023
        if wait is None:
            taken.append((now, amount))
            assert sum(one for moment, one in taken if moment > now - 60) <= most
        elif amount <= most:
            # Whoever waits as long as they were told is let in, and nobody waits longer than needed.
            assert 1 <= wait <= 65
            assert windows.take(name, amount, most, lambda: now + wait) is None  # noqa: B023
            taken.append((now := now + wait, amount))


@pytest.mark.parametrize("where", ["rows", "valkey"])
def test_threads_never_take_one_too_many(where: str, settings: Any, valkey_url: str) -> None:
    settings.REDIS_URL = valkey_url if where == "valkey" else ""
    # The turn of a slot comes in the middle of it.
    clock = iter([START + 4.9] * 30 + [START + 5.0] * 30)
    lock = threading.Lock()

    def tick() -> float:
        with lock:
            return next(clock)

    assert at_once(60, lambda _: windows.take("busy", 1, 20, tick)).count(None) == 20


def test_a_count_in_a_transaction_that_fails_was_never_made() -> None:
    def fails() -> None:
        with transaction.atomic():
            assert windows.take("mine", 1, 1, lambda: START) is None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert windows.take("mine", 1, 1, lambda: START) is None


def test_less_is_given_back_where_it_was_taken_and_nowhere_else() -> None:
    assert windows.take("long", 100, 100, lambda: START) is None
    windows.add("long", -60, START, lambda: START + 10)
    assert windows.take("long", 60, 100, lambda: START + 10) is None
    assert windows.take("long", 1, 100, lambda: START + 10) is not None
    # An answer that took minutes gives nothing back: what it took counts for nothing any more.
    windows.add("long", -100, START, lambda: START + 300)
    assert windows.take("long", 100, 100, lambda: START + 300) is None
    assert windows.take("long", 1, 100, lambda: START + 300) is not None


def test_redis_that_goes_away_and_comes_back_is_said_once(
    settings: Any, valkey_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    settings.REDIS_URL = valkey_url
    assert windows.take("gone", 1, 2) is None
    assert LimitCount.objects.count() == 0
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setattr(windows, "REDIS_REST_SECONDS", 0.0)  # ask it every time
    assert [windows.take("gone", 1, 2) for _ in range(4)].count(None) == 2
    windows.add("gone", 5, START)
    assert LimitCount.objects.count() > 0
    settings.REDIS_URL = valkey_url
    assert windows.take("gone", 1, 2) is None
    said = [record.message for record in caplog.records if record.name == windows.__name__]
    assert said == [
        "Redis does not answer; limits are counted in rows until it does.",
        "Redis answers again; limits are counted there.",
    ]


def test_a_redis_that_is_away_is_left_alone_for_a_while(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    asked: list[str] = []
    client = windows._client(settings.REDIS_URL)

    def noted(url: str) -> Any:
        asked.append(url)
        return client

    monkeypatch.setattr(windows, "_client", noted)
    for _ in range(5):
        windows.take("quiet", 1, 100)
    assert len(asked) == 1
