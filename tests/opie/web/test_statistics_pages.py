"""/agentos/history/statistics/: figures of conversations over a time, the team's for who may see them, and as files."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.opie.metrics.conversations import AgentInConversations, ConversationsAt
from apps.opie.models import Agent, AgentOSMessage, AgentOSSession, MessageReaction
from apps.opie.web.score_plot import NARROW
from apps.opie.web.statistics_period import MOST_PIECES, cut, read_period
from apps.opie.web.statistics_plots import draw_agents, draw_times
from tests.opie.people import Person
from tests.opie.rest.caller import call
from tests.opie.web.conftest import MakeChat, SignIn

PAGE = "/agentos/history/statistics/"
SVG = "{http://www.w3.org/2000/svg}"
NOW = datetime.now(UTC)


def said_on(session: AgentOSSession, days_ago: int, began: int | None = None) -> AgentOSSession:
    """The session, with its messages a minute apart, so many days ago."""
    noon = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    for number, message in enumerate(session.messages.order_by("number")):
        AgentOSMessage.objects.filter(pk=message.pk).update(created_at=noon + timedelta(minutes=number))
    when = noon if began is None else noon - timedelta(days=began - days_ago)
    AgentOSSession.objects.filter(pk=session.pk).update(created_at=when)
    return session


def think(session: AgentOSSession, reaction: str) -> None:
    answer = session.messages.filter(is_answer=True).first()
    assert answer is not None
    MessageReaction.objects.create(message=answer, user=session.user, reaction=reaction)


def table(client: Client, name: str, query: str) -> list[dict[str, str]]:
    answer = client.get(f"{PAGE}{name}.csv?{query}")
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_own_figures_and_the_teams(
    client: Client, person: Person, member: Person, stranger: Person, viewer: Person, agents: dict[str, Agent],
    make_chat: MakeChat, sign_in: SignIn,
) -> None:  # fmt: skip
    helper, secret = agents["helper"], agents["scripted"]
    Agent.objects.filter(pk=secret.pk).update(visibility="private", owner=member.user, name="My own diary")
    think(said_on(make_chat(person, helper, turns=2, title="Blue"), 0), "thumbs_up")
    # It began long ago, and goes on.
    think(said_on(make_chat(person, agents["broken"], title="Green"), 2, began=60), "thumbs_down")
    said_on(make_chat(person, helper, title="Old"), 40)
    said_on(make_chat(member, helper, title="Hidden words"), 1)
    said_on(make_chat(member, secret, title="Hidden words"), 1)
    said_on(make_chat(stranger, helper, title="Of elsewhere"), 1)

    with CaptureQueriesContext(connection) as seen:
        page = client.get(PAGE)
    assert len([one for one in seen if "opie_agentosmessage" in one["sql"]]) == 1
    figures = page.context["figures"]
    assert (figures.conversations, figures.messages, figures.messages_per_conversation) == (2, 6, 3.0)
    assert figures.session_seconds_median == 300
    assert [(one["agent_id"], one["answers"], one["thumbs_up"], one["thumbs_down"], one["is_served"]) for one in
            page.context["agents"]] == [("helper", 2, 1, 0, True), ("broken", 1, 0, 1, True)]  # fmt: skip
    text = page.content.decode()
    for expected in ("Helper", 'href="/agentos/chat/helper/"', "Days begin at midnight UTC", "5 min", "scope=team"):
        assert expected in text, expected
    assert len(page.context["found"].times) == 30
    assert table(client, "days", "days=7") == [
        {"day": str(NOW.date() - timedelta(days=ago)), "conversations": "1", "messages": said}
        for ago, said in ((2, "2"), (0, "4"))
    ]
    assert client.get(f"{PAGE}?days=all").context["figures"].conversations == 3
    day = NOW.date() - timedelta(days=40)
    (line,) = table(client, "agents", f"from={day}&to={day}")
    assert (line["agent_id"], line["conversations"], line["answers"]) == ("helper", "1", "1")

    for who in (person, viewer):
        theirs = sign_in(who).get(f"{PAGE}?scope=team&days=30")
        assert (theirs.context["figures"].conversations, theirs.context["figures"].messages) == (4, 10)
        words = theirs.content.decode()
        for kept in ("Hidden words", "Question", "My own diary", "Of elsewhere"):
            assert kept not in words, kept
        assert "scripted" in words
    over_rest = call("GET", f"conversations/statistics/?scope=team&from={day}", headers=viewer.headers).json()
    assert (over_rest["conversations"], over_rest["messages"]) == (5, 12)
    assert {one["agent_id"]: one["name"] for one in over_rest["usage_by_agent"]}["scripted"] == "scripted"
    assert call("GET", "conversations/statistics/?scope=all", headers=person.headers).status_code == 400

    # A member's right goes as far as what is theirs.
    own = sign_in(member)
    assert "scope=team" not in own.get(PAGE).content.decode()
    for name in ("", "days.csv", "agents.csv", "days.svg", "agents.svg"):
        assert own.get(f"{PAGE}{name}?scope=team").status_code == 403, name
    assert call("GET", "conversations/statistics/?scope=team", headers=member.headers).status_code == 403
    assert own.get(PAGE).context["figures"].conversations == 2

    for name, said in (("agents", "Helper: 2 answers"), ("days", ": 4 messages")):
        answer = client.get(f"{PAGE}{name}.svg")
        assert answer["Content-Type"].startswith("image/svg+xml")
        assert any(said in (one.text or "") for one in ElementTree.fromstring(answer.content).iter(f"{SVG}title")), name


def test_nothing_yet_and_nothing_then(
    client: Client, person: Person, agents: dict[str, Agent], make_chat: MakeChat
) -> None:
    text = client.get(PAGE).content.decode()
    assert "No conversations yet" in text
    assert "Start a chat" in text
    assert 'class="plot"' not in text
    make_chat(person, agents["helper"])
    text = client.get(f"{PAGE}?from=2020-01-01&to=2020-01-31").content.decode()
    assert "No conversations in this time" in text
    assert 'value="2020-01-31"' in text
    wrong = client.get(f"{PAGE}?from=2026-02-31&to=2020-01-01")
    assert (wrong.status_code, wrong.context["figures"].conversations) == (422, 1)
    assert "“2026-02-31” is no day. Give one like 2026-01-31." in wrong.content.decode()
    assert 'value="2020-01-01"' in wrong.content.decode()
    assert client.get(f"{PAGE}days.csv?from=soon").status_code == 400


@pytest.mark.parametrize(
    ("asked", "begun", "unit", "count", "first"),
    [
        ({}, None, "day", 30, date(2026, 10, 28)),
        ({"days": "7"}, date(2020, 1, 1), "day", 7, date(2026, 11, 20)),
        ({"days": "nonsense"}, None, "day", 30, date(2026, 10, 28)),
        ({"days": "all"}, None, "day", 1, date(2026, 11, 26)),
        ({"days": "all"}, date(2026, 11, 20), "day", 7, date(2026, 11, 20)),
        ({"days": "all"}, date(2026, 1, 1), "week", 48, date(2025, 12, 29)),
        ({"days": "all"}, date(2022, 3, 5), "month", 57, date(2022, 3, 1)),
        ({"days": "all"}, date(2001, 3, 5), "year", 26, date(2001, 1, 1)),
        ({"from": "0001-01-01", "to": "9999-12-31"}, date(2026, 11, 20), "day", 7, date(2026, 11, 20)),
        ({"from": "2026-11-01"}, date(2026, 11, 20), "day", 26, date(2026, 11, 1)),
        ({"to": "2026-11-21"}, date(2026, 11, 20), "day", 2, date(2026, 11, 20)),
        ({"from": "2027-01-01"}, date(2026, 11, 20), "day", 1, date(2026, 11, 26)),
    ],
)  # fmt: skip
def test_a_time_is_cut_so_that_it_can_be_shown(
    asked: dict[str, str], begun: date | None, unit: str, count: int, first: date
) -> None:
    today = date(2026, 11, 26)
    pieces = cut(read_period(asked, today), begun, today)
    assert (pieces.unit, len(pieces.first_days), pieces.first_days[0]) == (unit, count, first)
    found = [ConversationsAt(day, number % 7, number * 13) for number, day in enumerate(pieces.first_days)]
    plot = draw_times(pieces, found, NARROW)
    assert len(plot.columns) == count <= MOST_PIECES
    for column in plot.columns:
        assert plot.left <= float(column.x)
        assert float(column.x) + float(column.width) <= plot.right
        for bar, bottom in ((column.messages, plot.messages_bottom), (column.conversations, plot.conversations_bottom)):
            assert float(bar.y) + float(bar.height) == pytest.approx(bottom, abs=0.11)
    assert all(later.at - tick.at >= 60 for tick, later in zip(plot.times, plot.times[1:], strict=False))


def test_long_names_are_cut_and_many_agents_are_not_all_drawn() -> None:
    agents = [AgentInConversations(f"a{n}", "Name" * 30, 1, 100 - n, 0, 0) for n in range(20)]
    plot = draw_agents(agents, NARROW)
    assert len(plot.rows) == 12
    assert (plot.rows[0].bar_width, plot.rows[0].name[-1], len(plot.rows[0].name)) == (f"{NARROW:.1f}", "…", 28)
