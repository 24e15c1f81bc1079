"""Sources: the pages of a sitemap are fetched as one crawl, and a page that a person named as one page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest

from apps.opie import rows
from apps.opie.knowledge import ingesting, sources
from apps.opie.knowledge.fetching import crawl as crawl_module
from apps.opie.knowledge.fetching.crawls import MOST_KEPT, crawl_of
from apps.opie.knowledge.ingesting import ingest
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeSource
from apps.opie.models.knowledge import DocumentStatus, SourceKind
from apps.opie.providers.embedding import Embedder
from tests.opie.knowledge.fetching.site import Page, Site, leads_to
from tests.opie.people import Person

ROBOTS = b"User-agent: *\nCrawl-delay: 4\nDisallow: /private"


@pytest.fixture
async def site(settings: Any) -> AsyncIterator[Site]:
    settings.OPIE_FETCH_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    async with Site() as one:
        one.pages["/robots.txt"] = Page(ROBOTS, "text/plain")
        for path in ("/a", "/b", "/private"):
            one.pages[path] = Page(f"<h1>Page {path}</h1><p>What there is to say.</p>".encode())
        one.pages["/c"] = leads_to("/private")
        listed = "".join(f"<url><loc>{one.url}{path}</loc></url>" for path in ("/a", "/b", "/c", "/private"))
        one.pages["/map.xml"] = Page(
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</urlset>'.encode(), "text/xml"
        )
        yield one


@pytest.fixture(autouse=True)
def _without_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async def embed(texts: Sequence[str], embedder: Embedder, **_: Any) -> np.ndarray[Any, Any]:
        return np.eye(len(texts), embedder.dimensions, dtype=np.float32)

    monkeypatch.setattr(ingesting, "embed", embed)


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for, which are not waited for."""
    asked: list[float] = []

    async def rest(self: object, least: float = 0.0) -> None:
        asked.append(least)

    monkeypatch.setattr(crawl_module.Crawl, "rest", rest)
    return asked


async def followed(base: KnowledgeBase, url: str, kind: SourceKind) -> dict[str, KnowledgeDocument]:
    """Follow it and read its pages at once, as the worker's jobs do; answers the documents by path."""
    source = await rows.run(KnowledgeSource.objects.create, base=base, url=url, kind=kind)
    await sources.sync(source.pk)
    made = await rows.run(list, source.documents.all())
    await asyncio.gather(*(ingest(document.pk) for document in made))
    done = await rows.run(list, source.documents.all())
    return {"/" + document.url.rpartition("/")[2]: document for document in done}


async def test_pages_of_a_sitemap_are_one_crawl(
    site: Site, base: KnowledgeBase, person: Person, rests: list[float]
) -> None:
    found = await followed(base, site.url + "/map.xml", SourceKind.SITEMAP)
    assert {path: document.status for path, document in found.items()} == {
        "/a": DocumentStatus.READY,
        "/b": DocumentStatus.READY,
        "/c": DocumentStatus.FAILED,
    }
    assert found["/c"].reason_code == "fetch_robots"
    assert (site.paths.count("/robots.txt"), "/private" in site.paths) == (1, False)
    assert rests == [0.0, 4.0, 4.0, 4.0]  # for the sitemap, and for each page what the site asks for


async def test_a_page_that_a_person_named_is_read_regardless(
    site: Site, base: KnowledgeBase, person: Person, rests: list[float]
) -> None:
    found = await followed(base, site.url + "/private", SourceKind.PAGE)
    assert found["/private"].status == DocumentStatus.READY
    assert (site.paths, rests) == (["/private"], [])


async def test_a_source_keeps_its_crawl_and_only_so_many_are_kept() -> None:
    from apps.api.ids import uuid7

    first, second = uuid7(), uuid7()
    crawl, other = crawl_of(first), crawl_of(second)
    assert crawl is not other
    for _ in range(MOST_KEPT - 1):
        assert crawl_of(first) is crawl
        crawl_of(uuid7())
    assert crawl_of(first) is crawl
    assert crawl_of(second) is not other
