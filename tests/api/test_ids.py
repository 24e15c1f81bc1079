"""UUIDv7: the layout, the order, and the bounds of partitions."""

import threading
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.api import ids
from apps.api.ids import uuid7, uuid7_floor


def _milliseconds(made: UUID) -> int:
    return made.int >> 80


def test_the_layout_is_that_of_rfc_9562() -> None:
    before = datetime.now(UTC).timestamp() * 1000
    made = uuid7()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert abs(_milliseconds(made) - before) < 5000


def test_they_only_grow_also_between_threads_and_none_comes_twice() -> None:
    made: list[list[UUID]] = [[] for _ in range(4)]

    def work(mine: list[UUID]) -> None:
        mine.extend(uuid7() for _ in range(5_000))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in made)
    assert len({one for mine in made for one in mine}) == 20_000


def test_they_grow_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000)
    second = uuid7()
    assert second > first
    assert second.version == 7


def test_they_grow_past_the_end_of_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last_random", (1 << 74) - 1)
    monkeypatch.setattr(ids, "_last_millisecond", (1 << 47))
    made = uuid7()
    assert _milliseconds(made) == (1 << 47) + 1
    assert (made.version, made.variant) == (7, RFC_4122)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9000, 1, 1)))
def test_the_floor_is_the_smallest_of_its_moment(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    floor = uuid7_floor(aware)
    assert (floor.version, floor.variant) == (7, RFC_4122)
    assert _milliseconds(floor) == (aware - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution * 1000)
    assert floor.int & ((1 << 62) - 1) == 0


def test_an_id_made_now_lies_between_the_floors_around_it() -> None:
    made = uuid7()
    assert uuid7_floor(datetime(2020, 1, 1, tzinfo=UTC)) < made < uuid7_floor(datetime(9000, 1, 1, tzinfo=UTC))


def test_a_naive_moment_has_no_floor() -> None:
    with pytest.raises(ValueError, match="time zone"):
        uuid7_floor(datetime(2026, 1, 1))
