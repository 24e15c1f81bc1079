"""What goes wrong between texts and vectors: what is tried again, what the person is told, what is written down."""

import asyncio
import socket
from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded, LimitExceeded, PlatformFailed
from apps.opie import rows
from apps.opie.models import AgentOSRun, AIPlatform, Budget, BudgetPeriod, Limit, ModelPrice, PlatformHealth
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome
from apps.opie.providers.embedding import Kind, embed
from apps.opie.scope import NoRunScope
from tests.opie.providers.asking import usage_rows
from tests.opie.providers.embedding.conftest import WIRES, Embedding
from tests.opie.providers.people import Scoped
from tests.vendors.reply import Reply, Spoilt
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

SDKS = (ApiType.OPENAI, ApiType.GEMINI, ApiType.OLLAMA)


async def told(run: AgentOSRun) -> list[tuple[str, str]]:
    return [(call.outcome, call.error_code) for call in await usage_rows(run)]


@pytest.mark.parametrize("api_type", SDKS)
@pytest.mark.parametrize(("status", "code"), [(429, "platform_busy"), (500, "platform_failed"), (503, "platform_busy")])
async def test_what_may_pass_is_tried_again(
    api_type: str, status: int, code: str, vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    embedder = await embedding(api_type)
    vendor.will(Reply(status=status, text="No."), Reply(dimensions=embedder.dimensions))
    with scoped():
        assert (await embed(["Hello"], embedder, kind="query")).shape == (1, embedder.dimensions)
    assert await told(run) == [("failed", code), ("succeeded", "")]
    assert [call.attempt for call in await usage_rows(run)] == [1, 2]
    assert (await usage_rows(run))[0].cost == 0


@pytest.mark.parametrize(("kind", "attempts"), [("query", 2), ("document", 5)])
async def test_a_document_is_tried_more_often_than_a_query_and_neither_for_ever(
    kind: Kind, attempts: int, vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(status=500, text="No."))
    with scoped(), pytest.raises(PlatformFailed) as caught:
        await embed(["Hello"], await embedding(ApiType.OPENAI), kind=kind)
    assert caught.value.code == "platform_failed"
    assert await told(run) == [("failed", "platform_failed")] * attempts


async def test_what_the_platform_asks_for_is_waited_for_unless_somebody_waits(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, pauses = asyncio.sleep, []

    async def sleep(seconds: float, *more: Any) -> Any:
        pauses.append(seconds)
        return await plain(0 if seconds == 42 else seconds, *more)

    monkeypatch.setattr("apps.opie.providers.fallback.asyncio.sleep", sleep)
    embedder = await embedding(ApiType.OPENAI)
    busy = Reply(status=429, retry_after="42", text="Rate limit reached")
    with scoped():
        vendor.will(busy, Reply(dimensions=1536))
        await embed(["Hello"], embedder, kind="document")
        assert pauses.count(42) == 1
        vendor.will(busy, Reply(dimensions=1536))
        with pytest.raises(PlatformFailed) as caught:
            await embed(["Hello"], embedder, kind="query")
    assert caught.value.headers["Retry-After"] == "42"
    assert pauses.count(42) == 1


@pytest.mark.parametrize("api_type", SDKS)
async def test_silence_ends_in_time(
    api_type: str, vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(fault="hang_first"))
    with scoped(), pytest.raises(PlatformFailed) as caught:
        await embed(["Hello"], await embedding(api_type, timeout=1), kind="query")
    assert caught.value.code == "platform_timeout"
    assert await told(run) == [("failed", "platform_timeout")] * 2


@pytest.mark.parametrize("api_type", SDKS)
async def test_a_dead_platform_is_not_billed(
    api_type: str, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with scoped(), pytest.raises(PlatformFailed) as caught:
        await embed(["Hello"], await embedding(api_type, url), kind="query")
    assert caught.value.code == "platform_unreachable"
    assert await told(run) == [("unsent", "platform_unreachable")] * 2
    assert {(call.input_tokens, call.cost) for call in await usage_rows(run)} == {(0, 0)}


@pytest.mark.parametrize("api_type", WIRES)
@pytest.mark.parametrize("spoilt", ["one_missing", "one_short", "nan", "zero"])
async def test_vectors_that_cannot_be_used_are_not(
    api_type: str, spoilt: Spoilt, vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    embedder = await embedding(api_type)
    vendor.will(Reply(dimensions=embedder.dimensions, spoilt=spoilt))
    with scoped(), pytest.raises(PlatformFailed, match=f"{embedder.platform_name} did not answer with one usable") as e:
        await embed(["one", "two"], embedder, kind="query")
    assert e.value.code == "platform_failed"
    (call,) = await usage_rows(run)
    assert (call.outcome, call.input_tokens) == (CallOutcome.FAILED, 120)  # it has counted them


@pytest.mark.parametrize("api_type", SDKS)
async def test_vectors_of_another_length_are_refused(
    api_type: str, vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(dimensions=100))
    embedder = await embedding(api_type)
    if api_type == ApiType.GEMINI:  # that one is asked for a length, and gives it
        embedder = await embedding(api_type, model="gemini-embedding-exp", dimensions=768, platform_name="other")
    with scoped(), pytest.raises(PlatformFailed, match="usable vector"):
        await embed(["Hello"], embedder, kind="query")
    assert await told(run) == [("failed", "platform_failed")]


async def test_a_model_that_is_not_there_is_named(
    vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(status=404, text='model "nomic-embed-text" not found, try pulling it first'))
    with scoped(), pytest.raises(PlatformFailed, match="ollama does not offer the model nomic-embed-text"):
        await embed(["Hello"], await embedding(ApiType.OLLAMA), kind="document")
    assert len(await usage_rows(run)) == 1


@pytest.mark.rests
async def test_a_refused_key_lays_the_platform_to_rest(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped
) -> None:
    vendor.will(Reply(status=401, text="Incorrect API key provided."))
    embedder = await embedding(ApiType.OPENAI)
    with scoped():
        for code in ("platform_key_refused", "platform_resting"):
            with pytest.raises(PlatformFailed) as caught:
                await embed(["Hello"], embedder, kind="document")
            assert caught.value.code == code
    assert len(vendor.asked) == 1
    assert await rows.run(PlatformHealth.objects.exclude(rested_until=None).count) == 1


async def test_a_budget_is_held_and_paid_from(
    vendor: VendorServer, embedding: Embedding, principal: Principal, scoped: Scoped
) -> None:
    await rows.run(lambda: Budget.objects.create(team_id=principal.team_id, amount=Decimal("0.0001")))
    vendor.will(Reply(dimensions=1536))
    with scoped():
        await embed(["Hello"], await embedding(ApiType.OPENAI), kind="document")
    period = await rows.run(BudgetPeriod.objects.get)
    assert (period.spent, period.reserved) == (Decimal("0.0000024"), 0)


async def test_beyond_a_budget_nothing_is_sent(
    vendor: VendorServer, embedding: Embedding, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    await rows.run(lambda: Budget.objects.create(team_id=principal.team_id, amount=Decimal("0.00001")))
    with scoped():
        with pytest.raises(BudgetExceeded):
            await embed(["Hello"], await embedding(ApiType.OPENAI), kind="document")
        with pytest.raises(BudgetExceeded) as caught:
            await embed(["Hello"], await embedding(ApiType.OPENAI_COMPATIBLE), kind="document")
    assert caught.value.code == "price_unknown"
    assert vendor.asked == []
    assert {call.outcome for call in await usage_rows(run)} <= {"unsent"}


async def test_a_price_that_was_set_counts(
    vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    embedder = await embedding(ApiType.OPENAI_COMPATIBLE)
    price = {"input_per_million": 1, "output_per_million": 0, "valid_from": run.created_at}
    await rows.run(
        lambda: ModelPrice.objects.create(platform_name=embedder.platform_name, model=embedder.model, **price)
    )
    vendor.will(Reply(dimensions=768))
    with scoped():
        await embed(["Hello"], embedder, kind="document")
    assert [call.cost for call in await usage_rows(run)] == [Decimal("0.00012")]


async def test_a_limit_of_the_team_and_one_of_the_platform_hold(
    vendor: VendorServer, embedding: Embedding, principal: Principal, scoped: Scoped
) -> None:
    vendor.will(Reply(dimensions=1536))
    limited = await embedding(ApiType.OPENAI, platform_name="limited", requests_per_minute=1)
    free = await embedding(ApiType.OPENAI, platform_name="free")
    with scoped():
        await embed(["Hello"], limited, kind="document")
        with pytest.raises(PlatformFailed, match="limited may take 1 call a minute") as caught:
            await embed(["Hello"], limited, kind="document")
        assert caught.value.code == "platform_limit_reached"
        await rows.run(lambda: Limit.objects.create(team_id=principal.team_id, tokens_per_minute=100))
        await embed(["Hello"], free, kind="document")
        with pytest.raises(LimitExceeded):
            await embed(["Hello"], free, kind="document")
    assert len(vendor.asked) == 2


async def test_a_teams_platform_leads_into_no_private_network(
    vendor: VendorServer, embedding: Embedding, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    for api_type in WIRES:
        ours = await embedding(api_type, team_id=principal.team_id)
        with scoped(), pytest.raises(PlatformFailed, match="not on the public internet"):
            await embed(["Hello"], ours, kind="query")
    assert vendor.connections == 0
    assert {call.outcome for call in await usage_rows(run)} == {"unsent"}


async def test_a_cancelled_request_is_settled(
    vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.will(Reply(fault="hang_first"))
    embedder = await embedding(ApiType.OPENAI)
    with scoped():
        asking = asyncio.create_task(embed(["Hello"], embedder, kind="document"))
        while not vendor.asked:  # noqa: ASYNC110 - the mock tells nobody
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert await told(run) == [("cancelled", "")]


async def test_nobody_asks_a_platform_outside_a_scope(vendor: VendorServer, embedding: Embedding) -> None:
    with pytest.raises(NoRunScope):
        await embed(["Hello"], await embedding(ApiType.OPENAI), kind="query")
    assert vendor.asked == []


async def test_a_deleted_platform_leaves_its_call_on_record(
    vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    embedder = await embedding(ApiType.OLLAMA)
    await rows.run(AIPlatform.objects.all().delete)
    vendor.will(Reply(dimensions=768))
    with scoped():
        await embed(["Hello"], embedder, kind="query")
    (call,) = await usage_rows(run)
    assert (call.platform_id, call.platform_name, call.cost) == (None, "ollama", 0)
