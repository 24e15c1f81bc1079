"""An agent is read again when one of its rows was changed, by whatever way, and at no other time."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Team
from apps.accounts.principal import Principal, principal_for
from apps.accounts.registration import register
from apps.opie.engine.served import served_agent
from apps.opie.models import Agent, AgentModel, AIPlatform, ModelTier
from apps.opie.providers.choice import candidates_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def principal() -> Principal:
    return principal_for(register("asker@example.com", "a-long-enough-password"))


@pytest.fixture
def platform() -> AIPlatform:
    return AIPlatform.objects.create(
        platform_name="one", api_type="openai_compatible", base_url="http://127.0.0.1:1/v1", default_model="m"
    )


@pytest.fixture
def agent(platform: AIPlatform) -> Agent:
    made = Agent.objects.create(agent_id="served", name="Served", visibility="public", status="published")
    AgentModel.objects.create(agent=made, position=0, platform=platform)
    return made


def read(principal: Principal) -> Agent:
    found = served_agent(principal, "served")
    assert found is not None
    return found


def models_for(principal: Principal) -> list[tuple[str, str]]:
    found = candidates_for(read(principal), principal)
    return [(one.platform.base_url, one.model) for one in found]


def test_while_nothing_changes_one_statement_is_enough(agent: Agent, principal: Principal) -> None:
    models_for(principal)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert models_for(principal) == [("http://127.0.0.1:1/v1", "m")]
    assert len([one for one in asked if "opie_agent" in one["sql"]]) == 1


def test_an_edit_that_tells_nobody_is_seen(agent: Agent, principal: Principal) -> None:
    assert read(principal).system_prompt == ""
    Agent.objects.filter(pk=agent.pk).update(system_prompt="Be brief.")  # no version, no updated_at
    assert read(principal).system_prompt == "Be brief."


def test_other_models_and_platforms_are_seen(agent: Agent, platform: AIPlatform, principal: Principal) -> None:
    models_for(principal)
    AgentModel.objects.filter(agent=agent).update(model="other")
    assert models_for(principal) == [("http://127.0.0.1:1/v1", "other")]
    AIPlatform.objects.filter(pk=platform.pk).update(base_url="http://127.0.0.1:2/v1")
    assert models_for(principal) == [("http://127.0.0.1:2/v1", "other")]
    AgentModel.objects.filter(agent=agent).delete()
    assert models_for(principal) == [("http://127.0.0.1:2/v1", "m")]
    AIPlatform.objects.filter(pk=platform.pk).update(is_enabled=False)
    assert models_for(principal) == []


def test_what_is_withdrawn_is_not_served_any_more(agent: Agent, principal: Principal) -> None:
    read(principal)
    Agent.objects.filter(pk=agent.pk).update(status="withdrawn")
    assert served_agent(principal, "served") is None


def test_another_person_gets_only_what_is_theirs(agent: Agent, principal: Principal) -> None:
    own = Team.objects.get(pk=principal.team_id)
    Agent.objects.filter(pk=agent.pk).update(visibility="team", team=own)
    read(principal)
    stranger = principal_for(register("stranger@example.com", "a-long-enough-password"))
    assert served_agent(stranger, "served") is None
    AIPlatform.objects.create(
        platform_name="own",
        api_type="openai_compatible",
        base_url="http://127.0.0.1:3/v1",
        default_model="own",
        team=own,
    )
    Agent.objects.filter(pk=agent.pk).update(visibility="public", team=None)
    AgentModel.objects.filter(agent=agent).delete()
    assert ("http://127.0.0.1:3/v1", "own") in models_for(principal)
    assert models_for(stranger) == [("http://127.0.0.1:1/v1", "m")]


def test_who_changes_his_copy_changes_nobody_elses(agent: Agent, principal: Principal) -> None:
    mine = read(principal)
    mine.tools.append("calculator")
    mine.approvals["calculator"] = {"by": "person"}
    mine.max_tokens = 7
    assert (read(principal).tools, read(principal).approvals) == ([], {})
    assert [one.max_tokens for one in candidates_for(mine, principal)] == [7]
    assert [one.max_tokens for one in candidates_for(read(principal), principal)] == [4096]


def test_there_is_no_such_agent(principal: Principal) -> None:
    assert served_agent(principal, "unknown") is None


def test_a_changed_tier_is_seen(platform: AIPlatform, principal: Principal) -> None:
    Agent.objects.create(agent_id="served", name="Served", visibility="public", status="published", tier="writing")
    assert models_for(principal) == [("http://127.0.0.1:1/v1", "m")]
    chosen = ModelTier.objects.create(tier="writing", position=0, platform=platform, model="better")
    assert models_for(principal) == [("http://127.0.0.1:1/v1", "better"), ("http://127.0.0.1:1/v1", "m")]
    ModelTier.objects.filter(pk=chosen.pk).update(model="best")
    assert models_for(principal)[0][1] == "best"
