"""No fetched address reaches a private one: not by its own form, not by what it resolves to, not by where it leads."""

import ssl
from pathlib import Path

import pytest

from apps.opie.knowledge.fetching.failures import FetchFailed
from apps.opie.knowledge.fetching.fetch import fetch
from apps.opie.knowledge.fetching.sitemap import pages_of
from tests.opie.knowledge.fetching.conftest import OTHER_PUBLIC, PUBLIC, Naming
from tests.opie.knowledge.fetching.site import Page, Site, files_in, leads_to

NAME = "docs.example.com"
# 127.0.0.1, 10.0.0.1 and 169.254.169.254, in every way that a resolver or a library may understand.
PRIVATE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "10.0.0.1", "167772161", "[fd00::1]", "[fe80::1]", "169.254.169.254", "2852039166", "[::ffff:169.254.169.254]",
    "100.64.0.1", "224.0.0.1", "127。0。0。1",
]  # fmt: skip
NO_ADDRESS = [
    "file:///etc/passwd", "ftp://93.184.215.14/", "gopher://93.184.215.14/", "data:text/html,hello", "javascript:1",
    "http://", "http:///etc", "/etc/passwd", "docs.example.com", "", "http://[::1", "http://[fe80::1%25lo]/",
    "http://0177.0.0.1/", "http://127.0.0.1%2f@x/", "http://a\\b/", "http://a b/", "http://a\r\nHost: b/",
    "http://93.184.215.14:22/", "http://93.184.215.14:25/", "http://93.184.215.14:0/", "http://93.184.215.14:99999/",
    "http://ann:secret@93.184.215.14/", "http://ann@93.184.215.14/", "http://:@93.184.215.14/",
    "http://%31%32%37.0.0.1/", "http://１２７.0.0.1/", "http://xn--a/\x00", "http://93.184.215.14/" + "a" * 2000,
]  # fmt: skip


async def refused(url: str, folder: Path) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await fetch(url, folder / "page")
    assert files_in(folder) == []
    return caught.value


@pytest.mark.parametrize("host", PRIVATE)
async def test_a_private_address_is_refused_in_every_form(
    host: str, inside: Site, naming: Naming, tmp_path: Path
) -> None:
    failed = await refused(inside.at(host), tmp_path)
    assert (failed.code, failed.permanent) == ("fetch_private_address", True)
    assert inside.connections == 0


@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize("status", [301, 307])
async def test_no_redirect_leads_to_one(
    host: str, status: int, site: Site, inside: Site, naming: Naming, way: list[str], tmp_path: Path
) -> None:
    naming(NAME, PUBLIC)
    site.pages["/"] = leads_to(inside.at(host) + "/", status)
    failed = await refused(site.at(NAME), tmp_path)
    assert failed.code == "fetch_private_address"
    assert (site.connections, inside.connections, way) == (1, 0, [PUBLIC])


@pytest.mark.parametrize("url", NO_ADDRESS)
async def test_what_is_no_address_of_a_page(url: str, naming: Naming, way: list[str], tmp_path: Path) -> None:
    failed = await refused(url, tmp_path)
    assert (failed.code, failed.permanent, way) == ("fetch_url", True, [])
    assert "secret" not in failed.message


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://93.184.215.14/", "http://ann:secret@93.184.215.14/", "http://93.184.215.14:22/"],
)
async def test_no_redirect_leads_to_what_is_none(
    location: str, site: Site, naming: Naming, way: list[str], tmp_path: Path
) -> None:
    naming(NAME, PUBLIC)
    site.pages["/"] = leads_to(location)
    assert (await refused(site.at(NAME), tmp_path)).code == "fetch_url"
    assert way == [PUBLIC]


async def test_a_backslash_in_a_redirect_changes_no_host(
    site: Site, inside: Site, naming: Naming, way: list[str], tmp_path: Path
) -> None:
    """Browsers read it as a slash, so that a check may see another host than the connection."""
    naming(NAME, PUBLIC)
    site.pages["/"] = leads_to(f"\\\\127.0.0.1:{inside.port}\\x")
    assert (await refused(site.at(NAME), tmp_path)).code == "fetch_status"  # a path of the same site
    assert (inside.connections, set(way)) == (0, {PUBLIC})


async def test_what_was_looked_at_is_what_is_connected_to(
    site: Site, naming: Naming, way: list[str], tmp_path: Path
) -> None:
    """A name that is public when it is resolved, and private when it is resolved again."""
    asked = naming(NAME, PUBLIC, "127.0.0.1")
    site.pages["/"] = Page(b"hello")
    fetched = await fetch(site.at(NAME), tmp_path / "page")
    assert (fetched.size, way, asked) == (5, [PUBLIC], [NAME])
    assert site.asked[0].headers["host"] == f"{NAME}:{site.port}"


async def test_a_redirect_resolves_and_is_looked_at_again(
    site: Site, naming: Naming, way: list[str], tmp_path: Path
) -> None:
    asked = naming(NAME, PUBLIC, "127.0.0.1")
    site.pages["/"] = leads_to("/next")
    assert (await refused(site.at(NAME), tmp_path)).code == "fetch_private_address"
    assert (way, asked, site.paths) == ([PUBLIC], [NAME, NAME], ["/"])


@pytest.mark.parametrize("answer", [f"{PUBLIC},10.0.0.1", f"10.0.0.1,{PUBLIC}", f"{PUBLIC},::1", "127.0.0.1"])
async def test_a_name_with_one_private_address_is_refused(
    answer: str, site: Site, naming: Naming, way: list[str], tmp_path: Path
) -> None:
    naming(NAME, answer)
    failed = await refused(site.at(NAME), tmp_path)
    assert (failed.code, way, site.connections) == ("fetch_private_address", [], 0)
    assert "10.0.0.1" not in failed.message


async def test_a_name_with_two_public_ones_is_not(site: Site, naming: Naming, way: list[str], tmp_path: Path) -> None:
    naming(NAME, f"{PUBLIC},{OTHER_PUBLIC}")
    site.pages["/"] = Page(b"hello")
    assert (await fetch(site.at(NAME), tmp_path / "page")).size == 5
    assert way == [PUBLIC]


async def test_an_operator_opens_a_network_and_no_other(
    site: Site, opened: None, naming: Naming, tmp_path: Path
) -> None:
    naming("wiki.intranet", "127.0.0.1")
    site.pages["/"] = Page(b"hello")
    for host in ("wiki.intranet", "127.0.0.1", "[::ffff:127.0.0.1]"):
        fetched = await fetch(site.at(host), tmp_path / "page")
        assert fetched.size == 5
    (tmp_path / "page").unlink()
    for host in ("10.0.0.1", "[::1]", "169.254.169.254"):
        assert (await refused(site.at(host), tmp_path)).code == "fetch_private_address"


async def test_no_proxy_of_the_environment_is_a_way_around(
    inside: Site, monkeypatch: pytest.MonkeyPatch, naming: Naming, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, inside.url)
    naming(NAME, "10.0.0.1")
    assert (await refused(f"http://{NAME}/", tmp_path)).code == "fetch_private_address"
    assert inside.connections == 0


async def test_no_sitemap_leads_to_one(site: Site, inside: Site, naming: Naming, way: list[str]) -> None:
    """Neither by listing it, nor by an index, nor by robots.txt, nor by a redirect."""
    naming("example.com", PUBLIC)
    naming("in.example.com", "127.0.0.1")
    private = f"http://in.example.com:{inside.port}"
    site.pages["/robots.txt"] = Page(f"Sitemap: {private}/a.xml\nSitemap: {site.at('example.com')}/b.xml".encode())
    site.pages["/b.xml"] = Page(
        f"<sitemapindex><sitemap><loc>{private}/c.xml</loc></sitemap><sitemap><loc>/d.xml</loc></sitemap>"
        f"<sitemap><loc>{site.at('example.com')}/e.xml</loc></sitemap>"
        f"<sitemap><loc>{site.at('example.com')}/f.xml</loc></sitemap></sitemapindex>".encode(),
        "application/xml",
    )
    site.pages["/e.xml"] = leads_to(private + "/g.xml")
    page = site.at("example.com") + "/page"
    site.pages["/f.xml"] = Page(f"<urlset><url><loc>{page}</loc></url></urlset>".encode(), "text/xml")
    found = await pages_of(site.at("example.com"), most=10)
    assert [one.url for one in found] == [page]
    assert inside.connections == 0


async def test_tls_is_for_the_name_and_not_for_the_address(
    naming: Naming, way: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.opie.knowledge.fetching import fetch as module
    from tests.opie.providers.test_connecting import certificate_for

    certificate, key = certificate_for(NAME, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    module._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    naming(NAME, PUBLIC)
    naming("other.example.com", PUBLIC)
    try:
        async with Site(tls=context) as site:
            site.pages["/"] = Page(b"hello")
            assert (await fetch(site.at(NAME), tmp_path / "page")).size == 5
            with pytest.raises(FetchFailed) as caught:
                await fetch(site.at("other.example.com"), tmp_path / "page")
            assert caught.value.code == "fetch_unreachable"  # the certificate is another's
            site.pages["/"] = leads_to(f"http://{NAME}:8080/")
            with pytest.raises(FetchFailed) as caught:
                await fetch(site.at(NAME), tmp_path / "page")
            assert (caught.value.code, set(way)) == ("fetch_redirects", {PUBLIC})
    finally:
        module._tls.cache_clear()
