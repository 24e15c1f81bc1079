"""Local models are switched on and off while everything runs, and their servers are looked at."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.errors import Unavailable
from apps.opie import rows
from apps.opie.engine.served import served_agent
from apps.opie.models import Agent, AgentModel, AIPlatform, LLMModel, LLMModelCheck
from apps.opie.models.agents import AgentStatus, AgentVisibility
from apps.opie.models.llm_models import API_TYPES
from apps.opie.models.platforms import ApiType
from apps.opie.providers.checking import check, check_all
from apps.opie.providers.choice import candidates_for, model_for
from tests.vendors.server import VendorServer


def platform(api_type: str, **fields: Any) -> AIPlatform:
    name = str(api_type).replace(".", "")
    given = {"platform_name": name, "api_type": api_type, "api_key": "sk-canary", "default_model": f"{name}-default"}
    return AIPlatform.objects.create(**given | fields)


@pytest.fixture
def agent(principal: Principal) -> Agent:
    return Agent.objects.create(
        agent_id="helper", name="Helper", team_id=principal.team_id, visibility=AgentVisibility.TEAM,
        status=AgentStatus.PUBLISHED,
    )  # fmt: skip


def chain(principal: Principal, agent_id: str = "helper") -> list[str]:
    """What would be asked by the next message, as the kept agent has it."""
    agent = served_agent(principal, agent_id)
    assert agent is not None
    return [one.model for one in candidates_for(agent, principal)]


def test_a_switch_is_heeded_by_the_next_message(agent: Agent, principal: Principal) -> None:
    platform(ApiType.OPENAI, priority=1)
    ollama = platform(ApiType.OLLAMA, priority=2)
    assert chain(principal) == ["openai-default", "ollama-default"]
    row = LLMModel.objects.create(name="qwen", provider="ollama", platform=ollama, is_active=True)
    assert chain(principal) == ["qwen", "openai-default", "ollama-default"]
    second = LLMModel.objects.create(
        name="ollama-default:latest", provider="ollama", platform=ollama, is_active=True, position=1
    )
    assert chain(principal) == ["ollama-default:latest", "qwen", "openai-default"]
    LLMModel.objects.filter(pk=row.pk).update(is_active=False)
    assert chain(principal) == ["ollama-default:latest", "openai-default"]
    second.is_active = False
    second.save()
    assert chain(principal) == ["openai-default"]
    second.delete()
    assert chain(principal) == ["openai-default", "ollama-default"]
    AIPlatform.objects.filter(pk=ollama.pk).update(api_type=ApiType.ANTHROPIC)  # it serves other models now
    LLMModel.objects.update(is_active=True)
    assert chain(principal) == ["openai-default", "ollama-default"]


def test_which_agents_a_model_answers_for(agent: Agent, principal: Principal) -> None:
    ollama, openai = platform(ApiType.OLLAMA, priority=2), platform(ApiType.OPENAI, priority=1)
    row = LLMModel.objects.create(
        name="qwen", provider="ollama", platform=ollama, is_active=True, parameters={"agents": ["another"]}
    )
    assert chain(principal) == ["openai-default", "ollama-default"]
    AgentModel.objects.create(agent=agent, position=0, platform=openai, model="chosen")
    AgentModel.objects.create(agent=agent, position=1, platform=ollama, model="qwen")
    row.parameters = {}
    row.save()
    assert chain(principal) == ["chosen", "qwen"]  # its owner's choice stands
    row.parameters = {"agents": ["helper"]}
    row.save()
    assert chain(principal) == ["qwen", "chosen"]
    row.is_active = False
    row.save()
    assert chain(principal) == ["chosen"]  # off is off, whoever names it
    AgentModel.objects.filter(model="chosen").delete()
    with pytest.raises(Unavailable, match="switched off: qwen"):
        model_for(agent, principal)


def test_a_teams_row_is_its_own_and_counts_before_the_installations(
    agent: Agent, principal: Principal, transactional_db: None
) -> None:
    ollama = platform(ApiType.OLLAMA)
    others = Team.objects.create(name="Others", slug="others")
    theirs = LLMModel.objects.create(team=others, name="qwen", provider="ollama", platform=ollama, is_active=True)
    assert chain(principal) == ["ollama-default"]
    assert not LLMModel.objects.visible_to(principal).filter(pk=theirs.pk).exists()
    LLMModel.objects.create(name="qwen", provider="ollama", platform=ollama, is_active=True)
    assert chain(principal) == ["qwen", "ollama-default"]
    LLMModel.objects.create(team_id=principal.team_id, name="qwen", provider="ollama", platform=ollama)
    assert chain(principal) == ["ollama-default"]
    with pytest.raises(IntegrityError), transaction.atomic():
        LLMModel.objects.create(team_id=principal.team_id, name="qwen", provider="ollama", platform=ollama)
    LLMModel.objects.all().delete()
    ours = platform(ApiType.LLAMACPP, team=others)
    LLMModel.objects.create(name="gguf", provider="llamacpp", platform=ours, is_active=True)
    assert chain(principal) == ["ollama-default"]  # the platform is another team's, whatever the row says


def test_parameters_and_a_server_of_its_own(agent: Agent, principal: Principal) -> None:
    llamacpp = platform(ApiType.LLAMACPP, base_url="http://10.0.0.1:8080/v1", team_id=principal.team_id)
    LLMModel.objects.create(
        name="gguf", provider="llamacpp", platform=llamacpp, is_active=True, base_url="http://10.0.0.2:8081/v1",
        parameters={"temperature": 0.1, "max_tokens": 7},
    )  # fmt: skip
    first, second = candidates_for(agent, principal)
    assert (first.temperature, first.max_tokens) == (0.1, 7)
    # The key of one address goes to no other, and two servers are not one client.
    assert (first.platform.base_url, first.platform.api_key) == ("http://10.0.0.2:8081/v1", "")
    assert (first.platform.must_be_public, second.platform.must_be_public) == (False, True)
    assert (second.platform.base_url, second.platform.api_key) == ("http://10.0.0.1:8080/v1", "sk-canary")
    assert first.platform.server_id != second.platform.server_id == second.platform.id == first.platform.id
    agent.temperature = 1.5  # type: ignore[assignment]
    assert candidates_for(agent, principal)[0].temperature == 1.5


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"provider": "gpt4all"}, "platform"),
        ({"parameters": {"agents": "all"}}, "parameters"),
        ({"parameters": {"agents": ["no id"]}}, "parameters"),
        ({"parameters": {"temperature": 3}}, "parameters"),
        ({"parameters": {"max_tokens": True}}, "parameters"),
        ({"parameters": {"base_url": "http://10.0.0.3"}}, "parameters"),
        ({"parameters": []}, "parameters"),
    ],
)
def test_what_cannot_be_used_is_not_saved(db: None, fields: dict[str, Any], problem: str) -> None:
    row = LLMModel(**{"name": "qwen", "provider": "ollama", "platform": platform(ApiType.OLLAMA)} | fields)
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert set(caught.value.error_dict) == {problem}


HINTS = {"ollama": "ollama pull qwen", "gpt4all": "Download it in GPT4All", "llamacpp": "llama-server -m /m/qwen.gguf"}


async def test_the_server_is_asked_and_a_person_is_told_what_to_do(
    transactional_db: None, principal: Principal, vendor: VendorServer
) -> None:
    for provider, hint in HINTS.items():
        row = await rows.run(_row, provider, vendor.url)
        vendor.models = ["another"]
        found = await check(row)
        assert (found.state, hint in found.message, "another" in found.message) == ("missing", True, True), found
        for there in (["another", "qwen"], ["/models/qwen.gguf"] if provider == "llamacpp" else ["qwen"]):
            vendor.models = there
            assert (await check(row)).state == "ready", provider
        vendor.models = None
        assert (await check(row)).state == "unreachable"
        assert "sk-canary" not in str(found)
    await rows.run(lambda: AIPlatform.objects.filter(api_type=ApiType.GPT4ALL).update(is_enabled=False))
    vendor.models = ["qwen"]
    await check_all()
    states = await rows.run(lambda: dict(LLMModelCheck.objects.values_list("llm_model__provider", "state")))
    assert states == {"ollama": "ready", "llamacpp": "ready", "gpt4all": "unusable"}
    await rows.run(lambda: LLMModel.objects.filter(pk=row.pk).delete())
    await check(row)  # it went while it was looked at


async def test_a_teams_address_is_looked_at_only_where_it_is_public(
    transactional_db: None, principal: Principal, vendor: VendorServer
) -> None:
    vendor.models = ["qwen"]
    row = await rows.run(_row, "ollama", vendor.url, team_id=principal.team_id)
    assert (await check(row)).state == "unreachable"
    assert vendor.connections == 0


def _row(provider: str, url: str, **of_platform: Any) -> LLMModel:
    path = "" if provider == "ollama" else "/v1"
    serving = platform(API_TYPES[provider], base_url=url + path, **of_platform)
    return LLMModel.objects.create(
        name="qwen", provider=provider, platform=serving, model_path="/m/qwen.gguf", is_active=True,
        team_id=serving.team_id,
    )  # fmt: skip
