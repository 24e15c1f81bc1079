"""The pages: what they show, to whom, and with how many queries."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.opie.models import Agent, AgentTally
from tests.opie.people import Person
from tests.opie.web.conftest import MakeChat, SignIn, add_turn

Agents = dict[str, Agent]
PATHS = [
    "/agentos/",
    "/agentos/agents/",
    "/agentos/agents/new/",
    "/agentos/chat/",
    "/agentos/chat/helper/",
    "/agentos/history/",
    "/agentos/memory/",
    "/agentos/runs/",
    "/agentos/approvals/",
    "/agentos/schedules/",
    "/agentos/schedules/new/",
]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_is_sent_to_sign_in(agents: Agents, path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={path}")


def test_the_start_page_leads_to_the_dashboard(client: Client) -> None:
    assert client.get("/")["Location"] == "/agentos/"


def test_the_dashboard_shows_agents_chats_and_health(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    make_chat(person, agents["helper"], title="Quarterly figures")
    text = client.get("/agentos/").content.decode()
    assert "Quarterly figures" in text
    assert text.index("/agentos/chat/assistant/") < text.index("/agentos/chat/helper/")
    assert "foreign" not in text.lower()
    assert "PostgreSQL" in text
    assert "AGENTOS_ENABLED is false" in text


def test_a_person_without_agents_is_told_what_they_are_for(client: Client) -> None:
    assert "Make the first agent" in client.get("/agentos/").content.decode()
    assert "There is no agent to talk to yet" in client.get("/agentos/chat/").content.decode()


def test_the_list_shows_what_each_agent_can_do(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    AgentTally.objects.create(agent=agents["helper"], team=person.team, shard=3, completed=2, duration_ms=2400)
    text = client.get("/agentos/agents/").content.decode()
    for expected in (
        "calculate",
        "search_my_sessions",
        "offline-model",
        "2 answers",
        "100 % succeeded",
        "1.2 s on average",
    ):
        assert expected in text
    assert "/agentos/agents/helper/edit/" in text
    # The installation's own agent is not the team's to change.
    assert "/agentos/agents/assistant/edit/" not in text


def test_the_list_can_be_searched(client: Client, agents: Agents) -> None:
    text = client.get("/agentos/agents/?q=scripted").content.decode()
    assert "/agentos/chat/scripted/" in text
    assert "/agentos/chat/helper/" not in text
    assert "No agent matches “<b>”" not in client.get("/agentos/agents/?q=<b>").content.decode()


def test_chat_leads_to_where_one_was_last(client: Client, person: Person, agents: Agents, make_chat: MakeChat) -> None:
    assert client.get("/agentos/chat/")["Location"] == "/agentos/chat/assistant/"
    make_chat(person, agents["scripted"])
    assert client.get("/agentos/chat/")["Location"] == "/agentos/chat/scripted/"


def test_a_chat_is_shown_with_all_that_was_said(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    text = client.get(f"/agentos/chat/helper/?session={session.pk}").content.decode()
    for expected in (
        "Question 0",
        "<strong>Answer</strong> 0",
        "calculate",
        "Let me see.",
        "offline · offline-responder",
        "1.2 k tokens",
        "0.0042 USD",
        "1.2 s",
    ):
        assert expected in text
    assert 'data-active-run=""' in text


def test_a_failed_answer_says_why_once(client: Client, person: Person, agents: Agents, make_chat: MakeChat) -> None:
    session = make_chat(
        person, agents["helper"], status="failed", error_code="platform_failed", error_message="It is down."
    )
    session.messages.filter(is_answer=True).update(content="It is down.")
    text = client.get(f"/agentos/chat/helper/?session={session.pk}").content.decode()
    assert text.count("It is down.") == 1


def test_an_answer_under_way_is_followed(client: Client, person: Person, agents: Agents, make_chat: MakeChat) -> None:
    session = make_chat(person, agents["helper"], status="running", finished_at=None)
    run = session.runs.get()
    text = client.get(f"/agentos/chat/helper/?session={session.pk}").content.decode()
    assert f'data-active-run="{run.pk}"' in text
    assert f'data-run="{run.pk}"' in text


def test_long_chats_come_in_pieces(client: Client, person: Person, agents: Agents, make_chat: MakeChat) -> None:
    session = make_chat(person, agents["helper"], turns=40)
    address = f"/agentos/chat/helper/?session={session.pk}"
    latest = client.get(address)
    assert [item.text for item in latest.context["transcript"].items[::2]] == [f"Question {n}" for n in range(10, 40)]
    earlier = client.get(f"{address}&before={latest.context['transcript'].earlier}")
    assert [item.text for item in earlier.context["transcript"].items[::2]] == [f"Question {n}" for n in range(10)]
    assert earlier.context["transcript"].earlier is None
    assert b"<html" not in earlier.content


@pytest.mark.parametrize("path", ["/agentos/chat/{agent}/", "/agentos/agents/{agent}/edit/"])
@pytest.mark.parametrize("agent", ["foreign", "there-is-none"])
def test_foreign_and_unknown_agents_are_alike(client: Client, agents: Agents, path: str, agent: str) -> None:
    response = client.get(path.format(agent=agent))
    assert response.status_code == 404
    assert b"Nothing here" in response.content


@pytest.mark.parametrize(
    "path",
    [
        "/agentos/session/{id}/",
        "/agentos/chat/assistant/?session={id}",
        "/agentos/session/{id}/export.json",
        "/agentos/session/{id}/export.md",
        "POST /agentos/session/{id}/rename/",
        "POST /agentos/session/{id}/delete/",
    ],
)
def test_foreign_and_unknown_sessions_are_alike(
    sign_in: SignIn, member: Person, person: Person, agents: Agents, make_chat: MakeChat, path: str
) -> None:
    """Even for somebody of the same team, and for its owner."""
    session = make_chat(member, agents["helper"], title="Secret")
    browser = sign_in(person)
    ask = browser.post if path.startswith("POST ") else browser.get
    bodies = set()
    for identifier in (session.pk, uuid4()):
        response = ask(
            path.removeprefix("POST ").format(id=identifier), {"title": "Mine now"} if ask == browser.post else None
        )
        assert response.status_code == 404
        bodies.add(response.content.replace(response["X-Request-Id"].encode(), b""))
    assert all(b"Secret" not in body for body in bodies)
    session.refresh_from_db()
    assert session.title == "Secret"


def test_nonsense_in_an_address_is_nothing_here(client: Client, agents: Agents) -> None:
    for address in (
        "/agentos/chat/assistant/?session=1",
        "/agentos/session/1/",
        "/agentos/history/?part=list&session=x",
    ):
        assert client.get(address).status_code == 404
    for address in (
        "/agentos/history/?page=-1",
        "/agentos/history/?part=list&page=99999999999",
        "/agentos/chat/assistant/?before=x",
    ):
        assert client.get(address).status_code == 200


def test_a_viewer_may_look_and_is_told_who_can_change_that(sign_in: SignIn, viewer: Person, agents: Agents) -> None:
    browser = sign_in(viewer)
    text = browser.get("/agentos/chat/helper/").content.decode()
    assert "An owner or admin of the team can change that" in text
    assert "data-starter" not in text
    assert browser.get("/agentos/agents/new/").status_code == 403
    assert browser.post("/agentos/agents/helper/edit/", {"name": "Mine"}).status_code == 403


def test_history_is_searched_and_grouped(client: Client, person: Person, agents: Agents, make_chat: MakeChat) -> None:
    for title in ("Invoices of May", "Weather"):
        make_chat(person, agents["helper"], title=title)
    text = client.get("/agentos/history/?part=list&q=invoices").content.decode()
    assert "Invoices of May" in text
    assert "Weather" not in text
    assert "Today" in text
    assert "No chat is called “&lt;b&gt;”" in client.get("/agentos/history/?part=list&q=<b>").content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/agentos/",
        "/agentos/agents/",
        "/agentos/history/",
        "/agentos/history/?part=list",
        "/agentos/chat/helper/?session={id}",
        "/agentos/session/{id}/",
    ],
)
def test_the_number_of_queries_does_not_grow(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat, path: str
) -> None:
    session = make_chat(person, agents["helper"])
    path = path.format(id=session.pk)
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    platform = agents["helper"].models.get().platform
    for number in range(1, 9):
        make_chat(person, agents["helper"], title=f"Chat {number}")
        add_turn(session, number)
        fields = {"owner": person.user, "team": person.team, "visibility": "team", "status": "published"}
        copy = Agent.objects.create(agent_id=f"copy-{number}", name=f"Copy {number}", **fields)
        copy.models.create(platform=platform, position=0)
    with CaptureQueriesContext(connection) as many:
        client.get(path)
    assert len(many) == len(few)
