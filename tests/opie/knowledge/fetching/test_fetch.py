"""What a fetch brings, and how much it may take."""

import asyncio
import gzip
import zlib
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from apps.opie.knowledge.fetching.content_types import LONGEST_NAME, display_name
from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.fetch import Limits, fetch
from apps.opie.knowledge.fetching.turns import AT_ONCE
from tests.opie.knowledge.fetching.site import Page, Site, files_in, leads_to

SMALL = Limits(most_bytes=100_000, most_seconds=20)
PDF = "application/pdf"

pytestmark = pytest.mark.usefixtures("opened")


async def failing(url: str, folder: Path, limits: Limits = SMALL) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await fetch(url, folder / "page", limits=limits)
    assert files_in(folder) == []
    return caught.value


async def test_a_page_and_what_is_said_about_it(site: Site, tmp_path: Path) -> None:
    body = "<h1>Grüße</h1>".encode("latin-1")
    headers = {"ETag": '"a1"', "Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"}
    site.pages["/docs/start?lang=de"] = Page(body, "text/html; charset=ISO-8859-1", headers=headers)
    fetched = await fetch(site.url + "/docs/start?lang=de#install", tmp_path / "page")
    assert (tmp_path / "page").read_bytes() == body
    assert fetched.url == site.url + "/docs/start?lang=de"
    assert (fetched.content_type, fetched.charset, fetched.size) == ("text/html", "iso8859-1", len(body))
    assert (fetched.etag, fetched.last_modified) == ('"a1"', "Mon, 02 Nov 2026 10:00:00 GMT")
    assert (fetched.name, fetched.not_modified) == ("start.html", False)


async def test_nothing_goes_out_that_a_stranger_would_not_send(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = replace(leads_to("/next"), headers={"Location": "/next", "Set-Cookie": "a=1; Path=/"})
    site.pages["/next"] = Page(b"hello")
    await fetch(site.url, tmp_path / "page")
    for asked in site.asked:
        assert set(asked.headers) == {"host", "user-agent", "accept", "accept-encoding"}
        assert asked.headers["user-agent"].startswith("Opie/")


async def test_an_unchanged_page_is_not_sent_again(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(status=304, headers={"ETag": '"a1"'})
    fetched = await fetch(site.url, tmp_path / "page", etag='"a1"', last_modified="Mon, 02 Nov 2026 10:00:00 GMT")
    assert (fetched.not_modified, fetched.etag, fetched.size) == (True, '"a1"', 0)
    assert not (tmp_path / "page").exists()
    assert site.asked[0].headers["if-none-match"] == '"a1"'
    assert site.asked[0].headers["if-modified-since"] == "Mon, 02 Nov 2026 10:00:00 GMT"


async def test_unchanged_is_no_answer_to_who_did_not_ask(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(status=304)
    assert (await failing(site.url, tmp_path)).code == "fetch_status"
    with pytest.raises(FetchFailed):
        await fetch(site.url, tmp_path / "page", etag='"a"\r\nCookie: b')
    assert [set(asked.headers) & {"if-none-match", "cookie"} for asked in site.asked] == [set(), set()]


async def test_validators_that_do_not_fit_a_row_are_not_kept(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(b"hello", headers={"ETag": '"' + "a" * 300 + '"', "Last-Modified": "gestern, schön"})
    fetched = await fetch(site.url, tmp_path / "page")
    assert (fetched.etag, fetched.last_modified) == ("", "")


async def test_redirects_are_followed_to_the_last(site: Site, tmp_path: Path) -> None:
    for number in range(5):
        site.pages[f"/{number}"] = leads_to(f"{number + 1}", (301, 302, 303, 307, 308)[number])
    site.pages["/5"] = Page(b"hello")
    fetched = await fetch(site.url + "/0", tmp_path / "page")
    assert (fetched.url, fetched.size) == (site.url + "/5", 5)


async def test_redirects_end(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = leads_to("/")
    failed = await failing(site.url, tmp_path)
    assert (failed.code, failed.permanent, len(site.asked)) == ("fetch_redirects", True, 6)


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (401, True), (403, True), (404, True), (410, True), (204, True), (206, True), (300, True),
     (408, False), (429, False), (500, False), (503, False)],
)  # fmt: skip
async def test_an_answer_that_is_no_page(status: int, permanent: bool, site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(status=status)
    failed = await failing(site.url, tmp_path)
    assert (failed.code, failed.status, failed.permanent) == ("fetch_status", status, permanent)
    assert str(status) in failed.message


@pytest.mark.parametrize("kind", ["video/mp4", "application/zip", "application/xml", "application/octet-stream", ""])
async def test_what_is_not_read_is_not_fetched(kind: str, site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = Page(b"hello", kind)
    failed = await failing(site.url + "/file", tmp_path)
    assert (failed.code, failed.permanent) == ("fetch_type", True)


@pytest.mark.parametrize("kind", ["application/octet-stream", "binary/octet-stream; charset=x", ""])
async def test_where_the_server_does_not_know_the_ending_says_it(kind: str, site: Site, tmp_path: Path) -> None:
    site.pages["/guide.MD"] = site.pages["/get?id=1"] = Page(b"# Hello", kind)
    assert (await fetch(site.url + "/guide.MD", tmp_path / "page")).content_type == "text/markdown"
    site.pages["/get?id=1"] = Page(b"%PDF", kind, headers={"Content-Disposition": 'attachment; filename="a.pdf"'})
    fetched = await fetch(site.url + "/get?id=1", tmp_path / "page")
    assert (fetched.content_type, fetched.name, fetched.charset) == (PDF, "a.pdf", "")


async def test_a_packed_page_is_unpacked(site: Site, tmp_path: Path) -> None:
    text = b"hello " * 10_000
    packed = gzip.compress(text[:20_000]) + gzip.compress(text[20_000:]) + b"\0\0"
    site.pages["/"] = Page(packed, headers={"Content-Encoding": "gzip"})
    assert (await fetch(site.url, tmp_path / "page", limits=SMALL)).size == len(text)
    assert (tmp_path / "page").read_bytes() == text


async def test_a_bomb_is_not_unpacked(site: Site, tmp_path: Path) -> None:
    """64 megabytes, packed into less than may come."""
    bomb = gzip.compress(bytes(2**26))
    assert len(bomb) < SMALL.most_bytes
    site.pages["/"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    failed = await failing(site.url, tmp_path)
    assert (failed.code, failed.permanent) == ("fetch_too_large", True)


async def test_packing_that_unpacks_to_nothing_for_ever_ends(site: Site, tmp_path: Path) -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(gzip.compress(b"") * 1000)
            await writer.drain()

    site.pages["/"] = Page(headers={"Content-Encoding": "gzip"}, then=write)
    assert (await failing(site.url, tmp_path)).code == "fetch_too_large"


@pytest.mark.parametrize(
    ("coding", "body", "code"),
    [
        ("gzip", gzip.compress(b"hello" * 100)[:-10], "fetch_unreachable"),
        ("gzip", b"hello", "fetch_unreachable"),
        ("br", b"hello", "fetch_type"),
        ("deflate", zlib.compress(b"hello"), "fetch_type"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"hello")), "fetch_type"),
    ],
    ids=["cut off", "not packed", "br", "deflate", "twice"],  # not by bytes: the time of packing is among them
)
async def test_packing_that_is_damaged_or_was_not_asked_for(
    coding: str, body: bytes, code: str, site: Site, tmp_path: Path
) -> None:
    site.pages["/"] = Page(body, headers={"Content-Encoding": coding})
    assert (await failing(site.url, tmp_path)).code == code


async def test_an_endless_body_ends(site: Site, tmp_path: Path) -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"hello " * 1000)
            await writer.drain()

    site.pages["/"] = Page(then=write)
    assert (await failing(site.url, tmp_path)).code == "fetch_too_large"


async def test_what_says_that_it_is_too_large_is_not_begun(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(headers={"Content-Length": "100001"}, then=nothing_more)
    assert (await failing(site.url, tmp_path)).code == "fetch_too_large"


async def test_endless_headers_end(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(b"hello", headers={"X": "a" * 1_000_000})
    assert (await failing(site.url, tmp_path)).code == "fetch_unreachable"


@pytest.mark.parametrize("head", [True, False])
async def test_drops_that_come_for_ever_end(head: bool, site: Site, tmp_path: Path) -> None:
    """Each drop comes in time; together they do not."""

    async def write(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    site.pages["/"] = Page(status=100 if head else 200, kind="text/html", then=write)
    failed = await failing(site.url, tmp_path, replace(SMALL, most_seconds=0.5))
    assert (failed.code, failed.permanent) == ("fetch_timeout", False)


async def test_a_body_that_breaks_off_is_not_a_page(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(b"half", headers={"Content-Length": "8"})
    failed = await failing(site.url, tmp_path)
    assert (failed.code, failed.permanent) == ("fetch_unreachable", False)


async def test_nobody_is_there(tmp_path: Path) -> None:
    async with Site() as gone:
        url = gone.url
    failed = await failing(url, tmp_path)
    assert (failed.code, failed.permanent) == ("fetch_unreachable", False)
    assert "127.0.0.1" in failed.message


async def test_a_name_that_nobody_knows(naming: object, tmp_path: Path) -> None:
    for host in ("nobody.example.com", "a" * 300, "xn--a"):
        assert (await failing(f"http://{host}/", tmp_path)).code == "fetch_unreachable"


async def test_whoever_stops_a_fetch_leaves_no_file(site: Site, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def write(writer: asyncio.StreamWriter) -> None:
        begun.set()
        await asyncio.sleep(60)

    site.pages["/"] = Page(b"hello", then=write)
    fetching = asyncio.create_task(fetch(site.url, tmp_path / "page"))
    await begun.wait()
    while not (tmp_path / "page").exists():  # noqa: ASYNC110 - a file tells nobody that it is there
        await asyncio.sleep(0)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert files_in(tmp_path) == []


async def test_two_connections_at_once_and_the_wait_is_not_counted(site: Site, tmp_path: Path) -> None:
    """Sixteen pages of half a second: whoever is last waits longer than a page may take."""

    async def write(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)

    site.pages["/"] = Page(b"hello", then=write)
    limits = replace(SMALL, most_seconds=3.0)
    await asyncio.gather(*(fetch(site.url, tmp_path / str(number), limits=limits) for number in range(16)))
    assert (site.most_open, len(site.asked)) == (AT_ONCE, 16)


@pytest.mark.parametrize(
    ("path", "disposition", "kind", "name"),
    [
        ("/", "", "text/html", "example.com.html"),
        ("/docs/install/", "", "text/html", "install.html"),
        ("/a.htm", "", "text/html", "a.htm"),
        ("/report.php", "", PDF, "report.php.pdf"),
        ("/readme.md", "", "text/plain", "readme.md"),
        ("/r%C3%A9sum%C3%A9.pdf", "", PDF, "résumé.pdf"),
        ("/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "", "text/plain", "passwd.txt"),
        ("/x", 'attachment; filename="../../a\\b.pdf"', PDF, "b.pdf"),
        ("/x", 'attachment; filename="..\\..\\.bashrc"', "text/plain", "bashrc.txt"),
        ("/x", "attachment; filename*=UTF-8''na%C3%AFve%2Fb.pdf", PDF, "b.pdf"),
        ("/x", "attachment; filename*=nonsense''%ff", PDF, "ÿ.pdf"),
        ("/x", 'attachment; filename="fdp.\u202efake\x7f.pdf"', PDF, "fdp. fake .pdf"),
        ("/a:b*c%3F%22%3C.pdf", "", PDF, "a-b-c-.pdf"),
        ("/%20%00", "", PDF, "page.pdf"),
        ("/" + "a" * 300 + ".PDF", "", PDF, "a" * (LONGEST_NAME - 4) + ".PDF"),
        ("/" + "a" * 300, "", PDF, "a" * (LONGEST_NAME - 4) + ".pdf"),
        ("/a." + "b" * 300, "", "text/unknown", ("a." + "b" * 300)[:LONGEST_NAME]),
    ],
)
def test_the_name_to_show(path: str, disposition: str, kind: str, name: str) -> None:
    headers = httpx2.Headers([(b"Content-Disposition", disposition.encode())] if disposition else [])
    assert display_name(headers, httpx2.URL("https://example.com" + path), kind) == name


async def nothing_more(writer: asyncio.StreamWriter) -> None:
    """The answer ends where it is, whatever its headers say."""
