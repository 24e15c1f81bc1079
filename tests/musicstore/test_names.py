"""Names are folded alike in Python and in the database."""

import sqlite3

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.musicstore.models import Artist, Genre, Track
from apps.musicstore.names import fold, squeeze

# Latin letters with everything on them, and what stands between words.
TEXT = st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AC/DC", "ac dc"),
        ("Mötley Crüe", "MOTLEY  CRUE"),
        ("Guns N' Roses", "guns n’ roses"),
        ("Page & Plant", "page and plant"),
        ("João Gilberto", "joao gilberto"),
        ("Bjørn", "bjorn"),
        ("Straße", "strasse"),
    ],
)
def test_spelled_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_joined_alike() -> None:
    assert squeeze("AC/DC") == squeeze("acdc") == squeeze("A.C. D.C.")
    assert squeeze("R.E.M.") == squeeze("REM")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT)
@example("Ærøskøbing &Þórr’s ½ ﬁne")
def test_the_database_folds_alike(db: None, text: str) -> None:
    row = Artist.objects.create(name=text)
    row.refresh_from_db()
    assert row.folded == fold(text)
    row.delete()


def test_every_name_of_chinook_is_folded_alike(chinook: sqlite3.Connection, db: None) -> None:
    for model in (Artist, Genre, Track):
        rows = model._default_manager.values_list("name", "folded")
        assert [(name, folded) for name, folded in rows if folded != fold(name)] == []
