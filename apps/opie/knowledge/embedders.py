"""The embedder of an index, as its platform's row is now. Sync."""

from apps.opie.models import KnowledgeIndex
from apps.opie.providers.embedding import Embedder, embedder_named


def embedder_of(index: KnowledgeIndex) -> Embedder:
    """What made the index's vectors, and has to make those of questions. Raises NotFound, InvalidInput or Unavailable when it is gone."""
    return embedder_named(index.base.team_id, index.platform_name, index.model, dimensions=index.dimensions)
