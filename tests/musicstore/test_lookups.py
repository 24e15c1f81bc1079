"""Look-ups at Last.fm and Spotify: off without keys; what is shown of what they say, and what becomes of what they refuse."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from apps.musicstore.tools import lookups
from apps.opie.extend import InvalidInput, NotFound, Unavailable

BIOGRAPHY = '<b>Queen</b> are a band &amp; more. <a href="https://www.last.fm/music/Queen">Read more on Last.fm</a>.'
ARTIST = {
    "name": "Queen", "url": "https://www.last.fm/music/Queen", "stats": {"listeners": "5"},
    "tags": {"tag": [{"name": "rock"}, {"name": "glam"}]}, "similar": {"artist": {"name": "Sweet"}},
    "bio": {"summary": "short", "content": BIOGRAPHY},
}  # fmt: skip
TRACK = {"name": "Bohemian Rhapsody", "duration": "354000", "artist": {"name": "Queen"}, "toptags": ""}
ALBUM = {
    "name": "A Night at the Opera", "artists": [{"name": "Queen"}], "release_date": "1975-11-21", "total_tracks": 12,
    "external_urls": {"spotify": "https://open.spotify.com/album/1"},
}  # fmt: skip


class Services:
    """Both services on one loopback address. `answers` has what the next questions get, by the path they go to."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {"/token": (200, {"access_token": "t-canary", "expires_in": 3600})}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.heads: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0)
        body = (await reader.readexactly(length)).decode()
        path, _, query = head.split(" ")[1].partition("?")
        self.heads.append(head)
        self.asked.append((path, parse_qs(query or body)))
        status, said = self.answers[path]
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode() + raw)
        await writer.drain()
        writer.close()


@pytest.fixture
async def services(monkeypatch: pytest.MonkeyPatch, settings: Any) -> AsyncIterator[Services]:
    there = Services()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name, path in (("LASTFM", "/2.0/"), ("SPOTIFY_TOKENS", "/token"), ("SPOTIFY", "/search")):
        monkeypatch.setattr(lookups, name, root + path)
    monkeypatch.setattr(lookups, "_token", [])
    settings.LASTFM_API_KEY, settings.SPOTIFY_CLIENT_ID, settings.SPOTIFY_CLIENT_SECRET = "key-canary", "id", "s-canary"
    yield there
    server.close()
    await server.wait_closed()


def test_without_keys_there_are_none(settings: Any) -> None:
    settings.LASTFM_API_KEY = settings.SPOTIFY_CLIENT_ID = settings.SPOTIFY_CLIENT_SECRET = ""
    assert lookups.offered() == {}
    settings.SPOTIFY_CLIENT_ID = "without a secret"
    assert lookups.offered() == {}
    settings.LASTFM_API_KEY = settings.SPOTIFY_CLIENT_SECRET = "k"
    assert list(lookups.offered()) == ["get_artist_biography", "look_up_on_lastfm", "look_up_on_spotify"]


async def test_what_they_say_is_shown(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    services.answers["/2.0/"] = (200, {"artist": ARTIST})
    assert await lookups.get_artist_biography(" queen ") == {
        "artist": "Queen", "biography": "Queen are a band & more.", "tags": ["rock", "glam"], "listeners": "5",
        "similar_artists": ["Sweet"], "source": "https://www.last.fm/music/Queen",
    }  # fmt: skip
    assert services.asked[-1][1]["artist"] == ["queen"]
    services.answers["/2.0/"] = (200, {"track": TRACK})
    song = await lookups.look_up_on_lastfm("bohemian rapsody", "Queen")
    assert (song["song"], song["album"], song["tags"], song["about"]) == ("Bohemian Rhapsody", None, [], "")
    services.answers["/search"] = (200, {"albums": {"items": [ALBUM, None]}})
    for _ in range(2):
        found = await lookups.look_up_on_spotify("a night at the opera", "album")
    assert found["rows"] == [
        {
            "album": "A Night at the Opera", "artists": ["Queen"], "released": "1975-11-21", "tracks": 12,
            "link": "https://open.spotify.com/album/1",
        }
    ]  # fmt: skip
    assert [path for path, _ in services.asked].count("/token") == 1
    assert "Bearer t-canary" in services.heads[-1]
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (200, {"error": 6, "message": "The artist you supplied could not be found"}, NotFound),
        (404, {"error": 6, "message": "not found"}, NotFound),
        (429, {"error": 29, "message": "Rate limit exceeded"}, Unavailable),
        (403, {"error": 10, "message": "Invalid API key: key-canary"}, Unavailable),
        (200, {"artist": "no object"}, Unavailable),
        (200, [1], Unavailable),
        (200, b"<html>", Unavailable),
        (302, b"", Unavailable),
        (500, b"oops", Unavailable),
        (200, b"x" * (lookups.LARGEST_ANSWER + 1), Unavailable),
    ],
)
async def test_what_they_refuse(
    services: Services, caplog: pytest.LogCaptureFixture, status: int, said: Any, error: type[Exception]
) -> None:
    services.answers["/2.0/"] = services.answers["/search"] = (status, said)
    with pytest.raises(error) as caught:
        await lookups.get_artist_biography("queen")
    assert "canary" not in f"{caught.value}{caplog.text}"
    with pytest.raises((NotFound, Unavailable)):
        await lookups.look_up_on_spotify("queen")


async def test_what_is_not_asked(services: Services) -> None:
    for name in ("", "  ", "x" * 201):
        with pytest.raises(InvalidInput):
            await lookups.get_artist_biography(name)
    with pytest.raises(InvalidInput):
        await lookups.look_up_on_spotify("queen", "user")  # type: ignore[arg-type]
    assert services.asked == []
