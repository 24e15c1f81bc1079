"""The catalogue tools take what people write, and agree with the rows."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.musicstore.models import Album, Artist, Track
from apps.musicstore.tools.catalogue import (
    check_for_songs,
    get_albums_by_artist,
    get_songs_by_genre,
    get_tracks_by_album,
    get_tracks_by_artist,
)
from apps.musicstore.tools.paging import MOST_ROWS

TOOLS = (get_albums_by_artist, get_tracks_by_artist, get_songs_by_genre, check_for_songs, get_tracks_by_album)


@pytest.mark.parametrize("said", ["AC/DC", "ac dc", "acdc", "ACDC", "Ac-Dc", " AC / DC "])
def test_an_artist_in_any_spelling(sample: None, said: str) -> None:
    answer = get_albums_by_artist(said)
    assert answer["rows"] == [
        {"album": "Back in Black", "artist": "AC/DC"},
        {"album": "Highway to Hell", "artist": "AC/DC"},
    ]
    assert answer["total"] == 2
    assert "more" not in answer
    assert "message" not in answer


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Led Zepelin", "Led Zeppelin"),
        ("zepplin", "Led Zeppelin"),
        ("metalica", "Metallica"),
        ("Motorhead", "Motörhead"),
        ("motorhed", "Motörhead"),
        ("joao gilbert", "João Gilberto"),
        ("Jobim", "Antônio Carlos Jobim"),
        ("Davis, Miles", "Miles Davis"),
        ("stevie ray vaughn", "Stevie Ray Vaughan & Double Trouble"),
        ("The Queen", "Queen"),
        ("Alanis Morisette", "Alanis Morissette"),
    ],
)
def test_an_artist_with_a_letter_wrong_or_words_left_out(sample: None, said: str, meant: str) -> None:
    for tool in (get_albums_by_artist, get_tracks_by_artist):
        answer = tool(said)
        assert {row["artist"] for row in answer["rows"]} == {meant}
        if said not in ("Motorhead",):
            assert meant in answer["message"]


def test_an_artist_nobody_knows(sample: None) -> None:
    answer = get_albums_by_artist("Nirvanish Pearls")
    assert answer["rows"] == []
    assert "knows no artist called “Nirvanish Pearls”" in answer["message"]
    assert set(answer["nearest"]) & {"Nirvana", "Pearl Jam"}
    assert "nearest" not in get_albums_by_artist("Zzyzx")


def test_an_artist_without_albums(sample: None) -> None:
    Artist.objects.create(name="The New Ones")
    assert get_albums_by_artist("new ones")["message"] == "The store has no albums by The New Ones."


def test_the_tracks_of_an_artist(sample: None) -> None:
    answer = get_tracks_by_artist("amy winehouse", page_size=1)
    assert answer == {
        "total": 4,
        "page": 1,
        "page_size": 1,
        "rows": [
            {
                "track": "Rehab", "artist": "Amy Winehouse", "album": "Back to Black", "genre": "R&B/Soul",
                "length": "3:35", "price": "0.99 USD",
            }
        ],
        "more": "3 more: ask again with page=2.",
    }  # fmt: skip


@pytest.mark.parametrize("said", ["Bossa Nova", "bossa-nova", "bosa nova", "bossanova"])
def test_a_genre_in_any_spelling(sample: None, said: str) -> None:
    assert {row["genre"] for row in get_songs_by_genre(said)["rows"]} == {"Bossa Nova"}


def test_a_genre_nobody_knows(sample: None) -> None:
    assert "knows no genre" in get_songs_by_genre("Polka")["message"]
    assert get_songs_by_genre("soul")["rows"]


@pytest.mark.parametrize("said", ["Enter Sandman", "enter sandman", "enter sandmann", "Entr Sandman", "sandman"])
def test_a_song_in_any_spelling(sample: None, said: str) -> None:
    assert [row["track"] for row in check_for_songs(said)["rows"]] == ["Enter Sandman"]


def test_the_song_itself_comes_before_those_that_have_its_words(sample: None) -> None:
    Track.objects.create(name="Black", media_type_id=1, milliseconds=1, unit_price=1)
    titles = [row["track"] for row in check_for_songs("black")["rows"]]
    assert titles == ["Black", "Black", "Back in Black", "Back to Black", "Black Dog"]


def test_a_song_nobody_has(sample: None) -> None:
    answer = check_for_songs("Stairs to Heven and Earth")
    assert answer["rows"] == []
    assert "Stairway to Heaven" in answer["nearest"]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("said", ["", "  ", "???", "\x00", "—"])
def test_no_name_at_all(sample: None, tool: Any, said: str) -> None:
    assert tool(said)["message"].startswith("Say which ")


def test_a_name_of_signs_is_found_as_it_is(sample: None) -> None:
    artist = Artist.objects.create(name="!!!")
    Album.objects.create(title="Louden Up Now", artist=artist)
    assert [row["album"] for row in get_albums_by_artist(" !!! ")["rows"]] == ["Louden Up Now"]


@pytest.mark.parametrize(("number", "size"), [(0, 0), (-5, -5), (1, 10**6), (10**30, 25), (2, 10**30)])
def test_pages_that_are_none(sample: None, number: int, size: int) -> None:
    for tool, name in zip(TOOLS, ("Queen", "Queen", "Rock", "love", "Nevermind"), strict=True):
        answer = tool(name, page=number, page_size=size)
        assert len(answer["rows"]) <= MOST_ROWS
        assert answer["total"] > 0
        if not answer["rows"]:
            assert answer["more"].startswith("There are no more than")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), max_size=300))
def test_anything_that_a_model_may_write_is_answered(sample: None, text: str) -> None:
    for tool in TOOLS:
        answer = tool(text)
        json.dumps(answer)
        assert len(str(answer)) < 20_000
        assert answer["rows"] or answer["message"]


def test_an_album_by_its_title(sample: None) -> None:
    answer = get_tracks_by_album("back in blak", page_size=1)
    assert answer["albums"] == [{"album": "Back in Black", "artist": "AC/DC"}]
    assert (answer["total"], answer["rows"][0]["album"], answer["number_of_albums"]) == (4, "Back in Black", 1)
    assert "“back in blak”" in answer["message"]
    assert get_tracks_by_album("Back in Black", artist="ac dc")["albums"] == answer["albums"]
    other = get_tracks_by_album("Back in Black", artist="Queen")
    assert (other["rows"], other["nearest"]) == ([], ["Back in Black by AC/DC"])
    several = get_tracks_by_album("black")
    assert several["number_of_albums"] == len(several["albums"]) > 1
    assert "knows no album called “Zzyzx”" in get_tracks_by_album("Zzyzx")["message"]
    Album.objects.create(title="Nothing On It", artist=Artist.objects.get(name="Queen"))
    assert get_tracks_by_album("nothing on it")["total"] == 0


def test_genres_are_told_where_none_is_named(sample: None) -> None:
    assert "Bossa Nova" in get_songs_by_genre("")["nearest"]


def test_each_answer_takes_three_statements_at_most(sample: None, django_assert_max_num_queries: Any) -> None:
    for tool in TOOLS:
        for name in ("Metallica", "metalica", "Jaz", "enter sandmann", "nobody at all", "back in blak"):
            with django_assert_max_num_queries(3):
                tool(name)


def test_albums_are_counted_once(sample: None) -> None:
    assert get_albums_by_artist("Queen")["total"] == Album.objects.filter(artist__name="Queen").count() == 2
