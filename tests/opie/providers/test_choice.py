"""Which platforms may answer for an agent."""

from typing import Any

import pytest

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.errors import Unavailable
from apps.opie.models import Agent, AgentModel, AIPlatform
from apps.opie.models.agents import AgentKind
from apps.opie.models.platforms import ApiType
from apps.opie.providers.choice import candidates_for, model_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(principal: Principal) -> Agent:
    return Agent.objects.create(agent_id="helper", name="Helper", team_id=principal.team_id)


def platform(api_type: str, **fields: Any) -> AIPlatform:
    name = str(api_type).replace(".", "")
    return AIPlatform.objects.create(
        **{"platform_name": name, "api_type": api_type, "api_key": "sk-of-nobody", "default_model": f"{name}-default"}
        | fields
    )


def names(agent: Agent, principal: Principal) -> list[tuple[str, str]]:
    return [(one.platform.platform_name, one.model) for one in candidates_for(agent, principal)]


def test_an_agent_without_models_takes_all_usable_ones_and_the_offline_responder_last(
    agent: Agent, principal: Principal
) -> None:
    platform(ApiType.OFFLINE, priority=1)
    platform(ApiType.ANTHROPIC, priority=20)
    platform(ApiType.OPENAI, priority=10, team_id=principal.team_id)
    platform(ApiType.GEMINI, priority=5, is_enabled=False)
    platform(ApiType.OLLAMA, priority=15)
    platform(ApiType.LLAMACPP, priority=2, team=Team.objects.create(name="Others", slug="others"))
    expected = ["openai", "ollama", "anthropic", "offline"]
    assert names(agent, principal) == [(name, f"{name}-default") for name in expected]
    model = model_for(agent, principal)
    assert (model.provider, model.id, len(model.candidates)) == ("openai", "openai-default", 4)


def test_an_agents_own_list_is_kept_in_order(agent: Agent, principal: Principal) -> None:
    openai, offline = platform(ApiType.OPENAI), platform(ApiType.OFFLINE)
    for position, (row, model) in enumerate([(offline, ""), (openai, "gpt-6-luna"), (openai, "")]):
        AgentModel.objects.create(agent=agent, position=position, platform=row, model=model)
    expected = [("offline", "offline-default"), ("openai", "gpt-6-luna"), ("openai", "openai-default")]
    assert names(agent, principal) == expected


def test_a_platform_without_its_key_is_not_usable(agent: Agent, principal: Principal) -> None:
    for api_type in (ApiType.OPENAI, ApiType.ANTHROPIC, ApiType.GEMINI):
        platform(api_type, api_key="")
    assert names(agent, principal) == []
    platform(ApiType.OLLAMA, api_key="")
    assert names(agent, principal) == [("ollama", "ollama-default")]


def test_local_only_never_leaves_the_machine(agent: Agent, principal: Principal) -> None:
    agent.local_only = True
    openai = platform(ApiType.OPENAI)
    AgentModel.objects.create(agent=agent, position=0, platform=openai)
    with pytest.raises(Unavailable, match="OLLAMA_BASE_URL") as caught:
        model_for(agent, principal)
    assert "OPENAI_API_KEY" not in caught.value.message
    AgentModel.objects.create(agent=agent, position=1, platform=platform(ApiType.LLAMACPP))
    assert names(agent, principal) == [("llamacpp", "llamacpp-default")]


def test_another_teams_key_is_not_used_for_whoever_talks_to_a_public_agent(agent: Agent, principal: Principal) -> None:
    others = platform(ApiType.OPENAI, team=Team.objects.create(name="Others", slug="others"))
    AgentModel.objects.create(agent=agent, position=0, platform=others)
    assert names(agent, principal) == []


def test_nothing_set_up_says_what_to_configure(agent: Agent, principal: Principal) -> None:
    with pytest.raises(Unavailable, match="OPENAI_API_KEY") as caught:
        model_for(agent, principal)
    assert caught.value.code == "no_platform"


@pytest.mark.parametrize(("wish", "given"), [(None, 1000), (200, 200), (5000, 1000)])
def test_an_answer_is_never_longer_than_the_platform_allows(
    agent: Agent, principal: Principal, wish: int | None, given: int
) -> None:
    platform(ApiType.OPENAI, max_tokens=1000)
    agent.max_tokens = wish
    (candidate,) = candidates_for(agent, principal)
    assert candidate.max_tokens == given


@pytest.mark.parametrize(("kind", "temperature"), [(AgentKind.TASK, 0.3), (AgentKind.CONVERSATIONAL, 0.8)])
def test_the_kind_of_agent_decides_the_temperature(
    agent: Agent, principal: Principal, kind: str, temperature: float
) -> None:
    platform(ApiType.OFFLINE)
    agent.kind = kind
    (candidate,) = candidates_for(agent, principal)
    assert candidate.temperature == temperature
