"""How alike a task is to examples of what agents are asked, by the local embedding model, where it is installed.

Nothing is sent anywhere and nothing is charged: it is not metered. The model knows English, and what is like what in
other languages it can only guess: there words choose alone.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING

from apps.opie import rows
from apps.opie.engine.dispatcher.example_vectors import keep_vectors, kept_vectors
from apps.opie.engine.dispatcher.words import is_english
from apps.opie.providers.embedding.choice import is_local_installed
from apps.opie.providers.embedding.embedder import Kind

if TYPE_CHECKING:
    from numpy import float32, intp
    from numpy.typing import NDArray

    Vectors = NDArray[float32]

MOST_KEPT = 20_000
LONGEST_TASK = 2_000
# One example that is alike by chance says less than a few.
NEAREST = 3

# The vector of each example, by its words: who changes a text has it embedded again.
_kept: "OrderedDict[str, Vectors]" = OrderedDict()


async def vector_of(task: str) -> "Vectors | None":
    """The vector of a task; None where there is no local model, and for a task it does not understand. Raises
    Unavailable where the model cannot be loaded."""
    read = task[:LONGEST_TASK]
    if not is_local_installed() or not is_english(read):
        return None
    vector: Vectors = (await _embedded([read], "query"))[0]
    return vector


class Examples:
    """What each agent is asked, at least one example each. Texts that several have are compared once."""

    def __init__(self, of_agents: Sequence[Sequence[str]]) -> None:
        self._texts = sorted({text for texts in of_agents for text in texts})
        place = {text: at for at, text in enumerate(self._texts)}
        self._places = [[place[text] for text in texts] for texts in of_agents]
        self._ready: tuple[Vectors, NDArray[intp]] | None = None

    async def likeness_to(self, vector: "Vectors") -> list[float]:
        """For each agent the mean cosine of the task's vector and the few examples most like it. The first call reads the
        examples. Raises Unavailable."""
        if not self._places:
            return []
        if self._ready is None:
            self._ready = await _vectors_of(self._texts), _table_of(self._places)
        vectors, table = self._ready
        return _nearest(vectors @ vector, table)


def _table_of(places: Sequence[Sequence[int]]) -> "NDArray[intp]":
    """A row for each agent, all of one length: who has fewer examples has them again."""
    import numpy

    length = max(NEAREST, *(len(of_one) for of_one in places))
    table = [list(islice(cycle(of_one), length)) for of_one in places]
    return numpy.array(table, dtype=numpy.intp)


def _nearest(cosines: "NDArray[float32]", table: "NDArray[intp]") -> list[float]:
    import numpy

    of_each = numpy.partition(cosines[table], -NEAREST, axis=1)[:, -NEAREST:]
    means: list[float] = of_each.mean(axis=1).tolist()
    return means


async def _vectors_of(texts: Iterable[str]) -> "Vectors":
    import numpy

    known = {text: _kept[text] for text in texts if text in _kept}
    missing = [text for text in texts if text not in known]
    if missing:
        known |= await _read_anew(missing)
    _kept.update(known)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return numpy.stack([known[text] for text in texts])


async def _read_anew(texts: Sequence[str]) -> "dict[str, Vectors]":
    """Those that another process has embedded come from rows, the others from the model."""
    read = await rows.run(kept_vectors, texts)
    missing = [text for text in texts if text not in read]
    if missing:
        made = dict(zip(missing, await _embedded(missing, "document"), strict=True))
        await rows.run(keep_vectors, made)
        read |= made
    return read


async def _embedded(texts: Sequence[str], kind: Kind) -> "Vectors":
    from apps.opie.providers.embedding.local.engine import engine_for

    engine = await engine_for(kind)
    return (await engine.vectors_of(texts, kind))[0]
