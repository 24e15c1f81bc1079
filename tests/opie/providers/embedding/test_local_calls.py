"""The local model's calls: in the books of whoever asks, at no cost, within their limits."""

import asyncio
from decimal import Decimal
from typing import Any

import numpy
import pytest

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, LimitExceeded, NotFound
from apps.opie import rows
from apps.opie.models import AgentOSRun, Limit
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.embedding import default_embedder, embed, embedder_named, embedders_for
from apps.opie.providers.embedding.local.engine import Engine
from apps.opie.scope import NoRunScope
from tests.opie.providers.asking import usage_rows
from tests.opie.providers.people import Scoped

pytestmark = pytest.mark.django_db(transaction=True)


async def test_texts_become_vectors_with_a_row_for_each_batch(run: AgentOSRun, scoped: Scoped) -> None:
    texts = [f"Invoice {number} is due." for number in range(40)]
    with scoped():
        vectors = await embed(texts, default_embedder(), kind="document")
    assert vectors.shape == (40, 384)
    assert vectors.dtype == numpy.float32
    assert numpy.abs(numpy.linalg.norm(vectors, axis=1) - 1).max() < 1e-6
    calls = await usage_rows(run)
    assert [call.outcome for call in calls] == [CallOutcome.SUCCEEDED] * 2
    for call in calls:
        assert (call.platform_name, call.platform_id, call.model) == ("local", None, "all-MiniLM-L6-v2")
        assert (call.purpose, call.cost, call.certainty) == ("embedding", Decimal(0), Certainty.REPORTED)
        assert (call.user_id, call.team_id) == (run.user_id, run.team_id)
        assert call.output_tokens == 0
    assert [call.input_tokens for call in calls] == [32 * 9, 8 * 9]


async def test_their_order_is_kept_over_batches(scoped: Scoped) -> None:
    texts = [f"word {number} " * (1 + number % 7) for number in range(70)]
    with scoped():
        together = await embed(texts, default_embedder(), kind="document")
        alone = [await embed([texts[place]], default_embedder(), kind="query") for place in (0, 31, 32, 69)]
    for place, vector in zip((0, 31, 32, 69), alone, strict=True):
        assert numpy.abs(together[place] - vector[0]).max() < 1e-6


async def test_another_purpose_is_written_down(run: AgentOSRun, scoped: Scoped) -> None:
    with scoped():
        await embed(["Where is my invoice?"], default_embedder(), kind="query", purpose="search")
    assert [call.purpose for call in await usage_rows(run)] == ["search"]


async def test_nothing_is_embedded_for_nobody(run: AgentOSRun) -> None:
    with pytest.raises(NoRunScope):
        await embed(["Hello"], default_embedder(), kind="query")
    with pytest.raises(NoRunScope):
        await embed([], default_embedder(), kind="query")
    assert await usage_rows(run) == []


async def test_no_texts_make_no_vectors_and_no_call(run: AgentOSRun, scoped: Scoped) -> None:
    with scoped():
        assert (await embed([], default_embedder(), kind="document")).shape == (0, 384)
    assert await usage_rows(run) == []


@pytest.mark.parametrize("blank", ["", " \n\t"])
async def test_a_blank_text_is_refused(run: AgentOSRun, scoped: Scoped, blank: str) -> None:
    with scoped(), pytest.raises(InvalidInput):
        await embed(["Hello", blank], default_embedder(), kind="document")
    assert await usage_rows(run) == []


async def test_a_limit_on_calls_holds(principal: Principal, run: AgentOSRun, scoped: Scoped) -> None:
    await rows.run(lambda: Limit.objects.create(team_id=principal.team_id, requests_per_minute=1))
    with scoped():
        await embed(["One"], default_embedder(), kind="query")
        with pytest.raises(LimitExceeded):
            await embed(["Two"], default_embedder(), kind="query")
    assert len(await usage_rows(run)) == 1


async def test_a_cancelled_call_is_settled(run: AgentOSRun, scoped: Scoped, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def never(*_: Any) -> None:
        begun.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(Engine, "vectors_of", never)
    with scoped():
        asking = asyncio.create_task(embed(["Hello"], default_embedder(), kind="query"))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert [call.outcome for call in await usage_rows(run)] == [CallOutcome.CANCELLED]


async def test_a_fault_is_settled_and_raised(run: AgentOSRun, scoped: Scoped, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Engine, "vectors_of", fails)
    with scoped(), pytest.raises(MemoryError):
        await embed(["Hello"], default_embedder(), kind="query")
    (call,) = await usage_rows(run)
    assert (call.outcome, call.error_code) == (CallOutcome.FAILED, "internal")


def test_it_is_what_a_team_may_choose_before_anything_else(principal: Principal) -> None:
    assert embedders_for(principal.team_id) == [default_embedder()]
    assert embedder_named(principal.team_id, "local") == default_embedder()
    assert embedder_named(principal.team_id, "local", "all-MiniLM-L6-v2", dimensions=384) == default_embedder()
    for model, dimensions in (("another", None), ("", 768)):
        with pytest.raises(InvalidInput):
            embedder_named(principal.team_id, "local", model, dimensions=dimensions)
    with pytest.raises(NotFound):
        embedder_named(principal.team_id, "nowhere")
