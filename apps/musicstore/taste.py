"""A customer's taste: noted as conversations go, used in the next one, and forgotten when they ask for it.

What somebody says they like is noted at once; what they only look up is a recent request, and counts as liked from the
second time on. The catalogue decides what is an artist or a genre, so that nothing else gets in.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field

from apps.musicstore import finding
from apps.musicstore.catalogue_questions import catalogue_calls
from apps.musicstore.liking import Stated, artist_of, asks_to_forget, genre_of, language_of, stated_in
from apps.musicstore.models import Artist, Genre, Track
from apps.opie.extend import RunAtHand, RunScope, forget, memory_of, remember, take_out

TASTE = "taste"
LABEL = "Taste in music"
MOST_REQUESTS, MOST_SUGGESTED, LONGEST_NAME = 6, 3, 100
FORGOTTEN = (
    "I have forgotten what I had noted about you: your taste and what you asked for before. Our chats stay until you delete"
    " them."
)


class NotificationSettings(BaseModel):
    """What the store may write to them about."""

    orders: bool = Field(default=True, title="My orders")
    new_releases: bool = Field(default=False, title="New releases")
    offers: bool = Field(default=False, title="Offers")


class Taste(BaseModel):
    """What is kept of a verified customer, otherwise of a user."""

    music_genres: list[str] = Field(default=[], title="Genres")
    favorite_artists: list[str] = Field(default=[], title="Artists")
    preferred_language: str = Field(default="", title="Language of answers", max_length=40)
    notification_settings: NotificationSettings = Field(default=NotificationSettings(), title="Notifications")
    recent_requests: list[str] = Field(default=[], title="Asked for lately", max_length=MOST_REQUESTS)


# --- what a conversation tells ----------------------------------------------------------------------

_ASKED: Mapping[str, tuple[str, type[Any], str, str]] = {
    "get_albums_by_artist": ("artist", Artist, "favorite_artists", "albums by {}"),
    "get_tracks_by_artist": ("artist", Artist, "favorite_artists", "songs by {}"),
    "get_songs_by_genre": ("genre", Genre, "music_genres", "songs in {}"),
    "check_for_songs": ("song_title", Track, "", "the song {}"),
}


def what_to_note(run: RunAtHand, result: Any) -> Mapping[str, Any] | None:
    """After a run: what its words and its calls of tools tell of the person."""
    if asks_to_forget(run.text):
        return None
    stated = stated_in(run.text)
    # Again: a model may have noted it meanwhile.
    take_away(run, stated)
    changes = as_changes(stated)
    before: Taste = memory_of(run, TASTE)
    for field, name, request in _asked_for(run.text, result.tools):
        if name in stated.not_genres + stated.not_artists:
            continue
        changes.setdefault("recent_requests", []).append(request)
        if field and any(old.endswith(f" {name}") for old in before.recent_requests):
            changes.setdefault(field, []).append(name)
    return changes


def note_stated(scope: RunScope, text: str) -> str:
    """Note at once what the person says of their taste; answers what is known of it now, in a sentence or two."""
    stated = stated_in(text)
    take_away(scope, stated)
    gone = stated.not_genres + stated.not_artists
    said = f"I have taken out of what you like: {', '.join(gone)}. " if gone else ""
    if not (changes := as_changes(stated)):
        return said
    now: Taste = remember(scope, TASTE, **changes)
    names = [name for name in changes.get("music_genres", []) if name in now.music_genres]
    names += [name for name in changes.get("favorite_artists", []) if name in now.favorite_artists]
    language = changes.get("preferred_language")
    names += [f"answers in {language}"] if language and language == now.preferred_language else []
    return said + (f"I have noted: {', '.join(names)}. " if names else "")


def take_away(of: RunScope | RunAtHand, stated: Stated) -> None:
    """What somebody does not like, or no longer, is out of what they like and of what they asked for."""
    gone = stated.not_genres + stated.not_artists
    if not gone:
        return
    before: Taste = memory_of(of, TASTE)
    requests = [one for one in before.recent_requests if one.endswith(tuple(f" {name}" for name in gone))]
    if requests or not set(gone).isdisjoint(before.music_genres + before.favorite_artists):
        take_out(
            of,
            TASTE,
            music_genres=stated.not_genres,
            favorite_artists=stated.not_artists,
            recent_requests=requests,
        )


def as_changes(stated: Stated) -> dict[str, Any]:
    changes = {
        "music_genres": list(stated.genres),
        "favorite_artists": list(stated.artists),
        "preferred_language": stated.language,
    }
    return {name: value for name, value in changes.items() if value}


def _asked_for(text: str, tools: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(field, name, request) of each thing that was looked up and is there, as the store spells it."""
    calls = [(call.tool, call.arguments) for call in catalogue_calls(text)]
    calls += [(call["name"], call["arguments"]) for call in tools if not call["failed"]]
    seen = set()
    for tool, arguments in calls:
        if tool not in _ASKED or not isinstance(arguments, Mapping):
            continue
        parameter, rows, field, request = _ASKED[tool]
        found = finding.find(rows.objects.all(), str(arguments.get(parameter, "")))
        names = {row.name for row in found.rows}
        if len(names) == 1 and (name := names.pop()[:LONGEST_NAME]) not in seen:
            seen.add(name)
            yield field, name, request.format(name)


# --- what it is used for ----------------------------------------------------------------------------


def suggestions(scope: RunScope) -> str:
    """A sentence with what this person may want to ask for, or nothing."""
    taste: Taste = memory_of(scope, TASTE)
    likely = [f"albums by {name}" for name in taste.favorite_artists[:2]]
    likely += [f"songs in {name}" for name in taste.music_genres[:2]]
    likely = list(dict.fromkeys([*likely, *taste.recent_requests]))[:MOST_SUGGESTED]
    return f" As you like it: {', '.join(f'“{one}”' for one in likely)}?" if likely else ""


def heed(run: RunAtHand) -> None:
    """Before a run: whoever wants to be forgotten is, and what somebody does not like is taken away, whatever a model
    makes of it."""
    if asks_to_forget(run.text):
        forget(run, TASTE)
    else:
        take_away(run, stated_in(run.text))


# --- the tools --------------------------------------------------------------------------------------


def note_taste(
    scope: RunScope,
    genres: list[str] | None = None,
    artists: list[str] | None = None,
    language: str = "",
    new_releases: bool | None = None,
    offers: bool | None = None,
    no_longer: list[str] | None = None,
) -> dict[str, Any]:
    """Note what the customer says they like, or like no longer, for later conversations. Only what they say of themselves; names are noted
    as the catalogue has them, and those that it does not have are not noted.

    Args:
        genres: Genres that they like, for example ["Jazz"].
        artists: Artists or bands that they like.
        language: The language they want answers in, in English, for example German.
        new_releases: Whether they want to hear of new releases.
        offers: Whether they want to hear of offers.
        no_longer: Genres, artists or bands that they do not like, or no longer. They are taken out.
    """
    stated = Stated(
        _each_known(genre_of, genres), _each_known(artist_of, artists), language_of(language),
        _each_known(genre_of, no_longer), _each_known(artist_of, no_longer),
    )  # fmt: skip
    take_away(scope, stated)
    gone: dict[str, Any] = {"taken_out": list(stated.not_genres + stated.not_artists)} if no_longer else {}
    changes = as_changes(stated)
    wishes = {"new_releases": new_releases, "offers": offers}
    if told := {name: value for name, value in wishes.items() if value is not None}:
        changes["notification_settings"] = told
    if not changes:
        return {"noted": {}, **(gone or {"reason": "None of it is in the catalogue."})}
    remember(scope, TASTE, **changes)
    return {"noted": changes, **gone}


def _each_known(known: Callable[[str], str], names: list[str] | None) -> tuple[str, ...]:
    return tuple(found for name in names or [] if (found := known(name)))


def forget_my_taste(scope: RunScope) -> str:
    """Forget everything that was noted about the customer's taste and requests. When they ask for it, and only then."""
    forget(scope, TASTE)
    return FORGOTTEN
