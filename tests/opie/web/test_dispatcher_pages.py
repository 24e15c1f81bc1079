"""/agentos/dispatcher/: trying it, the plot of what came of choices, the list, and one choice with its candidates."""

from datetime import timedelta
from uuid import UUID
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.opie.metrics.dispatches import Outcomes
from apps.opie.models import Agent, AgentOSRun, DispatchDecision
from apps.opie.models.agents import AgentStatus, AgentVisibility
from apps.opie.web.score_plot import NARROW, draw, likely_range
from tests.opie.people import Person
from tests.opie.web.conftest import SignIn

PAGE = "/agentos/dispatcher/"
SVG = "{http://www.w3.org/2000/svg}"
TASK = "Review this Python code for security issues"
COOK = "What should I cook for eight people tonight?"


@pytest.fixture
def reviewer(agents: dict[str, Agent], person: Person) -> Agent:
    agent = Agent.objects.create(
        agent_id="reviewer", name="Ruth", kind="task", capabilities=["CODE_REVIEW"], owner=person.user, team=person.team,
        visibility=AgentVisibility.TEAM, status=AgentStatus.PUBLISHED,
    )  # fmt: skip
    agent.models.create(platform=agents["helper"].models.get().platform, position=0)
    return agent


def chosen(who: Person, task: str, status: str | None = None, score: float | None = 0.7) -> DispatchDecision:
    """A choice that was made, and how its run is."""
    run = None
    if status is not None:
        ended = timezone.now() if status in ("completed", "failed", "cancelled", "interrupted") else None
        run = AgentOSRun.objects.create(user=who.user, team=who.team, status=status, finished_at=ended)
    agent_id = "" if score is None else "reviewer"
    return DispatchDecision.objects.create(
        user=who.user, team=who.team, task=task, chosen=agent_id, score=score, run=run
    )


def test_a_task_is_tried_and_its_choice_explained(client: Client, reviewer: Agent) -> None:
    answer = client.post(PAGE, {"task": TASK})
    decision = DispatchDecision.objects.get()
    assert answer["Location"] == f"{PAGE}decisions/{decision.pk}/"
    text = client.get(answer["Location"]).content.decode()
    for expected in ("Ruth was chosen", TASK, "security issues", "Success rate", "Response time", "Experience",
                     "Priority", f"score {decision.score:.4f}", "?draft=Review%20this", "Nothing was run"):  # fmt: skip
        assert expected in text, expected
    assert not AgentOSRun.objects.exists()


def test_reading_makes_no_choice(client: Client, reviewer: Agent) -> None:
    assert client.get(f"{PAGE}?task={TASK}").status_code == 200
    assert not DispatchDecision.objects.exists()


def test_where_nobody_fits_nobody_is_guessed(client: Client, reviewer: Agent) -> None:
    answer = client.post(PAGE, {"task": COOK}, follow=True)
    assert "Nobody fits this task" in answer.content.decode()
    assert DispatchDecision.objects.get().chosen == ""


def test_a_capability_narrows_it(client: Client, reviewer: Agent) -> None:
    client.post(PAGE, {"task": COOK, "capability": "CODE_REVIEW"})
    assert DispatchDecision.objects.get().chosen == "reviewer"


@pytest.mark.parametrize(
    "body",
    [{}, {"task": "  "}, {"task": "x" * 100_001}, {"task": "a\x00b"}, {"task": TASK, "capability": "PALM_READING"}],
    ids=["nothing", "blank", "long", "nul", "unknown capability"],
)
def test_what_cannot_be_tried_is_said_beside_the_field(client: Client, reviewer: Agent, body: dict[str, str]) -> None:
    answer = client.post(PAGE, body)
    assert (answer.status_code, DispatchDecision.objects.count()) == (422, 0)
    assert 'class="text-sm text-error"' in answer.content.decode()


def test_a_viewer_sees_the_figures_and_tries_nothing(viewer: Person, person: Person, sign_in: SignIn) -> None:
    chosen(person, "A secret", "completed")
    client = sign_in(viewer)
    text = client.get(PAGE).content.decode()
    assert "Try it" not in text
    assert "A secret" not in text
    assert "1 choice." in text
    assert client.post(PAGE, {"task": TASK}).status_code == 403


def test_choices_of_others_are_not_there(person: Person, member: Person, stranger: Person, sign_in: SignIn) -> None:
    decision = chosen(person, "A secret", "completed")
    nowhere = f"{PAGE}decisions/{UUID(int=7)}/"
    for who in (member, stranger):
        client = sign_in(who)
        assert "A secret" not in client.get(PAGE).content.decode()
        theirs, none = client.get(f"{PAGE}decisions/{decision.pk}/"), client.get(nowhere)
        assert theirs.status_code == none.status_code == 404
        assert "secret" not in theirs.content.decode()
    assert "A secret" in sign_in(person).get(f"{PAGE}decisions/{decision.pk}/").content.decode()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"well", "failed", "broke", "stopped", "waits", "tried", "nobody"}),
        ("outcome=well", {"well"}),
        ("outcome=failed", {"failed", "broke"}),
        ("outcome=stopped", {"stopped"}),
        ("outcome=going", {"waits"}),
        ("outcome=none", {"tried"}),
        ("outcome=nobody", {"nobody"}),
        ("outcome=nonsense&days=x", {"well", "failed", "broke", "stopped", "waits", "tried", "nobody"}),
        ("agent=reviewer&outcome=well", {"well"}),
        ("agent=somebody", set()),
        ("days=7", {"failed", "broke", "stopped", "waits", "tried", "nobody"}),
    ],
)
def test_the_list_is_narrowed(client: Client, person: Person, query: str, shown: set[str]) -> None:
    old = chosen(person, "<well>", "completed")
    DispatchDecision.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=20))
    for task, status in (
        ("failed", "failed"),
        ("broke", "interrupted"),
        ("stopped", "cancelled"),
        ("waits", "waiting"),
        ("tried", None),
    ):
        chosen(person, f"<{task}>", status)
    chosen(person, "<nobody>", score=None)
    text = client.get(f"{PAGE}?{query}").content.decode()
    assert {
        task for task in ("well", "failed", "broke", "stopped", "waits", "tried", "nobody") if f"&lt;{task}&gt;" in text
    } == shown


def test_the_list_has_pages_and_links_to_answers(client: Client, person: Person) -> None:
    first = chosen(person, "The very first", "completed")
    for _ in range(25):
        chosen(person, "Another")
    text = client.get(f"{PAGE}?agent=reviewer").content.decode()
    assert "The very first" not in text
    assert "agent=reviewer&amp;page=2#choices" in text
    older = client.get(f"{PAGE}?agent=reviewer&page=2").content.decode()
    assert "The very first" in older
    assert f"/agentos/runs/{first.run_id}/" in older


def test_a_hundred_choices_take_as_many_queries_as_one(client: Client, person: Person, reviewer: Agent) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(PAGE)
        return len(seen)

    chosen(person, "One", "completed")
    client.get(PAGE)
    few = queries()
    for number in range(30):
        chosen(person, "More", "completed", score=number / 30)
    assert queries() == few


def test_the_plot_is_a_file_of_the_same_figures(
    client: Client, person: Person, member: Person, sign_in: SignIn
) -> None:
    for status in ("completed", "completed", "failed"):
        chosen(person, "t", status, score=0.75)
    chosen(person, "t", score=0.42)
    answer = client.get(f"{PAGE}scores.svg")
    assert answer["Content-Type"].startswith("image/svg+xml")
    assert "attachment" in answer["Content-Disposition"]
    drawing = ElementTree.fromstring(answer.content)
    said = [one.text for one in drawing.iter(f"{SVG}title")]
    assert said == ["Score 0.7–0.8: 2 of 3 went well", "Score 0.4–0.5: 1 choice", "Score 0.7–0.8: 3 choices"]
    page = client.get(PAGE).content.decode()
    assert "66.67 %" in page
    assert "<polyline" in page
    assert b"<rect class" not in sign_in(member).get(f"{PAGE}scores.svg").content


def test_a_plot_says_how_sure_it_is_and_stays_in_its_frame() -> None:
    bands = {(band / 10, (band + 1) / 10): Outcomes(10 * band + 1, 9 * band, band % 3) for band in range(10)}
    plot = draw(bands, NARROW)
    assert plot.columns[0].share_y is None
    for column in plot.columns[1:]:
        assert column.share_y is not None
        assert column.likely_top is not None
        assert column.likely_bottom is not None
        assert 0 < column.likely_top <= column.share_y <= column.likely_bottom <= plot.share_bottom
        assert plot.left <= column.bar_left
        assert column.bar_left + column.bar_width <= plot.right
        assert column.bar_top + column.bar_height == plot.count_bottom
    assert [tick.text for tick in plot.scores] == [f"{n / 10:.1f}" for n in range(11)]
    assert plot.counts[1].text == "100"
    low, high = likely_range(3, 3)
    assert 0.4 < low < 0.5
    assert high == 1.0
    assert likely_range(300, 300)[0] > 0.98


def test_a_single_band_has_neighbours_on_the_axis() -> None:
    plot = draw({(0.0, 0.1): Outcomes(1, 1, 0)})
    assert [tick.text for tick in plot.scores][:2] == ["0.0", "0.1"]
    assert len(draw({(0.9, 1.0): Outcomes(1, 1, 0)}).scores) == 5
