"""Writing what is sent into a file, unpacked, and no more of it than may be."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from apps.opie.knowledge.fetching.failures import FetchFailed

# Unpacked in pieces, so that a small piece that unpacks to much is never in memory as a whole.
PIECE = 2**18
_GZIP_ONLY = 31  # zlib's way of saying: with gzip's header, and no other
_CODINGS = {"": False, "identity": False, "gzip": True, "x-gzip": True}


class Gunzip:
    """Unpacks gzip in bounded pieces. Files that were joined together are unpacked one after the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_ONLY)

    @property
    def is_whole(self) -> bool:
        return self._member.eof

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """What these bytes unpack to. Raises zlib.error where they are damaged."""
        while True:
            if self._member.eof:
                # What is behind a member is another one, or padding.
                if not packed.startswith(b"\x1f"):
                    return
                self._member = zlib.decompressobj(_GZIP_ONLY)
            piece = self._member.decompress(packed, PIECE)
            if piece:
                yield piece
            packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not packed and len(piece) < PIECE:
                return


class Body:
    """One answer's body on its way into a file. Counts what comes in as well as what it unpacks to.

    Everything here may wait for the disk: called in a thread.
    """

    def __init__(self, file: BinaryIO, coding: str, most: int, host: str) -> None:
        """Raises FetchFailed with fetch_type for a packing that was not asked for."""
        if (coding := coding.strip().lower()) not in _CODINGS:
            raise FetchFailed("fetch_type", host)
        self._gunzip = Gunzip() if _CODINGS[coding] else None
        self._file, self._most, self._host = file, most, host
        self._came = self.size = 0

    def take(self, piece: bytes) -> None:
        """Raises FetchFailed: fetch_too_large, or fetch_unreachable where the packing is damaged."""
        self._came += len(piece)
        if self._came > self._most:
            raise FetchFailed("fetch_too_large", self._host)
        if self._gunzip is None:
            self._write(piece)
            return
        try:
            for unpacked in self._gunzip.pieces(piece):
                self._write(unpacked)
        except zlib.error as error:
            raise FetchFailed("fetch_unreachable", self._host) from error

    def end(self) -> None:
        """Raises FetchFailed with fetch_unreachable where the packed body stops in its middle."""
        if self._gunzip is not None and self._came and not self._gunzip.is_whole:
            raise FetchFailed("fetch_unreachable", self._host)
        self._file.flush()

    def _write(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._most:
            raise FetchFailed("fetch_too_large", self._host)
        self._file.write(piece)
