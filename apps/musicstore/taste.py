"""A customer's taste: noted as conversations go, used in the next one, and forgotten when they ask for it.

What somebody says they like is noted at once; what they only look up is a recent request, and counts as liked from the
second time on. The catalogue decides what is an artist or a genre, so that nothing else gets in.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field

from apps.musicstore import finding
from apps.musicstore.calls import NAMED, Call
from apps.musicstore.catalogue_questions import catalogue_questions
from apps.musicstore.liking import Stated, artist_of, asks_to_forget, genre_of, language_of, stated_in
from apps.musicstore.models import Artist, Genre, Track, albums_by_title
from apps.musicstore.phrases import say
from apps.musicstore.several import each_meant, names_in
from apps.opie.extend import RunAtHand, RunScope, forget, memory_of, remember, take_out

TASTE = "taste"
LABEL = "Taste in music"
MOST_REQUESTS, MOST_SUGGESTED, LONGEST_NAME = 6, 3, 100


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

_ASKED: Mapping[str, tuple[str, Callable[[], Any], str, str]] = {
    "get_albums_by_artist": ("artist", Artist.objects.all, "favorite_artists", "albums by {}"),
    "get_tracks_by_artist": ("artist", Artist.objects.all, "favorite_artists", "songs by {}"),
    "get_songs_by_genre": ("genre", Genre.objects.all, "music_genres", "songs in {}"),
    "check_for_songs": ("song_title", Track.objects.all, "", "the song {}"),
    "get_tracks_by_album": ("album", albums_by_title, "", "the album {}"),
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


def note_stated(scope: RunScope, text: str, language: str = "en") -> str:
    """Note at once what the person says of their taste; answers what is known of it now, in a sentence or two."""
    stated = stated_in(text)
    take_away(scope, stated)
    gone = stated.not_genres + stated.not_artists
    said = [say(language, "taken_out", names=", ".join(gone))] if gone else []
    if changes := as_changes(stated):
        now: Taste = remember(scope, TASTE, **changes)
        names = [name for name in changes.get("music_genres", []) if name in now.music_genres]
        names += [name for name in changes.get("favorite_artists", []) if name in now.favorite_artists]
        wanted = changes.get("preferred_language")
        names += [say(language, "answers_in", name=wanted)] if wanted and wanted == now.preferred_language else []
        said += [say(language, "noted", names=", ".join(names))] if names else []
    return " ".join(said)


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
    calls = [call for question in catalogue_questions(text) for call in _found_first(question)]
    calls += [
        Call(call["name"], call["arguments"])
        for call in tools
        if not call["failed"] and isinstance(call["arguments"], Mapping)
    ]
    seen = set()
    for call in calls:
        name = _only_name(call)
        if name and name not in seen:
            seen.add(name)
            _, _, field, request = _ASKED[call.tool]
            yield field, name, request.format(name)


def _found_first(question: list[Call]) -> Iterator[Call]:
    """Of the calls that a question may mean, the first that finds something; one for each name that it is about."""
    for call in map(each_meant, question):
        each = [Call(call.tool, {NAMED[call.tool]: name}) for name in names_in(call)]
        if found := [one for one in each if _only_name(one)]:
            yield from found
            return


def _only_name(call: Call) -> str:
    """The one name that is there by what the call says, as the store spells it; nothing where it is none or several."""
    if call.tool not in _ASKED:
        return ""
    parameter, rows, _, _ = _ASKED[call.tool]
    found = finding.find(rows(), str(call.arguments.get(parameter, "")))
    names = {row.name for row in found.rows}
    return str(names.pop())[:LONGEST_NAME] if len(names) == 1 else ""


# --- what it is used for ----------------------------------------------------------------------------


def suggestions(scope: RunScope, language: str = "en") -> str:
    """A sentence with what this person may want to ask for, or nothing."""
    taste: Taste = memory_of(scope, TASTE)
    likely = [f"albums by {name}" for name in taste.favorite_artists[:2]]
    likely += [f"songs in {name}" for name in taste.music_genres[:2]]
    likely = list(dict.fromkeys([*likely, *taste.recent_requests]))[:MOST_SUGGESTED]
    names = ", ".join(say(language, "quoted", name=_in_language(one, language)) for one in likely)
    return say(language, "as_you_like_it", names=names) if likely else ""


def _in_language(request: str, language: str) -> str:
    """A request as it is kept, "albums by Queen", as it would be said in the language."""
    for _, _, _, kept in _ASKED.values():
        key = kept.removesuffix(" {}")
        if request.startswith(f"{key} "):
            return say(language, key, name=request.removeprefix(f"{key} "))
    return request


def preferred_language(scope: RunScope) -> str:
    """In English; nothing where they said none."""
    taste: Taste = memory_of(scope, TASTE)
    return taste.preferred_language


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
    return say("en", "forgotten")
