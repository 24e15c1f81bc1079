"""What agents' runs came to, counted as they are settled."""

import asyncio
from typing import Any

from django.apps import apps as django_apps
from django.db import connection

from apps.opie import rows
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine import turn as turns
from apps.opie.metrics.agents import AgentFigures, agent_figures, figures_of_agents
from apps.opie.models import AgentOSRun, AgentOSSession, AgentTally
from apps.opie.models.tallies import SHARDS
from tests.opie.engine.conftest import Asks, until
from tests.opie.engine.scripted import SILENCE, Script
from tests.opie.people import Person


def test_each_end_is_counted_once_for_the_team_that_asked(agents: Any, person: Person, stranger: Person) -> None:
    assistant, broken = agents["assistant"], agents["broken"]
    for one in (person, person, stranger):
        AgentOSService(one.principal).send_message("assistant", "What is 2 + 2?")
    AgentOSService(person.principal).run_task("assistant", "Hello")
    AgentOSService(person.principal).send_message("broken", "Hello", raise_failure=False)

    figures = agent_figures([assistant.pk, broken.pk, agents["helper"].pk], person.team.pk)
    ours = figures[assistant.pk]
    assert (ours.runs, ours.invocations, ours.successes, ours.failures, ours.success_rate) == (3, 3, 3, 0, 1.0)
    assert ours.average_duration_ms is not None
    assert ours.average_duration_ms >= (ours.average_time_to_first_token_ms or 0) > 0
    failed = figures[broken.pk]
    assert (failed.runs, failed.successes, failed.failures, failed.success_rate) == (1, 0, 1, 0.0)
    assert (failed.average_duration_ms, failed.average_time_to_first_token_ms) == (None, None)
    assert figures[agents["helper"].pk] == AgentFigures()
    assert figures_of_agents([assistant.pk], stranger.principal)[assistant.pk].runs == 1


async def test_what_somebody_stopped_counts_neither_way(ask: Asks, person: Person, agents: Any, script: Script) -> None:
    await (await ask(person, "Hello")).result()
    script.will(["Some", SILENCE])
    turn = await ask(person, "Hello")
    await until(turn, "message.delta")
    await turns.stop(person.principal, turn.run_id)
    await turn.result()
    figures = (await rows.run(agent_figures, [agents["scripted"].pk], person.team.pk))[agents["scripted"].pk]
    assert (figures.runs, figures.successes, figures.failures, figures.success_rate) == (2, 1, 0, 1.0)


async def test_many_that_end_together_are_all_counted(ask: Asks, person: Person, agents: Any, script: Script) -> None:
    started = [await ask(person, "Hello") for _ in range(30)]
    await asyncio.gather(*(turn.result() for turn in started))
    figures = (await rows.run(agent_figures, [agents["scripted"].pk], person.team.pk))[agents["scripted"].pk]
    assert (figures.runs, figures.successes) == (30, 30)
    shards = await rows.run(lambda: list(AgentTally.objects.values_list("shard", flat=True)))
    assert 1 < len(shards) <= SHARDS


def test_what_is_deleted_stays_counted(agents: Any, person: Person) -> None:
    AgentOSService(person.principal).send_message("helper", "Hello")
    AgentOSSession.objects.all().delete()
    assert not AgentOSRun.objects.exists()
    assert agent_figures([agents["helper"].pk], person.team.pk)[agents["helper"].pk].runs == 1


def test_what_ran_before_there_were_tallies_is_counted_by_the_migration(agents: Any, person: Person) -> None:
    from importlib import import_module

    AgentOSService(person.principal).send_message("helper", "Hello")
    AgentOSService(person.principal).send_message("broken", "Hello", raise_failure=False)
    keys = [agents["helper"].pk, agents["broken"].pk]
    before = agent_figures(keys, person.team.pk)
    AgentTally.objects.all().delete()
    newest = next(m for m in _migrations() if m.endswith("outputs_and_tallies"))
    with connection.cursor() as cursor:
        cursor.execute(import_module(f"apps.opie.migrations.{newest}")._COUNT_WHAT_HAS_RUN)
    assert agent_figures(keys, person.team.pk) == before
    assert before[keys[0]].runs == 1


def _migrations() -> list[str]:
    from pathlib import Path

    folder = Path(django_apps.get_app_config("opie").path) / "migrations"
    return sorted(path.stem for path in folder.glob("0*.py"))
