"""Calls that turn texts into vectors: the local model's and a platform's, in the books like any other call."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy

from apps.opie.ledger.tokens import TokenCounts
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers import failures
from apps.opie.providers.asking import OVERHEAD_OF_A_REQUEST
from apps.opie.providers.call import AttemptFailed, Call
from apps.opie.providers.clients import client_for
from apps.opie.providers.embedding.embedder import LOCAL, LOCAL_MODEL, Kind
from apps.opie.providers.embedding.local.engine import Engine
from apps.opie.providers.embedding.local.weights import Numbers
from apps.opie.providers.embedding.requests import EmbeddingReply, EmbeddingRequest
from apps.opie.providers.estimates import size_of, tokens_of_size
from apps.opie.providers.failures import VendorError, failure_of, vendor_error
from apps.opie.providers.fallback import InTurn, Patience
from apps.opie.providers.registry import get_registry
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot
from apps.opie.scope import RunScope

# Nobody watches a document being embedded: what a busy platform asks for is waited for.
OF_A_DOCUMENT = Patience(attempts=5, longest_pause=60.0, longest_wait=120.0)

# No row: what runs in this process is priced like everything else that is Opie's own.
LOCAL_PLATFORM = PlatformSnapshot(
    id=None,  # type: ignore[arg-type]
    platform_name=LOCAL,
    api_type=ApiType.OFFLINE,
    base_url="",
    api_key="",
    default_model=LOCAL_MODEL,
    timeout=0,
    max_tokens=0,
)


@dataclass(frozen=True)
class EmbeddingAsking:
    """The texts of one call."""

    texts: tuple[str, ...]
    kind: Kind

    @cached_property
    def estimated_tokens(self) -> int:
        """About how many tokens they are."""
        return sum(tokens_of_size(size_of(text)) for text in self.texts)

    @cached_property
    def most_tokens(self) -> int:
        """More tokens than they can be."""
        return sum(map(size_of, self.texts)) + OVERHEAD_OF_A_REQUEST


class LocalCall(Call):
    """One batch of the local model. It costs nothing, and its tokens are known."""

    _pieces: int | None = None

    @classmethod
    async def made(cls, scope: RunScope, asking: EmbeddingAsking, engine: Engine) -> Numbers:
        """Write it down, make it and settle it; the vectors. Raises as `Call.open` does."""
        call = await cls.open(scope, Candidate(LOCAL_PLATFORM, LOCAL_MODEL, max_tokens=0), asking, 1)
        try:
            vectors, call._pieces = await engine.vectors_of(asking.texts, asking.kind)
        except asyncio.CancelledError:
            await call.settle_cancelled()
            raise
        except Exception:
            await call._settle(*call.tokens(), CallOutcome.FAILED, "internal")
            raise
        await call.settle_succeeded()
        return vectors

    def tokens(self) -> tuple[TokenCounts, Certainty]:
        return super().tokens() if self._pieces is None else (_input_of(self._pieces), Certainty.REPORTED)


class EmbeddingCall(Call):
    """One request to a platform."""

    _reported: int | None = None

    async def vectors(self, request: EmbeddingRequest, length: int | None) -> Numbers:
        """One row of length 1 for each text, of `length` numbers where that is known. Raises AttemptFailed."""
        try:
            reply = await self._reply_to(request)
        except asyncio.CancelledError:
            await self.settle_cancelled()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the call is settled, then raised again
            raise await self._failed(error) from vendor_error(error)
        self._reported = reply.input_tokens
        try:
            vectors = _checked(reply.vectors, len(request.texts), length)
        except VendorError as error:
            raise await self.settle_failed(error, failures.UNUSABLE_VECTORS) from error
        await self.settle_succeeded()
        return vectors

    async def _reply_to(self, request: EmbeddingRequest) -> EmbeddingReply:
        platform = self.candidate.platform
        adapter = get_registry()[platform.api_type]
        assert adapter.embed is not None  # noqa: S101 - no Embedder is made for one that cannot
        async with client_for(platform, adapter) as client:
            return await adapter.embed(client, request)

    async def _failed(self, error: Exception) -> AttemptFailed:
        failure = failure_of(error, after_first_token=False)
        return await self.settle_failed(
            error, failures.TEXT_TOO_LONG if failure is failures.INPUT_TOO_LONG else failure
        )

    def tokens(self) -> tuple[TokenCounts, Certainty]:
        return super().tokens() if self._reported is None else (_input_of(self._reported), Certainty.REPORTED)


class EmbeddingInTurn(InTurn[EmbeddingCall]):
    """One request on its way: to one platform, because vectors of another cannot be compared with its own."""

    def __init__(self, scope: RunScope, platform: PlatformSnapshot, request: EmbeddingRequest) -> None:
        asking = EmbeddingAsking(request.texts, request.kind)
        more: dict[str, Any] = {"patience": OF_A_DOCUMENT} if request.kind == "document" else {}
        super().__init__(scope, (Candidate(platform, request.model, max_tokens=0),), asking, **more)
        self._request = request

    async def vectors(self, length: int | None) -> Numbers:
        """The vectors of its texts. Raises as `InTurn.next_attempt` does."""
        while True:
            call = await self.next_attempt()
            try:
                vectors = await call.vectors(self._request, length)
            except AttemptFailed as error:
                await self.failed(call, error)
            except asyncio.CancelledError:
                await self.abandoned(call)
                raise
            else:
                await self.succeeded(call)
                return vectors

    @property
    def was_too_long(self) -> bool:
        """Whether the platform would not read a text because of its length."""
        return bool(self.causes) and self.causes[-1].failure is failures.TEXT_TOO_LONG

    def _limit_of(self, candidate: Candidate) -> str:  # noqa: ARG002 - texts are cut to what the model reads
        return ""

    async def _open(self, candidate: Candidate) -> EmbeddingCall:
        return await EmbeddingCall.open(self._scope, candidate, self._asked, self._number)


def _input_of(tokens: int) -> TokenCounts:
    return TokenCounts(input=tokens, cached=0, cache_write=0, output=0, reasoning=0, audio=0)


def _checked(found: Sequence[Any], count: int, length: int | None) -> Numbers:
    """The vectors as rows of length 1. Raises VendorError where they are not what was asked for."""
    if len(found) != count:
        raise VendorError(f"{len(found)} vectors came for {count} texts.")
    try:
        rows = [numpy.frombuffer(one, "<f4") if isinstance(one, bytes) else one for one in found]
        vectors = numpy.array(rows, dtype=numpy.float32)
    except (ValueError, TypeError) as error:
        raise VendorError("What came are not vectors of one length.") from error
    if vectors.ndim != 2 or vectors.shape[1] != (length or vectors.shape[1]):
        raise VendorError(f"Vectors of shape {vectors.shape} came, and {length} numbers each were asked for.")
    lengths = numpy.linalg.norm(vectors.astype(numpy.float64), axis=1, keepdims=True)
    if not (numpy.isfinite(lengths).all() and lengths.all() and vectors.shape[1]):
        raise VendorError("A vector came that points nowhere.")
    normal: Numbers = (vectors / lengths).astype(numpy.float32)
    return normal
