"""Models that a vendor has retired are noticed: written down, told once, shown until another is chosen."""

from typing import Any

import pytest

from apps.accounts.principal import Principal
from apps.opie import rows
from apps.opie.agentos import health
from apps.opie.models import Agent, AgentModel, AIPlatform, ModelTier, PlatformListing
from apps.opie.models.platforms import ApiType
from apps.opie.providers import listing
from apps.opie.providers.catalogue import CHEAP, STRONG
from apps.opie.providers.listing import is_listed, look_for_retired_models, not_offered
from tests.vendors.server import VendorServer


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    notices: list[dict[str, Any]] = []
    monkeypatch.setattr(listing, "tell_managers", lambda team_id, **words: notices.append({"team_id": team_id} | words))
    return notices


async def platform(url: str, api_type: str = ApiType.OPENAI, **fields: Any) -> AIPlatform:
    path = "/v1" if api_type == ApiType.OPENAI else ""
    given = {"platform_name": api_type, "api_type": api_type, "api_key": "sk-of-nobody", "default_model": STRONG.model}
    return await rows.run(lambda: AIPlatform.objects.create(**given | {"base_url": url + path} | fields))


async def gone(of: AIPlatform) -> list[str]:
    return sorted((await rows.run(not_offered, [of]))[of.pk])


@pytest.mark.parametrize("api_type", [ApiType.OPENAI, ApiType.ANTHROPIC, ApiType.GEMINI, ApiType.OLLAMA])
async def test_every_vendors_list_is_read(
    principal: Principal, vendor: VendorServer, told: list[Any], api_type: str
) -> None:
    vendor.models = ["still-there", "other"]
    one = await platform(
        vendor.url, api_type, default_model="retired-one", team_id=principal.team_id, may_be_private=True
    )
    await look_for_retired_models()
    assert await gone(one) == ["retired-one"]
    assert (await rows.run(PlatformListing.objects.get, pk=one.pk)).models_listed == ["other", "still-there"]
    assert [notice["team_id"] for notice in told] == [principal.team_id]
    assert "retired-one" in told[0]["subject"]
    assert "sk-of-nobody" not in str(told)


async def test_it_is_told_once_and_forgotten_when_it_is_back(
    principal: Principal, vendor: VendorServer, told: list[Any]
) -> None:
    vendor.models = ["other"]
    one = await platform(vendor.url, default_model="mine")
    for _ in range(3):
        await look_for_retired_models()
    assert len(told) == 1
    since = (await rows.run(PlatformListing.objects.get, pk=one.pk)).missing["mine"]
    assert (await rows.run(not_offered, [one]))[one.pk]["mine"].isoformat() == since
    vendor.models = ["other", "mine"]
    await look_for_retired_models()
    assert await gone(one) == []
    vendor.models = ["other"]
    await look_for_retired_models()
    assert len(told) == 2


async def test_whatever_may_be_asked_for_is_looked_for(
    principal: Principal, vendor: VendorServer, told: list[Any]
) -> None:
    vendor.models = [STRONG.model]
    one = await platform(vendor.url)

    def choose() -> None:
        agent = Agent.objects.create(agent_id="mine", name="Mine", team_id=principal.team_id)
        AgentModel.objects.create(agent=agent, position=0, platform=one, model="of-an-agent")
        ModelTier.objects.create(tier="writing", position=0, platform=one, model="of-a-tier")

    await rows.run(choose)
    await look_for_retired_models()
    assert await gone(one) == sorted([CHEAP.model, "of-a-tier", "of-an-agent"])
    await rows.run(ModelTier.objects.all().delete)
    assert await gone(one) == sorted([CHEAP.model, "of-an-agent"]), "what nobody asks for any more is no problem"


@pytest.mark.parametrize("models", [None, []])
async def test_a_platform_without_a_list_proves_nothing(
    principal: Principal, vendor: VendorServer, told: list[Any], models: list[str] | None
) -> None:
    vendor.models = models
    one = await platform(vendor.url)
    await look_for_retired_models()
    assert await gone(one) == []
    assert not told


async def test_one_that_cannot_be_reached_keeps_nobody_from_the_others(
    principal: Principal, vendor: VendorServer, told: list[Any]
) -> None:
    await platform("http://127.0.0.1:9", platform_name="a-dead-one", priority=1)
    await platform(vendor.url, platform_name="off", is_enabled=False)
    vendor.models = ["other"]
    one = await platform(vendor.url, platform_name="z-alive", default_model="mine")
    await look_for_retired_models()
    assert await gone(one) == ["mine"]
    assert [asked.path.partition("?")[0] for asked in vendor.asked] == ["/v1/models"]


async def test_operators_see_it_where_they_look(principal: Principal, vendor: VendorServer, told: list[Any]) -> None:
    vendor.models = ["other"]
    await platform(vendor.url, default_model="mine")
    await look_for_retired_models()
    part = await rows.run(health.check, "platforms")
    assert part.status == "ok"
    assert part.detail == "openai. Not offered any more: mine by openai"


@pytest.mark.parametrize(
    ("model", "listed", "found"),
    [
        ("gpt-6", ["gpt-6"], True), ("gpt-6", ["gpt-6-2026-01-01"], True), ("claude-5", ["claude-5-20260101"], True),
        ("claude-5-latest", ["claude-5-20260101"], True), ("llama3", ["llama3:latest"], True), ("llama3:latest", ["llama3"], True),
        ("gpt-6", ["gpt-6-mini"], False), ("gpt-6", ["gpt-61"], False), ("llama3", ["llama3:70b"], False), ("gpt-6", [], False),
    ],
)  # fmt: skip
def test_the_names_a_model_goes_by(model: str, listed: list[str], found: bool) -> None:
    assert is_listed(model, listed) is found
