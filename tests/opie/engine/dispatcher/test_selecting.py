"""The agent for a task, over rows."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.api.errors import Conflict, InvalidInput, NotAllowed, OpieError, Unavailable
from apps.opie import rows
from apps.opie.engine import dispatcher
from apps.opie.engine.dispatcher import example_vectors, likeness, roster
from apps.opie.engine.dispatcher.roster import roster_for
from apps.opie.engine.dispatcher.selecting import Selection, select
from apps.opie.models import Agent, AgentOSRun, DispatchDecision, ExampleVector
from apps.opie.models.agents import AgentStatus
from apps.opie.providers.embedding.embedder import Kind
from apps.opie.scope import RunScope, current_scope
from tests.opie.engine.dispatcher.conftest import count_runs
from tests.opie.people import Person

REVIEW = "Review this Python code for security issues"
COOK = "What should I cook for eight people tonight?"

Agents = dict[str, Agent]


async def test_the_agent_that_can_do_it_is_chosen(choosable: Agents, person: Person) -> None:
    agent = await dispatcher.select_agent_for_task(task_description="Is this liability clause legal?", user=person.user)
    assert agent == choosable["lawyer"]


async def test_only_agents_that_one_may_talk_to_are_candidates(
    choosable: Agents, person: Person, stranger: Person
) -> None:
    ours = await select(person.principal, REVIEW)
    assert {one.agent_id for one in ours.candidates} == {"reviewer", "second"}
    theirs = await select(stranger.principal, REVIEW)
    assert {one.agent_id for one in theirs.candidates} == {"theirs"}


async def test_who_proved_himself_in_the_team_is_preferred(
    choosable: Agents, person: Person, member: Person, stranger: Person
) -> None:
    await rows.run(count_runs, choosable["second"], member, completed=50)
    await rows.run(count_runs, choosable["reviewer"], stranger, completed=5_000)
    assert (await select(person.principal, REVIEW)).agent_id == "second"


async def test_the_same_data_give_the_same_choice(choosable: Agents, person: Person) -> None:
    first, again = [await select(person.principal, REVIEW) for _ in range(2)]
    assert first.candidates == again.candidates
    assert first.decision_id != again.decision_id


async def test_a_change_of_an_agent_is_heeded_at_once(choosable: Agents, person: Person) -> None:
    await select(person.principal, REVIEW)
    await rows.run(Agent.objects.filter(agent_id="reviewer").update, status=AgentStatus.WITHDRAWN)
    assert [one.agent_id for one in (await select(person.principal, REVIEW)).candidates] == ["second"]
    await rows.run(Agent.objects.filter(agent_id="second").update, capabilities=["LEGAL_REVIEW"])
    assert (await select(person.principal, REVIEW)).agent_id is None


async def test_nobody_fits_what_nobody_does(choosable: Agents, person: Person) -> None:
    selection = await select(person.principal, COOK)
    assert (selection.agent_id, selection.candidates) == (None, [])
    assert selection.as_json()["score"] is None
    with pytest.raises(Conflict) as refused:
        await dispatcher.select_agent_for_task(COOK, person.user)
    assert refused.value.code == "no_agent_fits"


async def test_the_nearest_are_offered_where_nobody_fits(choosable: Agents, person: Person, by_words: None) -> None:
    await rows.run(Agent.objects.filter(agent_id="helper").update, description="Feeds the office fish")
    selection = await select(person.principal, "Where can I buy a fish?")
    assert [one.agent_id for one in selection.nearest] == ["helper"]
    with pytest.raises(Conflict, match="The nearest: helper"):
        selection.require_agent()


async def test_capabilities_narrow_the_choice(choosable: Agents, person: Person) -> None:
    selection = await select(person.principal, REVIEW, capabilities=["LEGAL_REVIEW"])
    assert [one.agent_id for one in selection.candidates] == ["lawyer"]
    nobody = await select(person.principal, REVIEW, capabilities=["LEGAL_REVIEW", "DEVOPS"])
    assert nobody.agent_id is None


async def test_a_capability_nobody_has_heard_of_is_refused(choosable: Agents, person: Person) -> None:
    with pytest.raises(InvalidInput) as refused:
        await select(person.principal, REVIEW, capabilities=["PALM_READING"])
    assert "PALM_READING" in str(refused.value.fields)
    assert (await select(person.principal, REVIEW, capabilities=["RESEARCH"])).agent_id is None
    for wrong in (["x"] * 21, ["a\x00"]):
        with pytest.raises(InvalidInput):
            await select(person.principal, REVIEW, capabilities=wrong)


async def test_who_may_not_run_agents_gets_none_chosen(choosable: Agents, viewer: Person) -> None:
    with pytest.raises(NotAllowed):
        await select(viewer.principal, REVIEW)


async def test_without_a_person_the_installations_own_agents_are_chosen_from(choosable: Agents, person: Person) -> None:
    agent = await dispatcher.select_agent_for_task(task_description="Our Kubernetes pods crash, here is the manifest")
    assert agent == choosable["devops"]
    with pytest.raises(Conflict):
        await dispatcher.select_agent_for_task(task_description="Is this liability clause in the contract legal?")
    assert await rows.run(DispatchDecision.objects.filter(user=None, team=None).count) == 2


async def test_within_a_run_it_is_chosen_for_whoever_the_run_belongs_to(choosable: Agents, person: Person) -> None:
    token = current_scope.set(RunScope(person.principal))
    try:
        assert await dispatcher.select_agent_for_task(REVIEW) in (choosable["reviewer"], choosable["second"])
    finally:
        current_scope.reset(token)


async def test_each_choice_is_kept_with_its_scores(choosable: Agents, person: Person) -> None:
    selection = await select(person.principal, REVIEW)
    kept = await rows.run(DispatchDecision.objects.get, pk=selection.decision_id)
    assert (kept.user_id, kept.team_id, kept.task) == (person.user.pk, person.team.pk, REVIEW)
    assert (kept.chosen, kept.score) == (selection.agent_id, selection.candidates[0].score)
    assert kept.candidates == [one.as_json() for one in selection.candidates]
    assert kept.run_id is None


async def test_a_choice_learns_its_run_once(choosable: Agents, person: Person) -> None:
    selection = await select(person.principal, REVIEW)
    assert selection.decision_id is not None
    made = [await rows.run(AgentOSRun.objects.create, user=person.user, team=person.team) for _ in range(2)]
    for run in made:
        await rows.run(DispatchDecision.objects.note_run, selection.decision_id, run.pk)
    kept = await rows.run(DispatchDecision.objects.get, pk=selection.decision_id)
    assert kept.run_id == made[0].pk


@pytest.mark.parametrize("wrong", [{"chosen": "a"}, {"score": 0.5}, {"chosen": "a", "score": 1.5}, {"fit": 2}], ids=str)
def test_the_database_refuses_half_a_decision(wrong: dict[str, Any], person: Person) -> None:
    with pytest.raises(IntegrityError):
        DispatchDecision.objects.create(user=person.user, team=person.team, task="t", **wrong)


async def test_examples_find_what_words_do_not(choosable: Agents, person: Person, monkeypatch: Any) -> None:
    task = "May our company put her photograph on the website if she never said yes?"
    with_vectors = await select(person.principal, task)
    by_words = await select(person.principal, task, with_vectors=False)
    assert (with_vectors.with_vectors, by_words.with_vectors) == (True, False)
    lawyers = [
        {m.agent_id: m for m in (*one.nearest, *(c.match for c in one.candidates))} for one in (with_vectors, by_words)
    ]
    assert lawyers[0]["lawyer"].likeness is not None
    assert all(match.likeness is None for match in lawyers[1].values())


async def test_a_process_that_starts_embeds_only_what_none_has_embedded(
    choosable: Agents, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[str] = []
    embed = likeness._embedded

    async def listening(texts: Sequence[str], kind: Kind) -> Any:
        embedded.extend(texts if kind == "document" else ())
        return await embed(texts, kind)

    async def first_selection() -> Selection:
        """As a process makes it that has just started."""
        embedded.clear()
        monkeypatch.setattr(likeness, "_kept", OrderedDict())
        monkeypatch.setattr(roster, "_kept", OrderedDict())
        return await select(person.principal, REVIEW)

    monkeypatch.setattr(likeness, "_embedded", listening)
    first = await first_selection()
    assert first.with_vectors
    assert embedded
    again = await first_selection()
    assert embedded == []
    assert [one.as_json() for one in again.candidates] == [one.as_json() for one in first.candidates]

    for number, starter in enumerate(["Read the contract of a sailor.", "Read the will of a sailor."]):
        await rows.run(ExampleVector.objects.update, used_on=timezone.now().date() - timedelta(days=31))
        await rows.run(Agent.objects.filter(agent_id="lawyer").update, starters=[starter])
        await first_selection()
        assert embedded == [starter]
        # Nobody has the contract any more when there is a will.
        assert await rows.run(example_vectors.clear_unused_vectors) == number


async def test_without_the_local_model_words_alone_choose(choosable: Agents, person: Person, by_words: None) -> None:
    selection = await select(person.principal, REVIEW)
    assert (selection.agent_id, selection.with_vectors) == ("reviewer", False)


async def test_a_model_that_cannot_be_loaded_keeps_nobody_from_choosing(
    choosable: Agents, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise Unavailable("The files are damaged.")

    monkeypatch.setattr("apps.opie.engine.dispatcher.likeness._embedded", broken)
    monkeypatch.setattr("apps.opie.engine.dispatcher.likeness._kept", {})
    selection = await select(person.principal, REVIEW)
    assert (selection.agent_id, selection.with_vectors) == ("reviewer", False)


@pytest.mark.parametrize("wrong", ["", "  ", "a\x00b", "x" * 100_001, None])
async def test_what_is_no_task_is_refused(person: Person, wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await select(person.principal, wrong)
    assert "task_description" in (refused.value.fields or {})


async def test_a_task_of_full_length_is_chosen_for(choosable: Agents, person: Person) -> None:
    selection = await select(person.principal, (REVIEW + "\n" + "x = '(\u0661'; " * 10_000)[:100_000])
    assert selection.agent_id == "reviewer"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=200))
async def test_any_text_is_chosen_for_or_refused(choosable: Agents, person: Person, by_words: None, text: str) -> None:
    try:
        selection = await select(person.principal, text)
    except OpieError as error:
        assert isinstance(error, InvalidInput)  # noqa: PT017 - either is right
        return
    kept = await rows.run(DispatchDecision.objects.get, pk=selection.decision_id)
    assert kept.task == text


def test_agents_that_say_nothing_and_the_one_for_everything_are_no_candidates(
    choosable: Agents, agents: Agents, person: Person
) -> None:
    Agent.objects.filter(agent_id="assistant").update(capabilities=["GENERAL_ASSISTANCE"], starters=["Review code"])
    Agent.objects.filter(agent_id="helper").update(description="Feeds the office fish")
    assert set(roster_for(person.principal).members) == {"reviewer", "second", "lawyer", "devops", "helper"}
    assert set(roster_for(person.principal, ["GENERAL_ASSISTANCE"]).members) == {"assistant"}
