"""Addresses of web pages: taken apart once, by the parser whose parts the connection is made with."""

import re
from typing import TYPE_CHECKING

from apps.opie.knowledge.fetching.failures import FetchFailed

if TYPE_CHECKING:
    import httpx2

LONGEST_URL = 2000  # what a row holds
SCHEMES = ("http", "https")
# The web's own ports, and those that anybody may serve on, where documentation and intranets often are. Below are a
# machine's services (mail, shell, files), which have no page to read and can be made to do things by what is sent there.
WEB_PORTS = (80, 443)
FIRST_FREE_PORT = 1024
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]+:[0-9a-f:.]*", re.ASCII)


def checked(text: str) -> "httpx2.URL":
    """The address, without its fragment. Raises FetchFailed with fetch_url where it is none that may be fetched.

    Whether its host is public is not asked here: only the connection can know.
    """
    import httpx2

    try:
        url = httpx2.URL(text.strip()).copy_with(fragment=None)
        host = url.raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError, ValueError) as error:
        raise FetchFailed("fetch_url") from error
    port = url.port if url.port is not None else 80
    fits = (
        url.scheme in SCHEMES
        and not url.userinfo
        and (port in WEB_PORTS or FIRST_FREE_PORT <= port <= 65535)
        and _HOST.fullmatch(host) is not None
        and len(str(url)) <= LONGEST_URL
    )
    if not fits:
        raise FetchFailed("fetch_url", host)
    return url


def onward(url: "httpx2.URL", location: str) -> "httpx2.URL":
    """Where a redirect leads. Raises FetchFailed: fetch_url, or fetch_redirects where encryption would be given up."""
    import httpx2

    try:
        target = checked(str(url.join(location)))
    except (httpx2.InvalidURL, ValueError) as error:
        raise FetchFailed("fetch_url", host_of(url)) from error
    if url.scheme == "https" and target.scheme == "http":
        raise FetchFailed("fetch_redirects", host_of(url))
    return target


def site_of(url: "httpx2.URL") -> str:
    """The host that a site's pages are under: www.example.com is a part of example.com."""
    return host_of(url).removeprefix("www.")


def is_of_site(url: "httpx2.URL", site: str) -> bool:
    """Whether an address is on the site's host, or on a subdomain of it."""
    return host_of(url) == site or host_of(url).endswith("." + site)


def host_of(url: "httpx2.URL") -> str:
    """The host, written in one way."""
    return url.raw_host.decode("ascii").rstrip(".")


def origin_of(url: "httpx2.URL") -> str:
    """Scheme, host and port: what one robots.txt is for."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
