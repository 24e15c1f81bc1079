"""Which pages a site lists, and which of them a crawl reads."""

import asyncio
import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.opie.knowledge.fetching import crawl as crawl_module
from apps.opie.knowledge.fetching import sitemap as sitemap_module
from apps.opie.knowledge.fetching.crawl import Crawl
from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.fetch import Limits, fetch
from apps.opie.knowledge.fetching.sitemap import MOST_SITEMAPS, SitemapPage, pages_of
from apps.opie.knowledge.fetching.sitemap_files import LONGEST_TOKEN, NotASitemap, moment, read_sitemap
from tests.opie.knowledge.fetching.conftest import PUBLIC, Naming
from tests.opie.knowledge.fetching.site import Page, Site, leads_to

pytestmark = pytest.mark.usefixtures("opened")
XML = "application/xml"
LISTED = b"<url><loc>http://127.0.0.1:65535/</loc></url>"
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def quick() -> Crawl:
    return Crawl(limits=Limits(most_bytes=1_000_000, most_seconds=20), pause=0)


def urlset(*entries: str) -> Page:
    inside = "".join(f"<url>{entry if entry.startswith('<') else f'<loc>{entry}</loc>'}</url>" for entry in entries)
    return Page(f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACE}>{inside}</urlset>'.encode(), XML)


def index(*sitemaps: str) -> Page:
    inside = "".join(f"<sitemap><loc>{one}</loc></sitemap>" for one in sitemaps)
    return Page(f"<sitemapindex {SPACE}>{inside}</sitemapindex>".encode(), XML)


async def found(url: str, most: int = 100) -> list[str]:
    return [page.url for page in await pages_of(url, most=most, crawl=quick())]


async def failing(url: str) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await pages_of(url, most=100, crawl=quick())
    return caught.value


async def test_the_pages_of_a_sitemap(site: Site) -> None:
    image = "<image:image xmlns:image='urn:i'><image:loc>http://127.0.0.1:65535/no</image:loc></image:image>"
    site.pages["/map"] = urlset(
        f"<loc> {site.url}/a?x=1&amp;y=2 </loc><lastmod>2026-11-02T10:00:00+02:00</lastmod>",
        f"{image}<lastmod>2026-11-01</lastmod><loc><![CDATA[{site.url}/b]]></loc>",
        f"<loc>{site.url}/c#top</loc><lastmod>soon</lastmod>",
        site.url + "/c",
        "<priority>1</priority>",
    )
    assert await pages_of(site.url + "/map", most=100, crawl=quick()) == [
        SitemapPage(site.url + "/a?x=1&y=2", datetime(2026, 11, 2, 8, tzinfo=UTC)),
        SitemapPage(site.url + "/b", datetime(2026, 11, 1, tzinfo=UTC)),
        SitemapPage(site.url + "/c"),
    ]


async def test_as_many_as_are_asked_for(site: Site) -> None:
    site.pages["/map"] = index(site.url + "/1", site.url + "/2")
    site.pages["/1"] = urlset(*(f"{site.url}/p{number}" for number in range(5)))
    assert await found(site.url + "/map", most=3) == [f"{site.url}/p{number}" for number in range(3)]
    assert "/2" not in site.paths


async def test_packed_and_plain_lists(site: Site) -> None:
    lines = f"\ufeff{site.url}/a\r\n\n# no address\nHTTP://127.0.0.1:{site.port}/b\n/c\n{site.url}/d".encode()
    site.pages["/list.txt"] = Page(lines, "text/plain")
    site.pages["/list.gz"] = Page(gzip.compress(lines[:20]) + gzip.compress(lines[20:]), "application/x-gzip")
    site.pages["/map.xml.gz"] = Page(gzip.compress(urlset(site.url + "/a").body), "application/octet-stream")
    abd = [site.url + path for path in ("/a", "/b", "/d")]
    assert await found(site.url + "/list.txt") == abd
    assert await found(site.url + "/list.gz") == abd
    assert await found(site.url + "/map.xml.gz") == abd[:1]


async def test_an_index_that_goes_in_circles_ends(site: Site) -> None:
    site.pages["/map"] = index(site.url + "/map", site.url + "/other", site.url + "/pages")
    site.pages["/other"] = index(site.url + "/map", site.url + "/other#again")
    site.pages["/pages"] = urlset(site.url + "/a")
    assert await found(site.url + "/map") == [site.url + "/a"]
    assert [path for path in site.paths if path != "/robots.txt"] == ["/map", "/other", "/pages"]


async def test_indexes_are_followed_so_deep_and_no_deeper(site: Site) -> None:
    for depth in range(1, 9):
        site.pages[f"/{depth}"] = index(f"{site.url}/{depth + 1}")
    assert (await failing(site.url + "/1")).code == "fetch_sitemap"
    assert site.paths == ["/1", "/2", "/3"]


async def test_so_many_sitemaps_are_read_and_no_more(site: Site) -> None:
    site.pages["/map"] = index(*(f"{site.url}/{number}" for number in range(200)))
    site.pages |= {f"/{number}": urlset() for number in range(200)}
    await failing(site.url + "/map")
    assert len(site.asked) == MOST_SITEMAPS


async def test_only_pages_of_the_same_site(site: Site, naming: Naming, way: list[str]) -> None:
    naming("www.example.com", PUBLIC)
    naming("docs.example.com", PUBLIC)
    naming("example.com", PUBLIC)
    own = [site.at(host) + "/a" for host in ("www.example.com", "example.com", "docs.example.com")]
    others = ["https://example.org/a", "https://badexample.com/a", "https://example.com.evil.org/a", "ftp://example.com/a",
              "https://ann:secret@example.com/a", "https://example.com:22/", "/a", "http://[", "https://example.org/@example.com/"]  # fmt: skip
    site.pages["/map"] = urlset(*others, *own)
    assert await found(site.at("www.example.com") + "/map") == own
    assert set(way) == {PUBLIC}


async def test_no_more_origins_are_asked_than_a_site_has(site: Site, naming: Naming, way: list[str]) -> None:
    hosts = [f"a{number}.example.com" for number in range(60)]
    for host in ("example.com", *hosts):
        naming(host, PUBLIC)
    site.pages["/map"] = urlset(*(site.at(host) + "/a" for host in hosts))
    assert len(await found(site.at("example.com") + "/map")) == sitemap_module.MOST_ORIGINS
    assert site.paths.count("/robots.txt") == sitemap_module.MOST_ORIGINS


async def test_a_sites_first_page_leads_to_the_sitemaps_that_its_robots_name(site: Site) -> None:
    site.pages["/robots.txt"] = Page(
        f"Sitemap: {site.url}/1\nUser-agent: *\nSitemap: {site.url}/2".encode(), "text/plain"
    )
    site.pages["/1"], site.pages["/2"] = urlset(site.url + "/a"), urlset(site.url + "/b")
    assert await found(site.url) == [site.url + "/a", site.url + "/b"]
    assert "/sitemap.xml" not in site.paths


async def test_or_to_where_it_is_by_custom(site: Site) -> None:
    site.pages["/sitemap.xml"] = urlset(site.url + "/a")
    assert await found(site.url + "/") == [site.url + "/a"]


async def test_there_is_none(site: Site) -> None:
    site.pages["/"] = site.pages["/page"] = Page(b"<html></html>")
    failed = await failing(site.url)
    assert (failed.code, failed.permanent) == ("fetch_sitemap", True)
    assert (await failing(site.url + "/page")).code == "fetch_type"
    assert (await failing(site.url + "/nothing")).status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"<html>" + LISTED + b"</html>",
        b"<urlset>" + LISTED + b"<url>",
        b"<urlset>" + LISTED + b"\xff</urlset>",
        b"",
        b"\x1f\x8b nothing packed",
        gzip.compress(b"<urlset>" + LISTED + b"</urlset>") + b"\x1f damaged",
        b"no address",
        b'<?xml version="1.0" encoding="nonsense"?><urlset>' + LISTED + b"</urlset>",
        b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset>' + LISTED + b"</urlset>",
        b'<!DOCTYPE urlset SYSTEM "http://127.0.0.1:65535/x.dtd"><urlset>' + LISTED + b"</urlset>",
        b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><urlset>' + LISTED + b"</urlset>",
        b"<urlset><url><loc>http://127.0.0.1:65535/&a;</loc></url></urlset>",
        gzip.compress(b"http://127.0.0.1:65535/\n" + b"\n" * 5_000_000),
        gzip.compress(b"<urlset>" + LISTED + b" " * 5_000_000 + b"</urlset>"),
        b'<urlset><url a="' + b"a" * (LONGEST_TOKEN + 200_000) + b'"/>' + LISTED + b"</urlset>",
        b"x" * (LONGEST_TOKEN + 200_000) + b"\nhttp://127.0.0.1:65535/",
    ],
    ids=lambda body: str(len(body)),  # not by its bytes: the time of packing is among them
)
async def test_a_file_that_is_no_sitemap(body: bytes, site: Site) -> None:
    site.pages["/map"] = Page(body, XML)
    assert (await failing(site.url + "/map")).code == "fetch_sitemap"


def test_a_long_list_is_not_read_to_its_end(tmp_path: Path) -> None:
    """What is behind the first entries is not even looked at: it is no XML."""
    file = tmp_path / "map"
    entries = b"".join(b"<url><loc>http://x/%d</loc></url>" % number for number in range(10_000))
    file.write_bytes(b"<urlset>" + entries + b"<<<")
    assert len(read_sitemap(file, most=100, most_bytes=10**7)) < 5_000
    with pytest.raises(NotASitemap):
        read_sitemap(file, most=20_000, most_bytes=10**7)


@pytest.mark.parametrize("text", ["", "2026", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_what_is_no_moment(text: str) -> None:
    assert moment(text) is None


async def test_what_passes_by_itself_is_not_taken_for_gone(site: Site) -> None:
    """A page that is not in the list is taken out of the base: half a list would take pages out that are there."""
    site.pages["/map"] = index(site.url + "/gone", site.url + "/1", site.url + "/2")
    site.pages["/1"], site.pages["/2"] = urlset(site.url + "/a"), Page(status=503)
    failed = await failing(site.url + "/map")
    assert (failed.code, failed.status, failed.permanent) == ("fetch_status", 503, False)
    site.pages["/2"] = urlset(site.url + "/b")
    assert await found(site.url + "/map") == [site.url + "/a", site.url + "/b"]  # a part that is gone is passed over


async def test_a_crawl_keeps_to_the_robots_and_asks_them_once(site: Site, tmp_path: Path) -> None:
    site.pages["/robots.txt"] = Page(
        b"User-agent: opie\nDisallow: /private\n\nUser-agent: *\nDisallow: /", "text/plain"
    )
    site.pages["/map"] = urlset(*(site.url + path for path in ("/a", "/private/b", "/c")))
    site.pages["/a"] = site.pages["/private/b"] = Page(b"hello")
    site.pages["/c"] = leads_to("/private/b")
    crawl = quick()
    pages = await pages_of(site.url + "/map", most=100, crawl=crawl)
    assert [page.url for page in pages] == [site.url + "/a", site.url + "/c"]
    assert (await crawl.fetch(site.url + "/a", tmp_path / "a")).size == 5
    for path in ("/private/b", "/c"):
        with pytest.raises(FetchFailed) as caught:
            await crawl.fetch(site.url + path, tmp_path / "b")
        assert (caught.value.code, caught.value.permanent) == ("fetch_robots", True)
    assert (site.paths.count("/robots.txt"), "/private/b" in site.paths) == (1, False)
    assert (await fetch(site.url + "/private/b", tmp_path / "b")).size == 5  # a person named it


async def test_a_site_that_forbids_everything_says_so(site: Site) -> None:
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /", "text/plain")
    site.pages["/map"] = urlset(site.url + "/a")
    assert (await failing(site.url + "/map")).code == "fetch_robots"


@pytest.mark.parametrize("answer", [Page(status=404), Page(status=403), leads_to("/robots.txt"), Page(b"<html>\xff")])
async def test_without_robots_everything_may_be_read(answer: Page, site: Site, tmp_path: Path) -> None:
    site.pages["/robots.txt"], site.pages["/a"] = answer, Page(b"hello")
    assert (await quick().fetch(site.url + "/a", tmp_path / "a")).size == 5


async def test_robots_that_cannot_be_had_now_might_forbid_it(site: Site, tmp_path: Path) -> None:
    site.pages["/robots.txt"], site.pages["/a"] = Page(status=500), Page(b"hello")
    site.pages["/map"] = urlset(site.url + "/a")
    crawl = quick()
    assert len(await pages_of(site.url + "/map", most=100, crawl=crawl)) == 1  # listed: it may well be there
    for _ in range(2):
        with pytest.raises(FetchFailed) as caught:
            await crawl.fetch(site.url + "/a", tmp_path / "a")
        assert (caught.value.status, caught.value.permanent) == (500, False)
    assert (site.paths.count("/robots.txt"), "/a" in site.paths) == (1, False)


async def test_robots_are_asked_again_when_they_may_have_changed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(crawl_module.time, "monotonic", lambda: now[0])
    site.pages["/robots.txt"], site.pages["/a"] = Page(status=500), Page(b"hello")
    crawl = quick()
    with pytest.raises(FetchFailed):
        await crawl.fetch(site.url + "/a", tmp_path / "a")
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow:", "text/plain")
    now[0] += crawl_module.FAILURES_LAST_SECONDS
    assert (await crawl.fetch(site.url + "/a", tmp_path / "a")).size == 5
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /a", "text/plain")
    assert (await crawl.fetch(site.url + "/a", tmp_path / "a")).size == 5
    now[0] += crawl_module.ROBOTS_LAST_SECONDS
    with pytest.raises(FetchFailed, match=r"robots\.txt"):
        await crawl.fetch(site.url + "/a", tmp_path / "a")


@pytest.mark.parametrize(
    "line", ["Crawl-delay: ²", "Crawl-delay: " + "9" * 5000, "Request-rate: ²/²", "Crawl-delay:", ":"]
)
async def test_lines_that_pythons_parser_does_not_get_over(line: str, site: Site, tmp_path: Path) -> None:
    rules = f"User-agent: *\n{line}\nDisallow: /b"
    site.pages["/robots.txt"], site.pages["/a"] = Page(rules.encode(), "text/plain"), Page(b"hello")
    crawl = quick()
    assert (await crawl.fetch(site.url + "/a", tmp_path / "a")).size == 5
    with pytest.raises(FetchFailed, match=r"robots\.txt"):
        await crawl.fetch(site.url + "/b", tmp_path / "b")


@pytest.mark.parametrize(("asked_for", "waits"), [("", 3.0), ("Crawl-delay: 7", 7.0), ("Crawl-delay: 900", 10.0)])
async def test_there_is_a_pause_between_pages(
    asked_for: str, waits: float, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = f"User-agent: *\n{asked_for}\nDisallow: /b"
    site.pages["/robots.txt"], site.pages["/a"] = Page(rules.encode(), "text/plain"), Page(b"hello")
    slept: list[float] = []
    plain = asyncio.sleep

    async def sleep(seconds: float, *_: Any) -> None:
        slept.append(seconds)
        await plain(0)

    monkeypatch.setattr(crawl_module.time, "monotonic", lambda: 1000.0)  # nothing takes any time
    monkeypatch.setattr(crawl_module.asyncio, "sleep", sleep)
    crawl = Crawl(pause=3.0)
    for _ in range(3):
        await crawl.fetch(site.url + "/a", tmp_path / "a")
    assert slept == [0.0, waits, 2 * waits]
