"""The tools of the music catalogue agent. Their docstrings are what the model reads."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import F, QuerySet

from apps.musicstore import finding
from apps.musicstore.finding import Found
from apps.musicstore.models import Album, Artist, Genre, Track, albums_by_title
from apps.musicstore.money import with_currency
from apps.musicstore.names import fold
from apps.musicstore.phrases import Said
from apps.musicstore.tools.paging import DEFAULT_ROWS, MOST_ROWS, Answer, Row, nothing, page_of

MOST_NAMES = 8
LONGEST_QUOTE = 80
MOST_ALBUMS = 10
_OF_A_TRACK = ("name", "milliseconds", "unit_price")


def get_albums_by_artist(artist: str, page: int = 1, page_size: int = DEFAULT_ROWS) -> Answer:
    """List the albums that the store has by an artist or band.

    The spelling may be off, and a part of the name is enough. The answer has one page of rows, the total, and in "more" how to
    get the next page; when no such artist is known, the names that come nearest.

    Args:
        artist: The artist's or band's name, for example AC/DC.
        page: Which page, from 1.
        page_size: Rows on a page, 25 at most.
    """
    found = finding.find(Artist.objects.all(), artist)
    if not found.rows:
        return _unknown("artist", artist, found)
    albums = Album.objects.filter(artist__in=found.rows).order_by("title", "id")
    rows = albums.values("title", by=F("artist__name"))
    answer = page_of(rows, page, page_size, lambda rows: ({"album": row["title"], "artist": row["by"]} for row in rows))
    return _with_names(answer, "albums by", artist, found)


def get_tracks_by_artist(artist: str, page: int = 1, page_size: int = DEFAULT_ROWS) -> Answer:
    """List the songs (tracks) that the store has by an artist or band, with their albums, lengths and prices.

    The spelling may be off, and a part of the name is enough. The answer has one page of rows, the total, and in "more" how to
    get the next page; when no such artist is known, the names that come nearest.

    Args:
        artist: The artist's or band's name, for example Led Zeppelin.
        page: Which page, from 1.
        page_size: Rows on a page, 25 at most.
    """
    found = finding.find(Artist.objects.all(), artist)
    if not found.rows:
        return _unknown("artist", artist, found)
    tracks = Track.objects.filter(album__artist__in=found.rows).order_by("album__title", "album_id", "id")
    return _with_names(_tracks(tracks, page, page_size), "songs by", artist, found)


def get_songs_by_genre(genre: str, page: int = 1, page_size: int = DEFAULT_ROWS) -> Answer:
    """List the songs that the store has in a genre, such as Rock, Jazz or Bossa Nova, with their artists; or, without a name, its genres.

    The spelling may be off. The answer has one page of rows, the total, and in "more" how to get the next page; when no such
    genre is known, the genres that come nearest.

    Args:
        genre: The genre's name; empty for the names of all genres.
        page: Which page, from 1.
        page_size: Rows on a page, 25 at most.
    """
    found = finding.find(Genre.objects.all(), genre)
    if not fold(genre) and not found.rows:
        names = list(Genre.objects.order_by("name").values_list("name", flat=True)[:MOST_ROWS])
        return nothing(Said(f"Say which genre to look for: {', '.join(names)}.", "say_which_genre"), names)
    if not found.rows:
        return _unknown("genre", genre, found)
    tracks = Track.objects.filter(genre__in=found.rows).order_by("name", "id")
    return _with_names(_tracks(tracks, page, page_size), "songs in", genre, found)


def check_for_songs(song_title: str, page: int = 1, page_size: int = DEFAULT_ROWS) -> Answer:
    """Check whether the store has a song, by its title or some words of it, and list the songs that fit, the same title first.

    The spelling may be off. The answer has one page of rows, the total, and in "more" how to get the next page; when there is no
    such song, the titles that come nearest.

    Args:
        song_title: The song's title, without its artist, for example Enter Sandman.
        page: Which page, from 1.
        page_size: Rows on a page, 25 at most.
    """
    answer = _tracks(finding.spelled(Track.objects.all(), song_title), page, page_size)
    if answer["total"]:
        return answer
    found = finding.nearest(Track.objects.all(), song_title)
    if not found.rows:
        return _unknown("song", song_title, found)
    meant = Track.objects.filter(pk__in=[row.pk for row in found.rows]).order_by("name", "id")
    return _with_names(_tracks(meant, page, page_size), "songs called", song_title, found)


def get_tracks_by_album(album: str, artist: str = "", page: int = 1, page_size: int = DEFAULT_ROWS) -> Answer:
    """Check whether the store has an album, by its title or some words of it; tell who made it, and list the songs on it.

    The spelling may be off. The answer has in "albums" the albums that fit, each with its artist, one page of the songs on them,
    the total of songs, and in "more" how to get the next page; when there is no such album, the titles that come nearest.

    Args:
        album: The album's title, without its artist, for example Back in Black.
        artist: Only where it was said: the artist or band whose album it is.
        page: Which page, from 1.
        page_size: Rows on a page, 25 at most.
    """
    found = finding.find(albums_by_title(), album)
    if found.rows and fold(artist):
        theirs = [row for row in found.rows if finding.is_like(artist, row.by)]
        if not theirs:
            return _not_by(artist, album, found)
        found = Found(theirs, found.exact)
    if not found.rows:
        return _unknown("album", album, found)
    tracks = Track.objects.filter(album__in=found.rows).order_by("album__title", "album_id", "id")
    answer = _with_names(_tracks(tracks, page, page_size), "songs on", album, found)
    answer["albums"] = [{"album": row.name, "artist": row.by} for row in found.rows[:MOST_ALBUMS]]
    answer["number_of_albums"] = len(found.rows)
    return answer


def _not_by(artist: str, album: str, found: Found[Any]) -> Answer:
    """No such album is this artist's, but some are others'."""
    others = [f"{row.name} by {row.by}" for row in found.rows[:MOST_NAMES]]
    text = f"The store has no album called {_quoted(album)} by {_quoted(artist)}. Did they mean {', '.join(others)}?"
    return nothing(Said(text, "album_not_by", asked=_line(album), artist=_line(artist)), others)


def _tracks(tracks: "QuerySet[Track]", page: int, page_size: int) -> Answer:
    rows = tracks.values(*_OF_A_TRACK, title=F("album__title"), by=F("album__artist__name"), of_genre=F("genre__name"))
    return page_of(rows, page, page_size, _shown)


def _shown(rows: Sequence[Row]) -> Iterable[Row]:
    for row in rows:
        minutes, seconds = divmod(row["milliseconds"] // 1000, 60)
        yield {
            "track": row["name"],
            "artist": row["by"],
            "album": row["title"],
            "genre": row["of_genre"],
            "length": f"{minutes}:{seconds:02}",
            "price": with_currency(row["unit_price"]),
        }


def _with_names(answer: Answer, what: str, asked: str, found: Found[Any]) -> Answer:
    """Says whom the rows are of, where that is not what was written, or where there are none."""
    names = [row.name for row in found.rows[:MOST_NAMES]]
    left = len(found.rows) - len(names)
    listed = ", ".join(names) + (f" and {left} more" if left else "")
    if not answer["total"]:
        answer["message"] = Said(f"The store has no {what} {listed}.", "none_of", names=listed)
    elif not found.exact:
        text = f"Nothing is called {_quoted(asked)} exactly. These are {what} {listed}."
        answer["message"] = Said(text, "not_exact", asked=_line(asked), names=listed)
    return answer


def _unknown(what: str, asked: str, found: Found[Any]) -> Answer:
    if not fold(asked):
        return nothing(Said(f"Say which {what} to look for.", f"say_which_{what}"))
    offered = f" Did they mean {', '.join(found.nearest)}?" if found.nearest else ""
    text = f"The store knows no {what} called {_quoted(asked)}.{offered}"
    return nothing(Said(text, f"unknown_{what}", asked=_line(asked)), found.nearest)


def _quoted(asked: str) -> str:
    return f"“{_line(asked)}”"


def _line(asked: str) -> str:
    line = " ".join(asked.split())
    return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + "…"
