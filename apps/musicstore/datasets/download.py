"""Chinook's file from the network. Only what is known byte for byte is taken."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from apps.musicstore.datasets.chinook import LARGEST_FILE, SHA256
from apps.musicstore.datasets.rows import SourceRefused

_TIMEOUT = httpx.Timeout(30.0)


def is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


@contextmanager
def downloaded(url: str, sha256: str = SHA256) -> Iterator[Path]:
    """The file behind the address, as long as the block lasts. Raises SourceRefused when it cannot be had, or is another
    than the one that is known."""
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as file:
        digest, size = hashlib.sha256(), 0
        try:
            with httpx.stream("GET", url, follow_redirects=True, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    size += len(piece)
                    if size > LARGEST_FILE:
                        raise SourceRefused(f"{url} is larger than {LARGEST_FILE // 1024**2} MB: it is not Chinook.")
                    digest.update(piece)
                    file.write(piece)
        except httpx.HTTPStatusError as error:
            raise SourceRefused(f"{url} answered {error.response.status_code}.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceRefused(f"{url} cannot be fetched ({type(error).__name__}). Give a file instead.") from None
        if digest.hexdigest() != sha256:
            raise SourceRefused(
                f"{url} is not the Chinook file that is known here (SHA-256 {digest.hexdigest()} instead of {sha256})."
            )
        file.flush()
        yield Path(file.name)
