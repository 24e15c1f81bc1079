"""Optional tools beyond the store's own rows: biographies and songs from Last.fm, artists and records from Spotify.

Each is there when its keys are (SPOTIFY_CLIENT_ID and _SECRET, LASTFM_API_KEY), and then for whichever agent it is
switched on. What these services say is theirs: it is shown as data, shortened, without mark-up, and never stored.
"""

import html
import logging
import re
import time
from collections.abc import Callable
from typing import Any, Literal

import httpx
from django.conf import settings

from apps.musicstore.tools.paging import Row
from apps.opie.extend import InvalidInput, NotFound, Unavailable

logger = logging.getLogger(__name__)

LASTFM = "https://ws.audioscrobbler.com/2.0/"
SPOTIFY_TOKENS = "https://accounts.spotify.com/api/token"
SPOTIFY = "https://api.spotify.com/v1/search"

_TIMEOUT = httpx.Timeout(10.0)
_SAYS_WHO_ASKS = {"User-Agent": "Opie music store"}
LARGEST_ANSWER = 512 * 1024
LONGEST_TEXT = 1500
LONGEST_QUESTION = 200
MOST_ROWS = 5
_NOT_FOUND, _TOO_OFTEN = 6, 29  # Last.fm's numbers
_MARK_UP = re.compile(r"<a [^>]*>[^<]*</a>\.?|<[^>]*>")
_SECONDS_TO_SPARE = 60

# Spotify's token is good for an hour: (until when, by this process's clock; the token).
_token: list[tuple[float, str]] = []


async def get_artist_biography(artist: str) -> Row:
    """Tell about an artist or band: a short biography, tags, and similar artists, as Last.fm has them.

    It says nothing about what the store sells. The spelling may be off.

    Args:
        artist: The artist's or band's name.
    """
    found = (await _lastfm("artist.getinfo", artist=_asked(artist)))["artist"]
    return {
        "artist": found["name"],
        "biography": _plain(_in(found, "bio", "content") or _in(found, "bio", "summary")),
        "tags": _names(_in(found, "tags", "tag")),
        "similar_artists": _names(_in(found, "similar", "artist")),
        "listeners": _in(found, "stats", "listeners"),
        "source": found.get("url", "Last.fm"),
    }


async def look_up_on_lastfm(song_title: str, artist: str) -> Row:
    """Look a song up on Last.fm: its album, length, tags, and a text about it where there is one.

    It says nothing about what the store sells.

    Args:
        song_title: The song's title.
        artist: Who plays it.
    """
    found = (await _lastfm("track.getinfo", track=_asked(song_title), artist=_asked(artist)))["track"]
    return {
        "song": found["name"],
        "artist": _in(found, "artist", "name"),
        "album": _in(found, "album", "title"),
        "milliseconds": found.get("duration"),
        "tags": _names(_in(found, "toptags", "tag")),
        "about": _plain(_in(found, "wiki", "summary")),
        "source": found.get("url", "Last.fm"),
    }


async def look_up_on_spotify(words: str, kind: Literal["artist", "album", "track"] = "artist") -> Row:
    """Look an artist, an album or a song up on Spotify: the names that fit best, with dates, genres and links.

    It says nothing about what the store sells.

    Args:
        words: A name or title, and whose it is if need be.
        kind: artist, album or track.
    """
    if kind not in _OF_KIND:
        raise InvalidInput(f"Spotify is asked for {', '.join(_OF_KIND)}.")
    asked = {"q": _asked(words), "type": kind, "limit": str(MOST_ROWS)}
    headers = {"Authorization": f"Bearer {await _spotify_token()}"}
    answer = await _ask("Spotify", "GET", SPOTIFY, params=asked, headers=headers)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        _token.clear()  # revoked before its time: the next question gets another
    items = _in(_json_of("Spotify", answer), f"{kind}s", "items") or []
    rows = [_OF_KIND[kind](item) for item in items if item]
    if not rows:
        raise NotFound(f"Spotify knows no {kind} like that.")
    return {"rows": rows, "source": "Spotify"}


def offered() -> dict[str, Callable[..., Any]]:
    """The tools whose keys are set, by name."""
    tools: list[Callable[..., Any]] = []
    if settings.LASTFM_API_KEY:
        tools += [get_artist_biography, look_up_on_lastfm]
    if settings.SPOTIFY_CLIENT_ID and settings.SPOTIFY_CLIENT_SECRET:
        tools.append(look_up_on_spotify)
    return {tool.__name__: tool for tool in tools}


async def _lastfm(method: str, **asked: str) -> dict[str, Any]:
    # In the body, not in the address: addresses are logged.
    body = asked | {"method": method, "autocorrect": "1", "format": "json", "api_key": settings.LASTFM_API_KEY}
    answer = await _ask("Last.fm", "POST", LASTFM, data=body)
    said = _json_of("Last.fm", answer, refusals=True)
    if said.get("error") == _NOT_FOUND:
        raise NotFound("Last.fm knows none of that name.")
    if said.get("error") == _TOO_OFTEN:
        raise Unavailable("Last.fm was asked too often. Try again later.")
    if "error" in said:
        logger.warning("Last.fm refused: error %s", str(said["error"])[:10])  # 10 and 26 are about the key
    if "error" in said or not isinstance(said.get(method.partition(".")[0]), dict):
        raise Unavailable("Last.fm does not answer that at the moment.")
    return said


async def _spotify_token() -> str:
    if _token and _token[0][0] > time.monotonic():
        return _token[0][1]
    answer = await _ask(
        "Spotify",
        "POST",
        SPOTIFY_TOKENS,
        data={"grant_type": "client_credentials"},
        auth=(settings.SPOTIFY_CLIENT_ID, settings.SPOTIFY_CLIENT_SECRET),
    )
    said = _json_of("Spotify", answer)
    token = str(said.get("access_token", ""))
    _token[:] = [(time.monotonic() + float(said.get("expires_in", 0)) - _SECONDS_TO_SPARE, token)]
    return token


async def _ask(service: str, method: str, url: str, **asked: Any) -> httpx.Response:
    """One answer, read as far as it may go. Redirects are not followed: keys go to no other address."""
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, headers=_SAYS_WHO_ASKS) as client,
            client.stream(method, url, **asked) as answer,
        ):
            read = bytearray()
            async for piece in answer.aiter_bytes():
                read += piece
                if len(read) > LARGEST_ANSWER:
                    raise Unavailable(f"{service} says more than can be read.")
    except httpx.HTTPError:
        raise Unavailable(f"{service} does not answer at the moment.") from None
    return httpx.Response(answer.status_code, content=bytes(read))


def _json_of(service: str, answer: httpx.Response, *, refusals: bool = False) -> dict[str, Any]:
    """The object that was answered; with `refusals`, that of an error too."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict) or (answer.is_error and not (refusals and "error" in said)):
        logger.warning("%s refused: %s", service, answer.status_code)
        raise Unavailable(f"{service} does not answer that at the moment.")
    return said


def _asked(text: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_QUESTION:
        raise InvalidInput(f"Say a name, of at most {LONGEST_QUESTION} characters.")
    return text


def _plain(text: Any) -> str:
    """Words without mark-up, and without the link to read on."""
    words = html.unescape(_MARK_UP.sub("", str(text or "")))
    words = " ".join(words.split())
    return words if len(words) <= LONGEST_TEXT else words[: LONGEST_TEXT - 1].rstrip() + "…"


def _in(found: Any, *names: str) -> Any:
    """What lies there, if it does: services leave out what they do not know."""
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _names(found: Any) -> list[str]:
    """Of several, the first; a single one stands there without a list."""
    several = found if isinstance(found, list) else [found]
    return [str(one["name"]) for one in several if isinstance(one, dict) and one.get("name")][:MOST_ROWS]


def _link(item: Row) -> Any:
    return _in(item, "external_urls", "spotify")


_OF_KIND: dict[str, Callable[[Row], Row]] = {
    "artist": lambda item: {"artist": item.get("name"), "genres": item.get("genres", []), "link": _link(item)},
    "album": lambda item: {
        "album": item.get("name"),
        "artists": _names(item.get("artists")),
        "released": item.get("release_date"),
        "tracks": item.get("total_tracks"),
        "link": _link(item),
    },
    "track": lambda item: {
        "track": item.get("name"),
        "artists": _names(item.get("artists")),
        "album": _in(item, "album", "name"),
        "milliseconds": item.get("duration_ms"),
        "link": _link(item),
    },
}
