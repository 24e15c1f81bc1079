"""Who fits a task."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.opie.engine.dispatcher.index import Index
from apps.opie.engine.dispatcher.matching import Match, Profile, candidates

REVIEWER = Profile("reviewer", "Code Review Expert", "", ("CODE_REVIEW",))
LAWYER = Profile("lawyer", "Legal Counsel", "", ("LEGAL_REVIEW",))
SCRUM = Profile("scrum", "Scrum Master", "", ("PROJECT_MANAGEMENT",))
PLANNER = Profile("planner", "Project Manager", "", ("PROJECT_MANAGEMENT",))
KAFKA = Profile("kafka", "Broker of messages", "Knows our Kafka cluster", (), ("Why does the zookeeper sulk?",))
ALL = [REVIEWER, LAWYER, SCRUM, PLANNER, KAFKA]


def best(task: str, profiles: list[Profile] | None = None) -> Match:
    return Index(profiles or ALL).matches(task)[0]


@pytest.mark.parametrize(
    ("task", "agent_id"),
    [
        ("Review this Python code for security issues", "reviewer"),
        ("Ist diese Haftungsklausel im Vertrag rechtlich zulässig?", "lawyer"),
        ("¿Qué cláusulas debe tener el contrato?", "lawyer"),
        ("راجع الكود وابحث عن ثغرات", "reviewer"),
        ("Prepare a sprint retrospective for our scrum team", "scrum"),
        ("Draw up a project plan with milestones", "planner"),
        ("the zookeeper is slow", "kafka"),
    ],
)
def test_who_can_do_it_or_says_so_fits_best(task: str, agent_id: str) -> None:
    assert best(task).agent_id == agent_id


def test_what_spoke_for_an_agent_is_said_as_it_is_written() -> None:
    assert "security issues" in best("Review this Python code for security issues").words
    assert best("the ZOOKEEPER is slow").words == ("zookeeper",)


def test_nobody_fits_what_nobody_does() -> None:
    found = Index(ALL).matches("What should I cook for eight people?")
    assert candidates(found, with_vectors=False) == []
    assert candidates([], with_vectors=True) == []


def test_candidates_fit_about_as_well_as_the_best() -> None:
    found = [Match("a", 0.9), Match("b", 0.73), Match("c", 0.71), Match("d", 0.2)]
    assert [match.agent_id for match in candidates(found, with_vectors=False)] == ["a", "b"]


def test_of_two_that_fit_alike_the_id_decides() -> None:
    twins = [replace(REVIEWER, agent_id="zed"), replace(REVIEWER, agent_id="abe")]
    assert [match.agent_id for match in Index(twins).matches("Review this pull request")] == ["abe", "zed"]


def test_what_everybody_says_of_himself_says_little() -> None:
    many = [Profile(f"p{n}", f"Clerk {n}", "Looks after orders") for n in range(20)]
    rare = Profile("rare", "Clerk", "Looks after orders from Greenland")
    assert best("orders from Greenland", [*many, rare]).agent_id == "rare"


def test_likeness_finds_what_words_do_not() -> None:
    task = "Something none of the words are for"
    found = Index(ALL).matches(task, [0.1, 0.8, 0.1, 0.1, 0.1])
    assert (found[0].agent_id, found[0].likeness) == ("lawyer", 0.8)
    assert [match.agent_id for match in candidates(found, with_vectors=True)] == ["lawyer"]


@given(st.text(max_size=500))
def test_any_text_gets_the_same_answer_twice(text: str) -> None:
    index = Index(ALL)
    found = index.matches(text)
    assert found == index.matches(text) == Index(ALL[::-1]).matches(text)
    assert all(0 <= match.fit <= 1 for match in found)
