"""Texts to vectors: by a local model, which is the default, or by a platform; metered like every other call.

Nothing here imports NumPy, Agno or a vendor's SDK until something is embedded.
"""

from apps.opie.providers.embedding.asking import embed, probe
from apps.opie.providers.embedding.choice import default_embedder, embedder_named, embedders_for
from apps.opie.providers.embedding.embedder import Embedder, Kind

__all__ = ["Embedder", "Kind", "default_embedder", "embed", "embedder_named", "embedders_for", "probe"]
