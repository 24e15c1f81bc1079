"""The agents that come with Opie, and the command that brings them in."""

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from apps.opie.engine.default_agents import catalogue, catalogue_of_hosts
from apps.opie.models import Agent, AgentVersion
from apps.opie.tools.registry import TOOLS
from tests.opie.people import Person


def bring_in(*options: str) -> dict[str, str]:
    out = StringIO()
    call_command("create_default_agents", *options, stdout=out)
    return {agent_id: change for change, agent_id in (line.split() for line in out.getvalue().splitlines())}


def test_they_are_made_once(transactional_db: None) -> None:
    ids = {default.agent_id for default in [*catalogue(), *catalogue_of_hosts()]}
    assert "assistant" in ids
    assert bring_in() == dict.fromkeys(ids, "created")
    assert bring_in() == dict.fromkeys(ids, "unchanged")
    assert AgentVersion.objects.count() == len(ids)
    for agent in Agent.objects.all():
        assert (agent.status, agent.visibility, agent.team_id) == ("published", "public", None)
        assert set(agent.tools) <= TOOLS.keys()


def test_a_new_edition_updates_what_nobody_edited(transactional_db: None) -> None:
    bring_in()
    Agent.objects.filter(agent_id="assistant").update(system_prompt="As it was last year.")
    assert bring_in()["assistant"] == "updated"
    agent = Agent.objects.get(agent_id="assistant")
    assert agent.system_prompt != "As it was last year."
    assert [version.number for version in agent.versions.all()] == [2, 1]


def test_what_a_person_edited_stays_unless_told(person: Person) -> None:
    bring_in()
    agent = Agent.objects.get(agent_id="assistant")
    agent.temperature = Decimal("1.5")
    agent.version = 2
    agent.save()
    AgentVersion.objects.create(agent=agent, number=2, definition=agent.definition(), author=person.user)
    assert bring_in()["assistant"] == "skipped"
    agent.refresh_from_db()
    assert agent.temperature == Decimal("1.5")
    assert bring_in("--overwrite")["assistant"] == "updated"
    agent.refresh_from_db()
    assert (agent.temperature, agent.version) == (None, 3)


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_team_that_took_the_name_keeps_its_agent(person: Person, options: Any) -> None:
    Agent.objects.create(agent_id="assistant", name="Ours", team=person.team, owner=person.user, system_prompt="Hush.")
    assert bring_in(*options)["assistant"] == "skipped"
    agent = Agent.objects.get(agent_id="assistant")
    assert (agent.name, agent.system_prompt, agent.visibility) == ("Ours", "Hush.", "private")
