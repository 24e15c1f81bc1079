"""Texts to vectors: cut, marked with what they are, and asked for in batches that the model takes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from apps.api.errors import InvalidInput, PlatformFailed
from apps.opie.models.platforms import ApiType
from apps.opie.providers.embedding.choice import check_dimensions
from apps.opie.providers.embedding.embedder import Embedder, Kind
from apps.opie.providers.embedding.known_models import known_model, prefix_for
from apps.opie.providers.embedding.requests import EmbeddingRequest
from apps.opie.providers.estimates import BYTES_PER_TOKEN, size_of, tokens_of_size
from apps.opie.providers.snapshot import PlatformSnapshot
from apps.opie.scope import RunScope, require_scope

if TYPE_CHECKING:
    from apps.opie.providers.embedding.local.weights import Numbers

# So many texts go into one call. Gemini takes no more than 100; a server on somebody's desk needs a while for each.
MOST_TEXTS = {ApiType.OPENAI: 128, ApiType.GEMINI: 100}
MOST_TEXTS_ELSEWHERE = 32
# And so many tokens, as estimated: OpenAI takes 300,000, Gemini fewer.
MOST_TOKENS = {ApiType.OPENAI: 100_000}
MOST_TOKENS_ELSEWHERE = 16_000
WORD_TO_TRY = "ready"


async def embed(texts: Sequence[str], embedder: Embedder, *, kind: Kind, purpose: str = "embedding") -> "Numbers":
    """One row of length 1 for each text, in their order: float32, `embedder.dimensions` numbers each.

    It is asked for in batches, one after the other; each is a call in the books of the scope that is set
    (apps.opie.scope). What is longer than the model reads is cut: by the local model at 256 word pieces, as the
    original does; for a platform at about the model's longest input, and where it still finds that too long, at what is
    sure to fit. A document waits longer for a busy platform than a query, which somebody waits for.

    Raises NoRunScope without a scope, InvalidInput for a blank text, Unavailable where the local model is not installed,
    PlatformFailed, LimitExceeded and BudgetExceeded as completions do. Then the batches before it are paid for and lost:
    whoever has many texts asks for a few at a time and keeps what came.
    """
    import numpy

    scope = require_scope().for_purpose(purpose)
    if not all(text.strip() for text in texts):
        raise InvalidInput("A text without a word cannot be embedded. Leave it out.", code="blank_text")
    if not texts:
        return numpy.empty((0, embedder.dimensions), dtype=numpy.float32)
    if embedder.platform is None:
        return await _locally(texts, kind, scope)
    return await _Asking(scope, embedder.platform, embedder.model, embedder.dimensions, kind).vectors_of(texts)


async def probe(platform: PlatformSnapshot, model: str) -> Embedder:
    """The embedder of a model of which nothing is known: one word is embedded, in the books, and the vector's length
    read. Raises as `embed` does, and InvalidInput where its vectors are longer than can be stored, or where the
    platform embeds nothing."""
    from apps.opie.providers.registry import get_registry

    scope = require_scope().for_purpose("embedding")
    if get_registry()[platform.api_type].embed is None:
        raise InvalidInput(f"{platform.platform_name} has no embedding models.", code="unknown_embedding_model")
    known = known_model(platform.api_type, model)
    wanted = None if known is None else known.dimensions
    vectors = await _Asking(scope, platform, model, wanted, "query").vectors_of([WORD_TO_TRY])
    dimensions = int(vectors.shape[1])
    check_dimensions(dimensions)
    return Embedder(platform.platform_name, platform, model, dimensions)


async def _locally(texts: Sequence[str], kind: Kind, scope: RunScope) -> "Numbers":
    import numpy

    from apps.opie.providers.embedding.calls import EmbeddingAsking, LocalCall
    from apps.opie.providers.embedding.local.engine import engine_for

    engine = await engine_for(kind)
    batches = (texts[start : start + MOST_TEXTS_ELSEWHERE] for start in range(0, len(texts), MOST_TEXTS_ELSEWHERE))
    found = [await LocalCall.made(scope, EmbeddingAsking(tuple(batch), kind), engine) for batch in batches]
    return numpy.concatenate(found)


class _Asking:
    """Texts on their way to a platform. `dimensions` is None where nobody knows them yet."""

    def __init__(
        self, scope: RunScope, platform: PlatformSnapshot, model: str, dimensions: int | None, kind: Kind
    ) -> None:
        self._scope, self._platform, self._model = scope, platform, model
        self._dimensions, self._kind = dimensions, kind
        self._known = known_model(platform.api_type, model)
        self._prefix = prefix_for(model, kind)

    async def vectors_of(self, texts: Sequence[str]) -> "Numbers":
        import numpy

        longest = None if self._known is None else self._known.longest_input * BYTES_PER_TOKEN
        whole = [_cut(self._prefix + _sendable(text), longest) for text in texts]
        return numpy.concatenate([await self._batch(batch) for batch in _batches(whole, self._platform.api_type)])

    async def _batch(self, texts: Sequence[str]) -> "Numbers":
        from apps.opie.providers.embedding.calls import EmbeddingInTurn

        turn = EmbeddingInTurn(self._scope, self._platform, self._request(texts))
        try:
            return await turn.vectors(self._dimensions)
        except PlatformFailed:
            if not turn.was_too_long or self._known is None:
                raise
        # No tokenizer makes two tokens of one byte.
        short = [_cut(text, self._known.longest_input) for text in texts]
        return await EmbeddingInTurn(self._scope, self._platform, self._request(short)).vectors(self._dimensions)

    def _request(self, texts: Sequence[str]) -> EmbeddingRequest:
        is_shorter = self._known is not None and self._dimensions != self._known.native
        return EmbeddingRequest(self._model, tuple(texts), self._kind, self._dimensions if is_shorter else None)


def _batches(texts: Sequence[str], api_type: str) -> Iterator[list[str]]:
    most_texts = MOST_TEXTS.get(ApiType(api_type), MOST_TEXTS_ELSEWHERE)
    most_tokens = MOST_TOKENS.get(ApiType(api_type), MOST_TOKENS_ELSEWHERE)
    batch: list[str] = []
    tokens = 0
    for text in texts:
        more = tokens_of_size(size_of(text))
        if batch and (len(batch) == most_texts or tokens + more > most_tokens):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += more
    yield batch


def _sendable(text: str) -> str:
    """Without halves of characters, which no JSON can carry."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _cut(text: str, most_bytes: int | None) -> str:
    encoded = text.encode("utf-8")
    return text if most_bytes is None or len(encoded) <= most_bytes else encoded[:most_bytes].decode("utf-8", "ignore")
