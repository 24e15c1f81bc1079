"""A file on disk under a name that says nothing, as the store of uploads has it, and reading all of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.reader import Reading, read
from apps.opie.knowledge.reading.section import Section
from apps.opie.knowledge.reading.unreadable import Unreadable

Store = Callable[[bytes], Path]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    def put(content: bytes) -> Path:
        path = tmp_path / f"stored-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content)
        return path

    return put


async def read_all(path: Path, name: str, limits: Limits | None = None) -> tuple[Reading, list[Section]]:
    async with read(path, name, limits) as reading:
        return reading, [section async for section in reading]


async def refusal(path: Path, name: str, limits: Limits | None = None) -> Unreadable:
    with pytest.raises(Unreadable) as refused:
        await read_all(path, name, limits)
    assert refused.value.message.endswith(".")
    return refused.value
