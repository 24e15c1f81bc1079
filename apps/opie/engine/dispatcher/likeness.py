"""How alike a task is to examples of what agents are asked, by the local embedding model, where it is installed.

Nothing is sent anywhere and nothing is charged: it is not metered.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from apps.opie.providers.embedding.choice import is_local_installed
from apps.opie.providers.embedding.embedder import Kind

if TYPE_CHECKING:
    from numpy import float32, int64
    from numpy.typing import NDArray

    Vectors = NDArray[float32]

MOST_KEPT = 20_000
LONGEST_TASK = 2_000

# The vector of each example, by its words: who changes a text has it embedded again.
_kept: "OrderedDict[str, Vectors]" = OrderedDict()


class Examples:
    """What each agent is asked, at least one example each. Texts that several have are compared once."""

    def __init__(self, of_agents: Sequence[Sequence[str]]) -> None:
        self._texts = sorted({text for texts in of_agents for text in texts})
        place = {text: at for at, text in enumerate(self._texts)}
        self._places = [[place[text] for text in texts] for texts in of_agents]
        self._vectors: Vectors | None = None

    async def likeness_to(self, task: str) -> list[float] | None:
        """For each agent the cosine of the task and the example most like it; None where there is no local model."""
        if not self._places or not is_local_installed():
            return None
        if self._vectors is None:
            self._vectors = await _vectors_of(self._texts)
        vector = (await _embedded([task[:LONGEST_TASK]], "query"))[0]
        return _nearest(self._vectors @ vector, self._places)


def _nearest(cosines: "NDArray[float32]", places: Sequence[Sequence[int]]) -> list[float]:
    import numpy

    every: NDArray[int64] = numpy.fromiter((at for of_one in places for at in of_one), dtype=numpy.int64)
    starts = numpy.cumsum([0, *(len(of_one) for of_one in places[:-1])])
    nearest: list[float] = numpy.maximum.reduceat(cosines[every], starts).tolist()
    return nearest


async def _vectors_of(texts: Iterable[str]) -> "Vectors":
    import numpy

    known = {text: _kept[text] for text in texts if text in _kept}
    missing = [text for text in texts if text not in known]
    if missing:
        known |= dict(zip(missing, await _embedded(missing, "document"), strict=True))
    _kept.update(known)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return numpy.stack([known[text] for text in texts])


async def _embedded(texts: Sequence[str], kind: Kind) -> "Vectors":
    from apps.opie.providers.embedding.local.engine import engine_for

    engine = await engine_for(kind)
    return (await engine.vectors_of(texts, kind))[0]
