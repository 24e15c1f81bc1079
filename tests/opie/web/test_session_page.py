"""One chat on its own: everything known about it, and what can be done with it."""

import json

from django.test import Client
from django.utils import timezone

from apps.opie.models import Agent, AgentOSError, AgentOSMessage, AgentOSSession, AgentOSUsage
from tests.opie.people import Person
from tests.opie.web.conftest import MakeChat, SignIn

Agents = dict[str, Agent]


def test_it_shows_messages_runs_tools_usage_and_errors(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    AgentOSError.objects.create(
        team=person.team, fingerprint="f", code="platform_failed", place="closed/model", message="It is down.",
        last_seen=timezone.now(), last_run=session.runs.get(),
    )  # fmt: skip
    text = client.get(f"/agentos/session/{session.pk}/").content.decode()
    for expected in (
        "Numbers",
        "Question 0",
        "<strong>Answer</strong> 0",
        "1.2 k",
        "34",
        "0.0042 USD",
        "200 ms",
        "It is down.",
        "closed/model",
    ):
        assert expected in text
    assert f"/agentos/chat/helper/?session={session.pk}" in text


def test_it_can_be_renamed_and_stays_where_it_is(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    moment = session.updated_at
    response = client.post(f"/agentos/session/{session.pk}/rename/", {"title": "  <b>Sums</b> "})
    assert response["Location"] == f"/agentos/session/{session.pk}/"
    session.refresh_from_db()
    assert (session.title, session.updated_at) == ("<b>Sums</b>", moment)
    assert b"&lt;b&gt;Sums&lt;/b&gt;" in client.get(response["Location"]).content


def test_a_title_that_does_not_fit_changes_nothing(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    for title in ("", " \x00 ", "x" * 201):
        response = client.post(f"/agentos/session/{session.pk}/rename/", {"title": title}, follow=True)
        assert b"between 1 and 200 characters" in response.content
    session.refresh_from_db()
    assert session.title == "Numbers"


def test_what_becomes_of_messages_while_it_is_busy_can_be_chosen(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    for sent, kept in (("refuse", "refuse"), ("nonsense", "refuse"), ("steer", "steer")):
        client.post(f"/agentos/session/{session.pk}/rename/", {"title": "Sums", "when_busy": sent})
        session.refresh_from_db()
        assert session.when_busy == kept


def test_it_branches_off_into_a_chat_of_its_own(
    client: Client, sign_in: SignIn, viewer: Person, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"], turns=2)
    response = client.post(f"/agentos/session/{session.pk}/branch/", follow=True)
    assert b"This is the new chat." in response.content
    made = AgentOSSession.objects.exclude(pk=session.pk).get()
    assert (made.message_count, made.title) == (8, "Numbers")
    made.messages.all().delete()
    assert (
        b"Nothing was said in this chat yet." in client.post(f"/agentos/session/{made.pk}/branch/", follow=True).content
    )
    own = make_chat(viewer, agents["helper"])
    assert sign_in(viewer).post(f"/agentos/session/{own.pk}/branch/").status_code == 403


def test_runs_show_their_tries_and_what_they_knew(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    session.runs.update(attempt=2, most_attempts=3, context={"messages_sent": 10, "messages_left_out": 2})
    text = client.get(f"/agentos/session/{session.pk}/").content.decode()
    assert "2 of 3" in text
    assert 'title="10 of 12 earlier messages were given, 2 were left out' in text
    assert ">10 of 12<" in text


def test_deleting_takes_the_messages_and_leaves_the_books(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    response = client.post(f"/agentos/session/{session.pk}/delete/", follow=True)
    assert "“Numbers” was deleted." in response.content.decode()
    assert not AgentOSSession.objects.exists()
    assert not AgentOSMessage.objects.exists()
    assert AgentOSUsage.objects.count() == 1


def test_it_is_emptied_and_stays_with_what_its_answers_took(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    text = client.post(f"/agentos/session/{session.pk}/clear/", follow=True).content.decode()
    assert "This chat is empty now." in text
    assert ("Numbers" in text, "Question 0" in text, "0.0042 USD" in text) == (True, False, True)
    assert 'data-opens="clear"' not in text
    assert b"Question 0" not in client.get(f"/agentos/chat/helper/?session={session.pk}").content


def test_a_chat_that_is_being_answered_is_not_deleted(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"], status="running", finished_at=None)
    for action in ("clear", "delete"):
        response = client.post(f"/agentos/session/{session.pk}/{action}/", follow=True)
        assert b"Stop it first" in response.content
    assert session.messages.exists()
    assert AgentOSSession.objects.filter(pk=session.pk).exists()


def test_nothing_changes_by_following_a_link(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"])
    for action in ("rename", "clear", "delete"):
        assert client.get(f"/agentos/session/{session.pk}/{action}/").status_code == 405


def test_a_form_from_elsewhere_is_refused(person: Person, agents: Agents, make_chat: MakeChat) -> None:
    session = make_chat(person, agents["helper"])
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person.user, "allauth.account.auth_backends.AuthenticationBackend")
    assert strict.post(f"/agentos/session/{session.pk}/delete/").status_code == 403
    assert AgentOSSession.objects.filter(pk=session.pk).exists()


def test_it_can_be_taken_away_as_data(client: Client, person: Person, agents: Agents, make_chat: MakeChat) -> None:
    session = make_chat(person, agents["helper"], turns=40, title='Sums / "May"')
    response = client.get(f"/agentos/session/{session.pk}/export.json")
    assert response["Content-Disposition"] == 'attachment; filename="sums-may.json"'
    taken = json.loads(response.content)
    assert (taken["session_id"], taken["agent_id"], len(taken["items"])) == (str(session.pk), "helper", 80)
    question, answer = taken["items"][:2]
    assert question["text"] == "Question 0"
    assert answer["parts"][1]["tool"] == {
        "name": "calculate", "arguments": {"expression": "6*7"}, "result": "42", "status": "completed", "duration_ms": 3,
    }  # fmt: skip
    assert (answer["cost"], answer["total_tokens"], answer["status"]) == ("0.0042000000", 1234, "completed")


def test_it_can_be_taken_away_as_text(client: Client, person: Person, agents: Agents, make_chat: MakeChat) -> None:
    session = make_chat(person, agents["helper"])
    text = client.get(f"/agentos/session/{session.pk}/export.md").content.decode()
    assert text == "# Numbers\n\n## You\n\nQuestion 0\n\n## Helper\n\n*calculate: completed*\n\n**Answer** 0\n"
    assert client.get(f"/agentos/session/{session.pk}/export.exe").status_code == 404


def test_an_answer_that_called_no_model_has_no_figures(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    session = make_chat(person, agents["helper"], status="running", finished_at=None)
    AgentOSUsage.objects.all().delete()
    text = client.get(f"/agentos/session/{session.pk}/").content.decode()
    assert "Being written" in text
    assert "USD" not in text
    assert ">cost unknown<" not in text
