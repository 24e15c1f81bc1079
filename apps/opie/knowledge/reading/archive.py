"""The zip archive that an Office document is, looked at before anything is unpacked from it."""

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

_END = b"PK\x05\x06"
_END_LENGTH = 22
_END_64 = b"PK\x06\x06"
# The end record of a large archive and the pointer to it stand right before the ordinary end record.
_BEFORE_END = 56 + 20
_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED = 0x1
_XML = (".xml", ".rels", ".vml")


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """The archive, when its directory is of a size that may be read. Raises Unreadable."""
    if _directory_bytes(path) > limits.directory_bytes:
        raise Unreadable(Reason.BOMB)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, struct.error, EOFError) as error:
        raise Unreadable(Reason.DAMAGED) from error


def check(path: Path, limits: Limits) -> None:
    """Whether it may be unpacked: members, sizes, ratio. Raises Unreadable."""
    with opened(path, limits) as archive:
        members = archive.infolist()
        if len(members) > limits.members or len({one.filename for one in members}) != len(members):
            raise Unreadable(Reason.BOMB)
        for member in members:
            _check_member(member, limits)
        if sum(one.file_size for one in members) > limits.unpacked_bytes:
            raise Unreadable(Reason.BOMB)
        if sum(one.file_size for one in members if one.filename.lower().endswith(_XML)) > limits.xml_bytes:
            raise Unreadable(Reason.TOO_LARGE)


def _check_member(member: zipfile.ZipInfo, limits: Limits) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise Unreadable(Reason.ENCRYPTED)
    packed_tightly = member.file_size > max(1, member.compress_size) * limits.unpacked_ratio
    if packed_tightly and member.file_size > limits.ratio_from_bytes:
        raise Unreadable(Reason.BOMB)


def _directory_bytes(path: Path) -> int:
    """What the archive's own end says about the length of its directory: all of that would be read at once."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _END_LENGTH - _LONGEST_COMMENT - _BEFORE_END))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_LENGTH:
        raise Unreadable(Reason.DAMAGED)
    said: int = struct.unpack_from("<L", tail, at + 12)[0]
    if tail[at - _BEFORE_END : at - _BEFORE_END + 4] == _END_64:
        said = struct.unpack_from("<Q", tail, at - _BEFORE_END + 40)[0]
    return said
