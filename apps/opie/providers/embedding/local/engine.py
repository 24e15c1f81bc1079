"""The local model at work: loaded once a process, in threads of its own, so that the event loop never waits.

Two threads: one for questions, which somebody waits for, and one for documents. NumPy lets go of the interpreter while
it multiplies. Each multiplies on one core (config/settings.py): threads of OpenBLAS that have to share cores with other
processes were seen to take ten times as long.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import numpy

from apps.opie.providers.embedding.embedder import Kind
from apps.opie.providers.embedding.local.mini_lm import MiniLM
from apps.opie.providers.embedding.local.weights import VOCABULARY, WEIGHTS, Numbers, tensors_of, verified_folder
from apps.opie.providers.embedding.local.word_pieces import WordPieces

# More at once are not quicker, and keep others waiting.
MOST_PIECES_AT_ONCE = 512

Pieces = list[int]
P = ParamSpec("P")
T = TypeVar("T")


class Engine:
    """The words and the network."""

    def __init__(self) -> None:
        folder = verified_folder()
        self._words = WordPieces(folder / VOCABULARY)
        self._network = MiniLM(tensors_of(folder / WEIGHTS))

    async def vectors_of(self, texts: Sequence[str], kind: Kind) -> tuple[Numbers, int]:
        """The vectors of at least one text, and how many word pieces were read for them."""
        pieces = await _in_thread(kind, self._pieces_of, texts)
        stretches = [await _in_thread(kind, self._network.vectors_of, stretch) for stretch in _stretches(pieces)]
        return numpy.concatenate(stretches), sum(map(len, pieces))

    def _pieces_of(self, texts: Sequence[str]) -> list[Pieces]:
        return [self._words.numbers_of(text) for text in texts]


async def engine_for(kind: Kind) -> Engine:
    """The one engine of this process; the first call loads it. Raises Unavailable where it cannot be."""
    return _loaded if _loaded is not None else await _in_thread(kind, _load)


_loaded: Engine | None = None
_loading = threading.Lock()


def _load() -> Engine:
    global _loaded
    with _loading:
        if _loaded is None:
            _loaded = Engine()
    return _loaded


def _stretches(texts: Sequence[Pieces]) -> Iterator[list[Pieces]]:
    stretch: list[Pieces] = []
    size = 0
    for text in texts:
        if stretch and size + len(text) > MOST_PIECES_AT_ONCE:
            yield stretch
            stretch, size = [], 0
        stretch.append(text)
        size += len(text)
    yield stretch


@functools.cache
def _thread_for(kind: Kind) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"embed-{kind}")


async def _in_thread(kind: Kind, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    call = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_thread_for(kind), call)
