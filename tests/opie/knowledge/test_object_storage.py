"""Files of documents in S3, through the storage that OPIE_FILE_STORAGE names: handed in, read, replaced and deleted."""

from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.opie import rows
from apps.opie.knowledge import bases, documents, ingesting, passages
from apps.opie.knowledge.ingesting import ingest
from apps.opie.models import KnowledgeBase, KnowledgeDocument
from apps.opie.models.knowledge import DocumentStatus
from apps.opie.providers.embedding import Embedder
from tests.opie.knowledge.conftest import HandIn, read
from tests.opie.people import Person
from tests.vendors.s3 import ACCESS_KEY, SECRET_KEY, ObjectStorage, object_storage

pytestmark = pytest.mark.skipif(
    find_spec("boto3") is None or find_spec("storages") is None,
    reason="django-storages and boto3 are not installed: requirements/s3.txt has them",
)
TEXT = b"# Returns\n\nA record may be returned within thirty days.\n"


@pytest.fixture
async def bucket(settings: Any) -> AsyncIterator[ObjectStorage]:
    with object_storage() as storage:
        options = {
            "bucket_name": "files",
            "endpoint_url": storage.url,
            "access_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
            "region_name": "us-east-1",
            "addressing_style": "path",
        }
        chosen = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"default": chosen}
        yield storage


@pytest.fixture(autouse=True)
def _without_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async def embed(texts: Sequence[str], embedder: Embedder, **_: Any) -> np.ndarray[Any, Any]:
        return np.eye(len(texts), embedder.dimensions, dtype=np.float32)

    monkeypatch.setattr(ingesting, "embed", embed)


async def text_of(document: KnowledgeDocument) -> str:
    return "".join(chunk.text for chunk in await rows.run(passages.chunks_of, document))


async def test_a_file_is_kept_read_and_deleted_there(bucket: ObjectStorage, hand_in: HandIn, person: Person) -> None:
    document = await hand_in(TEXT, "rules.md")
    assert document.status == DocumentStatus.READY, document.reason
    assert "thirty days" in await text_of(document)
    assert bucket.objects == {f"/files/{document.file.name}": TEXT}
    assert await rows.run(default_storage.size, document.file.name) == len(TEXT)
    await rows.run(documents.delete_document, person.principal, document)
    assert bucket.objects == {}


async def test_a_new_edition_takes_the_place_of_the_old(bucket: ObjectStorage, hand_in: HandIn, person: Person) -> None:
    document = await hand_in(TEXT, "rules.md")
    new = TEXT.replace(b"thirty", b"sixty")
    await rows.run(documents.replace_file, person.principal, document, ContentFile(new, "rules.md"))
    await ingest(document.pk)
    document = await read(document.pk)
    assert "sixty days" in await text_of(document)
    assert bucket.objects == {f"/files/{document.file.name}": new}


async def test_files_go_with_their_base(
    bucket: ObjectStorage, hand_in: HandIn, base: KnowledgeBase, person: Person
) -> None:
    await hand_in(TEXT, "a.md")
    await hand_in(TEXT + b"More.", "b.md")
    assert len(bucket.objects) == 2
    await rows.run(bases.delete_base, person.principal, base)
    assert bucket.objects == {}


async def test_a_file_that_the_bucket_has_lost(bucket: ObjectStorage, hand_in: HandIn, person: Person) -> None:
    document = await hand_in(TEXT, "rules.md")
    bucket.objects.clear()
    await rows.run(documents.read_again, person.principal, document)
    await ingest(document.pk)
    document = await read(document.pk)
    assert "not in the storage any more" in document.reason
    assert "thirty days" in await text_of(document)  # what was read of it is found


async def test_a_bucket_that_is_down_keeps_nobody_from_deleting(
    bucket: ObjectStorage, hand_in: HandIn, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """The row is gone, and the log names the file that is left."""
    document = await hand_in(TEXT, "rules.md")
    stored_as = str(document.file.name)
    bucket.is_down = True
    await rows.run(documents.delete_document, person.principal, document)
    assert not await rows.run(KnowledgeDocument.objects.filter(pk=document.pk).exists)
    assert stored_as in caplog.text
