"""The files behind documents, in whatever storage the installation has. Sync."""

import logging
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from apps.api.errors import Unavailable
from apps.opie.models import KnowledgeDocument

logger = logging.getLogger(__name__)


def copy_to(stored_as: str, path: Path) -> None:
    """Bring a stored file to this machine, a piece at a time. Raises Unavailable where the storage has lost it."""
    try:
        with default_storage.open(stored_as, "rb") as stored, path.open("wb") as copy:
            shutil.copyfileobj(stored, copy, 1 << 20)
    except FileNotFoundError:
        raise Unavailable("The file of this document is not in the storage any more. Hand it in again.") from None


def keep_page(document_id: UUID, name: str, content: File[bytes]) -> str:
    """Store what a page was fetched as, in the place of what it was before; answers what it is stored as."""
    document = KnowledgeDocument.objects.get(pk=document_id)
    earlier = document.file.name
    document.file.save(name, content, save=False)
    if earlier:
        delete_stored(earlier)
    return str(document.file.name)


@receiver(post_delete, sender=KnowledgeDocument)
def delete_file_of(instance: KnowledgeDocument, **_: Any) -> None:
    """A document's file goes with it, however it is deleted: alone, or with its base, its team or its source."""
    if stored_as := instance.file.name:
        transaction.on_commit(lambda: delete_stored(stored_as))


def delete_stored(stored_as: str) -> None:
    """Delete a file that no row names any more. What the storage says to that is written into the log, and keeps nobody
    from going on."""
    try:
        default_storage.delete(stored_as)
    except Exception:
        # Each storage has errors of its own, and the rows are as they should be: whoever sweeps it finds what is left.
        logger.exception("the file %s could not be deleted", stored_as)
