"""A question that a command wrote says so, wherever a chat is read."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession, CommandExecution, CommandTemplate
from apps.opie.web.transcript import Answer, Question, transcript_of
from tests.opie.people import Person
from tests.opie.web.conftest import MakeChat, add_turn
from tests.opie.web.test_branches import answer_again

Agents = dict[str, Agent]


@pytest.fixture
def command(person: Person, agents: Agents) -> CommandTemplate:
    return CommandTemplate.objects.create(
        slug="sum", name="Sum <up>", template="Sum up.", recommended_agent=agents["helper"], owner=person.user,
        team=person.team, visibility="team",
    )  # fmt: skip


@pytest.fixture
def chat(person: Person, agents: Agents, make_chat: MakeChat, command: CommandTemplate) -> AgentOSSession:
    """Two questions; the second was written by the command."""
    chat = make_chat(person, agents["helper"], turns=2)
    note_execution(chat.runs.order_by("-id")[0], command)
    return chat


def note_execution(run: AgentOSRun, command: CommandTemplate) -> None:
    CommandExecution.objects.create(
        run=run, command=command, address=command.address, version=1, user=run.user, team=run.team
    )


def commands(session: AgentOSSession) -> list[str]:
    return [item.command for item in transcript_of(session).items if isinstance(item, Question)]


def last_answer(session: AgentOSSession) -> Answer:
    item = transcript_of(session).items[-1]
    assert isinstance(item, Answer)
    return item


def test_the_question_names_the_command_and_the_answer_says_why(client: Client, chat: AgentOSSession) -> None:
    assert commands(chat) == ["", "Sum <up>"]
    assert (last_answer(chat).agent_id, last_answer(chat).why) == ("helper", "“Sum <up>” is made for Helper.")
    for page in (f"/agentos/chat/helper/?session={chat.pk}", f"/agentos/session/{chat.pk}/"):
        shown = client.get(page).content.decode()
        assert shown.count('data-question data-command data-message="') == 1
        assert "Sum &lt;up&gt;" in shown
        assert "is made for Helper." in shown


def test_it_does_so_when_the_answer_was_tried_again(chat: AgentOSSession) -> None:
    answer_again(chat, chat.messages.get(role="user", content="Question 1"), "Better")
    assert last_answer(chat).source == "Better"
    assert commands(chat) == ["", "Sum <up>"]


def test_the_choice_is_told_for_what_the_command_asks_for(
    chat: AgentOSSession, command: CommandTemplate, agents: Agents
) -> None:
    Agent.objects.filter(pk=agents["helper"].pk).update(capabilities=["SUMMING_UP", "OTHER"])
    CommandTemplate.objects.update(recommended_agent=None, required_capabilities=["SUMMING_UP"])
    assert last_answer(chat).why == "Helper can do what “Sum <up>” needs: summing up."
    CommandTemplate.objects.update(required_capabilities=["SINGING"])
    assert last_answer(chat).why == ""


def test_a_command_that_is_gone_is_called_what_it_was_called_by(chat: AgentOSSession, command: CommandTemplate) -> None:
    command.delete()
    assert commands(chat) == ["", "team.sum"]
    assert last_answer(chat).why == ""


def test_one_that_runs_and_one_that_waits_do_so_too(
    client: Client, chat: AgentOSSession, command: CommandTemplate
) -> None:
    who: dict[str, Any] = {"session": chat, "user": chat.user, "team": chat.team, "agent": chat.agent}
    running = AgentOSRun.objects.create(**who, status="running")
    asked = AgentOSMessage.objects.create(
        session=chat, run=running, role="user", content="Now", number=20, parent=chat.head
    )
    waiting = AgentOSRun.objects.create(**who, status="pending")
    later = AgentOSMessage.objects.create(session=chat, run=waiting, role="user", content="Later", number=21)
    AgentOSRun.objects.filter(pk=running.pk).update(question=asked)
    AgentOSRun.objects.filter(pk=waiting.pk).update(question=later)
    AgentOSSession.objects.filter(pk=chat.pk).update(head=asked)
    chat.refresh_from_db()
    for run in (running, waiting):
        note_execution(run, command)
    assert commands(chat) == ["", "Sum <up>", "Sum <up>"]
    assert (last_answer(chat).status, last_answer(chat).why[:5]) == ("running", "“Sum ")
    (line,) = transcript_of(chat).waiting
    assert (line.text, line.command, line.agent_id, line.agent_name) == ("Later", "Sum <up>", "helper", "Helper")
    page = client.get(f"/agentos/chat/helper/?session={chat.pk}").content.decode()
    assert 'data-command="Sum &lt;up&gt;" data-agent="helper" data-agent-name="Helper"' in page


def test_many_commands_take_no_more_queries_than_one(chat: AgentOSSession, command: CommandTemplate) -> None:
    with CaptureQueriesContext(connection) as few:
        transcript_of(chat)
    for turn in range(2, 8):
        add_turn(chat, turn)
        other = CommandTemplate.objects.create(slug=f"s{turn}", name=f"Sum {turn}", template="Sum.", team=chat.team)
        note_execution(chat.runs.order_by("-id")[0], other)
    with CaptureQueriesContext(connection) as many:
        assert commands(chat)[-1] == "Sum 7"
    assert len(many) == len(few)
