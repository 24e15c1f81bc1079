"""What turns texts into vectors: a model, where it runs, and how long its vectors are."""

from dataclasses import dataclass
from typing import Literal

from apps.opie.models.chunks import WIDTHS
from apps.opie.providers.snapshot import PlatformSnapshot

Kind = Literal["document", "query"]

LOCAL = "local"
LOCAL_MODEL = "all-MiniLM-L6-v2"
LOCAL_DIMENSIONS = 384
# What the widest chunk table takes.
MOST_DIMENSIONS = WIDTHS[-1]


@dataclass(frozen=True, slots=True)
class Embedder:
    """One embedding model on one platform; without a platform it runs in this process. `dimensions` is how many numbers
    each vector has that comes back."""

    platform_name: str
    platform: PlatformSnapshot | None
    model: str
    dimensions: int

    @property
    def key(self) -> str:
        """The same for vectors that may be compared with each other, and for no others."""
        where = LOCAL if self.platform is None else str(self.platform.id)
        return f"{where}/{self.model}/{self.dimensions}"

    @property
    def is_local(self) -> bool:
        """Whether the texts stay in this process."""
        return self.platform is None


LOCAL_EMBEDDER = Embedder(LOCAL, None, LOCAL_MODEL, LOCAL_DIMENSIONS)
