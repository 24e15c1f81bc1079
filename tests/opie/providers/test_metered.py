"""What the metered model promises to Agno, and what it shares between its copies."""

import asyncio
import copy
from dataclasses import replace

import pytest

from apps.opie.models import AgentOSRun
from apps.opie.models.platforms import ApiType
from apps.opie.providers.clients import client_for, close_clients
from apps.opie.providers.registry import get_registry
from tests.opie.providers.asking import ENDPOINTS, agent_on, ask, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.vendors.reply import Reply, Usage
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_copy_shares_everything_and_is_counted_too(
    vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    """Agno's memory manager and others copy their model deeply."""
    model = await metered(ApiType.OPENAI, vendor.url)
    twin = copy.deepcopy(model)
    assert twin is not model
    assert twin.candidates is model.candidates
    with scoped(purpose="answer"):
        await ask(agent_on(model), "Hello", stream=False)
    with scoped(purpose="memory"):
        await ask(agent_on(twin), "Hello", stream=False)
    assert [row.purpose for row in await usage_rows(run)] == ["answer", "memory"]
    assert vendor.connections == 1


@pytest.mark.parametrize("api_type", list(ENDPOINTS))
async def test_runs_at_the_same_time_do_not_mix(
    api_type: str, vendor: VendorServer, run: AgentOSRun, scoped: Scoped
) -> None:
    vendor.pause = 0.002
    vendor.will(*(Reply(text=f"one two three {n}", usage=Usage(n, 0, 0, n, 0)) for n in range(1, 9)))
    model = await metered(api_type, vendor.url)
    with scoped():
        heard = await asyncio.gather(*(ask(agent_on(model), "Hello", stream=True) for _ in range(8)))
    assert sorted(one.text for one in heard) == [f"one two three {n}" for n in range(1, 9)]
    assert sorted(row.input_tokens or 0 for row in await usage_rows(run)) == list(range(1, 9))


async def test_an_inner_model_knows_what_the_agent_loop_asks(vendor: VendorServer) -> None:
    for api_type in ENDPOINTS:
        model = await metered(api_type, vendor.url)
        inner = get_registry()[api_type].build(model.candidates[0], None)
        assert model.supports_native_structured_outputs == inner.supports_native_structured_outputs
        assert model.get_system_message_for_model(["a tool"]) == inner.get_system_message_for_model(["a tool"])
        assert (inner.retries, inner.retry_with_guidance, model.retries, model.retry_with_guidance) == (
            0,
            False,
            0,
            False,
        )


@pytest.mark.parametrize("api_type", list(ENDPOINTS))
async def test_a_new_key_means_a_new_client_and_the_old_one_ends_with_its_last_call(
    api_type: str, vendor: VendorServer
) -> None:
    closed: list[object] = []

    async def close(client: object) -> None:
        closed.append(client)
        await adapter.close_client(client)

    model = await metered(api_type, vendor.url)
    platform, adapter = model.candidates[0].platform, get_registry()[api_type]
    watched = replace(adapter, close_client=close)
    async with client_for(platform, watched) as old:
        async with client_for(platform, watched) as same:
            assert same is old
        async with client_for(replace(platform, api_key="sk-of-tomorrow"), watched) as new:
            assert new is not old
        assert closed == []
    assert closed == [old]
    await close_clients()
    assert closed == [old, new]


async def test_nothing_of_the_environment_reaches_another_platform(
    vendor: VendorServer, scoped: Scoped, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDKs read keys, addresses and organisations from the environment; a team's platform must not get them."""
    canary = "canary-of-the-installation"
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, canary)
    for name in ("ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "OLLAMA_API_KEY"):
        monkeypatch.setenv(name, canary)
    for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, f"X-Canary: {canary}")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "OLLAMA_HOST"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for api_type in ENDPOINTS:
        model = await metered(
            api_type, vendor.url, api_key="" if not get_registry()[api_type].needs_key else "sk-own-key"
        )
        vendor.asked.clear()
        with scoped():
            await ask(agent_on(model), "Hello", stream=False)
        (asked,) = vendor.asked
        assert canary not in str(asked.headers), api_type
