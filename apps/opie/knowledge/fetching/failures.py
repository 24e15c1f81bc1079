"""What can go wrong with a fetch, in words that a document's row shows to a person."""

from apps.api.errors import SourceFailed

# code: what to tell, and whether asking again would end the same way.
_FAILURES: dict[str, tuple[str, bool]] = {
    "fetch_url": ("This address cannot be read: enter one that begins with https:// or http://, without a password, on port 80, 443 or above 1023.", True),
    "fetch_private_address": ("{host} is not on the public internet. Enter a public address, or have an operator open that network with OPIE_FETCH_ALLOWED_NETWORKS.", True),
    "fetch_unreachable": ("{host} could not be reached, or broke off in the middle of its answer. Try again later.", False),
    "fetch_timeout": ("{host} took too long to answer. Try again later.", False),
    "fetch_too_large": ("What {host} sends is too large. Enter the address of a smaller page or file.", True),
    "fetch_type": ("What {host} sends is of a kind that is not read here. Enter the address of a page, a text, a PDF, an Office file, a table or an image.", True),
    "fetch_status": ("{host} answered with status {status}. Look whether the page opens without signing in.", True),
    "fetch_redirects": ("{host} leads on too often, or from an encrypted address to one that is not. Enter the address where the page is.", True),
    "fetch_robots": ("{host} asks in its robots.txt that programs do not read this page.", True),
    "fetch_sitemap": ("No sitemap that can be read was found at {host}. Enter the address of a sitemap, or of single pages.", True),
}  # fmt: skip
# Of a refusal that passes by itself: too early, too often, or the other side's own trouble.
_PASSING = {408, 421, 425, 429}


class FetchFailed(SourceFailed):
    """A page could not be read. `permanent`: asking again would end the same way; `status`: the answer's, if there is one.

    The message names the host, never what it resolves to: that is the operator's to know.
    """

    def __init__(self, code: str, host: str = "", *, status: int | None = None) -> None:
        message, self.permanent = _FAILURES[code]
        self.host, self.status = host[:200], status
        if status is not None:
            self.permanent = status < 500 and status not in _PASSING
        super().__init__(message.format(host=self.host or "The address", status=status), code=code)
