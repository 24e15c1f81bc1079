"""A base of the owner's, and the worker's jobs done at once."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.base import ContentFile

from apps.opie import rows
from apps.opie.knowledge import documents
from apps.opie.knowledge.documents import About
from apps.opie.knowledge.ingesting import ingest
from apps.opie.models import KnowledgeBase, KnowledgeDocument
from tests.opie.engine.conftest import ask, script  # noqa: F401 - fixtures
from tests.opie.knowledge.bases import make_base
from tests.opie.people import Person

HandIn = Callable[..., Awaitable[KnowledgeDocument]]


@pytest.fixture(autouse=True)
def _files_of_this_test(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def base(person: Person) -> KnowledgeBase:
    return make_base(person, visibility="team")


@pytest.fixture
def hand_in(person: Person, base: KnowledgeBase) -> HandIn:
    """Hand a file in, read it as the worker does, and answer the row as it is then."""

    async def handed_in(content: bytes, name: str, **about: Any) -> KnowledgeDocument:
        file = ContentFile(content, name)
        added = await rows.run(documents.add_file, person.principal, base, file, About(**about))
        await ingest(added.pk)
        return await read(added.pk)

    return handed_in


async def read(document_id: UUID) -> KnowledgeDocument:
    return await rows.run(KnowledgeDocument.objects.select_related("base").get, pk=document_id)
