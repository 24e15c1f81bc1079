"""Tiers: which models an agent gets that asks for a tier and names none."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.opie.models import Agent, AgentModel, AIPlatform, ModelTier
from apps.opie.models.platforms import ApiType
from apps.opie.models.tiers import Tier
from apps.opie.providers.catalogue import BALANCED, CHEAP, QUICK, STRONG
from apps.opie.providers.choice import candidates_for

pytestmark = pytest.mark.django_db

KINDS = (ApiType.OPENAI, ApiType.ANTHROPIC, ApiType.GEMINI, ApiType.OFFLINE)
DEFAULTS = {
    ApiType.OPENAI: STRONG.model,
    ApiType.ANTHROPIC: BALANCED.model,
    ApiType.GEMINI: QUICK.model,
    ApiType.OFFLINE: "offline-responder",
}


def platform(api_type: str, **fields: Any) -> AIPlatform:
    given = {"platform_name": api_type, "api_type": api_type, "api_key": "sk-of-nobody"}
    return AIPlatform.objects.create(**given | {"default_model": DEFAULTS.get(ApiType(api_type), "some")} | fields)


def agent_of(tier: str, principal: Principal, **fields: Any) -> Agent:
    return Agent.objects.create(agent_id="helper", name="Helper", team_id=principal.team_id, tier=tier, **fields)


def names(agent: Agent, principal: Principal) -> list[tuple[str, str]]:
    return [(one.platform.platform_name, one.model) for one in candidates_for(agent, principal)]


@pytest.mark.parametrize(
    ("tier", "first", "others"),
    [
        (Tier.ANALYSIS, ("openai", STRONG.model), [("anthropic", BALANCED.model)]),
        (Tier.ECONOMY, ("openai", CHEAP.model), [("openai", STRONG.model), ("anthropic", BALANCED.model)]),
        (Tier.WRITING, ("anthropic", BALANCED.model), [("openai", STRONG.model)]),
    ],
)
def test_the_tiers_model_first_then_gemini_then_the_others_and_the_offline_responder_last(
    principal: Principal, tier: str, first: tuple[str, str], others: list[tuple[str, str]]
) -> None:
    for priority, api_type in enumerate(KINDS):
        platform(api_type, priority=priority)
    expected = [first, ("gemini", QUICK.model), *others, ("offline", "offline-responder")]
    assert names(agent_of(tier, principal), principal) == expected


def test_where_the_tiers_vendor_is_missing_the_rest_answers(principal: Principal) -> None:
    platform(ApiType.OLLAMA, default_model="llama")
    platform(ApiType.OFFLINE, priority=1)
    assert names(agent_of(Tier.WRITING, principal), principal) == [
        ("ollama", "llama"),
        ("offline", "offline-responder"),
    ]


def test_an_agents_own_models_come_instead_of_its_tier(principal: Principal) -> None:
    openai = platform(ApiType.OPENAI)
    platform(ApiType.GEMINI)
    agent = agent_of(Tier.ANALYSIS, principal)
    AgentModel.objects.create(agent=agent, position=0, platform=openai, model="o-special")
    assert names(agent, principal) == [("openai", "o-special")]


def test_a_gateway_is_asked_for_the_model_it_was_set_up_with(principal: Principal) -> None:
    """It need not know the vendor's newest names; one that was set up with a name of the vendor's does."""
    gateway = platform(ApiType.OPENAI, base_url="https://gateway.example.com/v1", default_model="ours")
    agent = agent_of(Tier.ECONOMY, principal)
    assert names(agent, principal) == [("openai", "ours")]
    gateway.default_model = STRONG.model
    gateway.save()
    assert names(agent, principal) == [("openai", CHEAP.model), ("openai", STRONG.model)]


def test_a_teams_choice_stands_before_the_installations_and_that_before_the_table(principal: Principal) -> None:
    openai, gemini = platform(ApiType.OPENAI), platform(ApiType.GEMINI)
    agent = agent_of(Tier.ANALYSIS, principal)
    ModelTier.objects.create(tier=Tier.ANALYSIS, position=0, platform=gemini, model="of-all")
    assert names(agent, principal)[0] == ("gemini", "of-all")
    ModelTier.objects.create(tier=Tier.ANALYSIS, position=0, platform=openai, model="ours", team_id=principal.team_id)
    ModelTier.objects.create(tier=Tier.ANALYSIS, position=1, platform=gemini, model="", team_id=principal.team_id)
    assert names(agent, principal) == [("openai", "ours"), ("gemini", QUICK.model), ("openai", STRONG.model)]
    others = Team.objects.create(name="Others", slug="others")
    ModelTier.objects.filter(team_id=principal.team_id).update(team=others)
    assert names(agent, principal)[0] == ("gemini", "of-all")


def test_the_fallback_is_a_tier_that_can_be_changed_too(principal: Principal) -> None:
    platform(ApiType.GEMINI)
    anthropic = platform(ApiType.ANTHROPIC)
    platform(ApiType.OPENAI)
    ModelTier.objects.create(tier=Tier.FALLBACK, position=0, platform=anthropic)
    found = names(agent_of(Tier.ANALYSIS, principal), principal)
    assert found[:2] == [("openai", STRONG.model), ("anthropic", BALANCED.model)]


def test_local_only_holds_for_tiers(principal: Principal) -> None:
    for api_type in (ApiType.OPENAI, ApiType.GEMINI):
        platform(api_type)
    platform(ApiType.OLLAMA, default_model="llama")
    assert names(agent_of(Tier.ANALYSIS, principal, local_only=True), principal) == [("ollama", "llama")]


def test_one_list_for_each_team_and_tier(principal: Principal) -> None:
    openai = platform(ApiType.OPENAI)
    ModelTier.objects.create(tier=Tier.ANALYSIS, position=0, platform=openai, model="a")
    for fields in ({"position": 0, "model": "b"}, {"position": 1, "model": "a"}, {"position": 1, "tier": "best"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ModelTier.objects.create(**{"tier": Tier.ANALYSIS, "platform": openai} | fields)
