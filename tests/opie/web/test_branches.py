"""A session is a tree: one branch is shown, and the others can be reached from it."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.opie.engine.branches import branch_off, newest_end
from apps.opie.models import Agent, AgentOSApproval, AgentOSMessage, AgentOSRun, AgentOSSession, AgentOSSummary
from apps.opie.web.branches import PAGE_OF_MESSAGES
from apps.opie.web.transcript import Answer, Question, transcript_of, whole_transcript_of
from tests.opie.people import Person
from tests.opie.web.conftest import MakeChat, add_messages

Agents = dict[str, Agent]


def answer_again(session: AgentOSSession, question: AgentOSMessage, text: str, **values: Any) -> AgentOSMessage | None:
    """Another run for a question; one that has ended has its answer beside the others, and is shown."""
    ended = {"status": "completed", "finished_at": timezone.now(), "started_at": timezone.now()}
    run = AgentOSRun.objects.create(
        session=session,
        user=session.user,
        team=session.team,
        agent=session.agent,
        question=question,
        **(ended | values),
    )
    said = [{"role": "assistant", "content": text, "is_answer": True}] if text else []
    session.head = question
    added = add_messages(session, run, said, parent=question)
    return added[-1] if added else None


def ask_instead(session: AgentOSSession, question: AgentOSMessage, text: str) -> AgentOSMessage:
    """An edited question with its answer."""
    session.head = question.parent
    run = AgentOSRun.objects.create(
        session=session, user=session.user, team=session.team, agent=session.agent, status="completed",
        finished_at=timezone.now(), started_at=timezone.now(),
    )  # fmt: skip
    said = [{"role": "user", "content": text}, {"role": "assistant", "content": f"To {text}", "is_answer": True}]
    return add_messages(session, run, said, parent=question.parent)[0]


def texts(session: AgentOSSession, **kwargs: Any) -> list[str]:
    return [item.text if isinstance(item, Question) else item.source for item in transcript_of(session, **kwargs).items]


@pytest.fixture
def chat(person: Person, agents: Agents, make_chat: MakeChat) -> AgentOSSession:
    """Three questions, answered."""
    return make_chat(person, agents["helper"], turns=3)


def question(session: AgentOSSession, text: str) -> AgentOSMessage:
    return session.messages.get(role="user", content=text)


def test_an_edited_question_stands_beside_the_old_one(chat: AgentOSSession) -> None:
    old = question(chat, "Question 1")
    edited = ask_instead(chat, old, "Something else")
    shown = transcript_of(chat).items
    assert texts(chat) == ["Question 0", "**Answer** 0", "Something else", "To Something else"]
    versions = shown[2].versions
    assert versions is not None
    assert (versions.place, versions.count, versions.previous, versions.next) == (2, 2, old.pk, None)
    assert versions.message_id == edited.pk
    assert [item.versions for item in (*shown[:2], shown[3])] == [None, None, None]
    # The old branch is there as it was, with all that came after the question.
    before = texts(chat, tip=newest_end(chat, old.pk))
    assert before == ["Question 0", "**Answer** 0", "Question 1", "**Answer** 1", "Question 2", "**Answer** 2"]


def test_the_first_question_can_be_edited_too(chat: AgentOSSession) -> None:
    old = question(chat, "Question 0")
    ask_instead(chat, old, "Hello")
    item = transcript_of(chat).items[0]
    assert item.versions is not None
    assert (item.versions.place, item.versions.count, item.versions.previous) == (2, 2, old.pk)


def test_answers_that_were_tried_again_are_counted_by_the_answer_not_by_its_messages(chat: AgentOSSession) -> None:
    asked = question(chat, "Question 2")
    answer_again(chat, asked, "Better")
    answer_again(chat, asked, "Best")
    item = transcript_of(chat).items[-1]
    assert isinstance(item, Answer)
    assert item.source == "Best"
    assert item.versions is not None
    assert (item.versions.place, item.versions.count) == (3, 3)
    first = transcript_of(chat, tip=newest_end(chat, item.versions.previous or asked.pk)).items[-1]
    assert isinstance(first, Answer)
    assert first.source == "Better"
    assert first.versions is not None
    assert first.versions.next == item.versions.message_id


def test_what_is_being_written_anew_replaces_the_old_answer_and_is_followed(chat: AgentOSSession) -> None:
    asked = question(chat, "Question 2")
    answer_again(chat, asked, "", status="running", finished_at=None)
    shown = transcript_of(chat)
    last = shown.items[-1]
    assert isinstance(last, Answer)
    assert (last.status, last.source, shown.active_run) == ("running", "", last.run_id)
    assert len(shown.items) == 6


def test_an_answer_that_was_stopped_before_it_said_anything_can_be_tried_again(chat: AgentOSSession) -> None:
    asked = question(chat, "Question 2")
    answer_again(chat, asked, "", status="cancelled")
    shown = transcript_of(chat)
    last = shown.items[-1]
    assert isinstance(last, Answer)
    assert (last.status, last.message_id, shown.active_run) == ("cancelled", asked.pk, None)


def test_messages_that_wait_are_in_no_branch(client: Client, chat: AgentOSSession) -> None:
    for text in ("First", "Second"):
        run = AgentOSRun.objects.create(
            session=chat, user=chat.user, team=chat.team, agent=chat.agent, status="pending"
        )
        run.question = AgentOSMessage.objects.create(
            session=chat, run=run, role="user", content=text, number=chat.messages.count() + 1
        )
        run.save()
    shown = transcript_of(chat)
    assert [(waiting.text, waiting.place) for waiting in shown.waiting] == [("First", 1), ("Second", 2)]
    assert len(shown.items) == 6
    assert [item.versions for item in shown.items] == [None] * 6
    text = client.get(f"/agentos/chat/helper/?session={chat.pk}").content.decode()
    assert text.count('class="waiting-line"') == 3  # two of them, and the one to be copied
    assert text.index("First") < text.index("Second")


def test_a_message_that_was_withdrawn_is_no_version_of_the_first_question(chat: AgentOSSession) -> None:
    run = AgentOSRun.objects.create(
        session=chat, user=chat.user, team=chat.team, agent=chat.agent, status="cancelled", finished_at=timezone.now()
    )
    row = AgentOSMessage.objects.create(session=chat, run=run, role="user", content="Never mind", number=99)
    AgentOSRun.objects.filter(pk=run.pk).update(question=row)
    assert transcript_of(chat).items[0].versions is None


def test_long_branches_come_in_pieces_from_one_statement_each(
    person: Person, agents: Agents, make_chat: MakeChat, django_assert_max_num_queries: Any
) -> None:
    chat = make_chat(person, agents["helper"], turns=PAGE_OF_MESSAGES // 4 + 5)
    with django_assert_max_num_queries(9):
        latest = transcript_of(chat)
    assert latest.earlier is not None
    earlier = transcript_of(chat, before=latest.earlier)
    assert texts(chat, before=latest.earlier)[0] == "Question 0"
    assert len(latest.items) + len(earlier.items) == 2 * (PAGE_OF_MESSAGES // 4 + 5)
    assert len(whole_transcript_of(chat).items) == len(latest.items) + len(earlier.items)


def test_an_address_names_a_branch(client: Client, chat: AgentOSSession) -> None:
    old = question(chat, "Question 1")
    ask_instead(chat, old, "Something else")
    address = f"/agentos/chat/helper/?session={chat.pk}"
    assert "Question 2" not in client.get(address).content.decode()
    named = client.get(f"{address}&message={old.pk}").content.decode()
    assert "Question 2" in named
    assert "Something else" not in named
    piece = client.get(f"{address}&message={old.pk}&part=log")
    assert b"<html" not in piece.content
    assert b"Question 2" in piece.content
    # Looking changes nothing: what is shown by default is the same as before.
    assert "Question 2" not in client.get(address).content.decode()


@pytest.mark.parametrize("message", ["nonsense", "01a1fc5a-0000-7000-8000-000000000000"])
def test_messages_that_are_not_there_are_not_there(client: Client, chat: AgentOSSession, message: str) -> None:
    assert client.get(f"/agentos/chat/helper/?session={chat.pk}&message={message}").status_code == 404


def test_a_message_of_another_session_names_nothing(
    client: Client, chat: AgentOSSession, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    other = make_chat(person, agents["helper"])
    address = f"/agentos/chat/helper/?session={chat.pk}&message={question(other, 'Question 0').pk}"
    assert client.get(address).status_code == 404


def test_what_was_left_out_is_told(client: Client, chat: AgentOSSession) -> None:
    def shown(**context: Any) -> str:
        AgentOSRun.objects.update(context=context)
        return client.get(f"/agentos/chat/helper/?session={chat.pk}").content.decode()

    up_to = chat.messages.get(number=4)
    summary = AgentOSSummary.objects.create(session=chat, up_to=up_to, message_count=38, text="They <talked> of sums.")
    text = shown(messages_sent=10, messages_left_out=38, summary_id=str(summary.pk))
    assert "10 of 48 earlier messages were given, 38 are summed up" in text
    assert "They &lt;talked&gt; of sums." in text
    text = shown(messages_sent=10, messages_left_out=40, summary_id=str(summary.pk), shortened=True)
    assert "38 are summed up, 2 were left out; the newest were cut short" in text
    # A summary that went with its messages stands for nothing.
    assert "10 of 11 earlier messages were given, 1 was left out" in shown(
        messages_sent=10, messages_left_out=1, summary_id="01a1fc5a-0000-7000-8000-000000000000"
    )
    assert "earlier messages" not in shown(messages_sent=48, messages_left_out=0)


def test_approvals_stand_where_they_were_asked_for(client: Client, chat: AgentOSSession, person: Person) -> None:
    run = chat.runs.order_by("-created_at")[0]
    AgentOSApproval.objects.create(
        run=run, team=person.team, user=person.user, agent=chat.agent, tool_call_id="call-2", tool_name="calculate",
        arguments={"expression": "6*7"}, status="approved", decided_by=person.user, decided_at=timezone.now(),
        expires_at=timezone.now(),
    )  # fmt: skip
    parts = transcript_of(chat).items[-1].parts  # type: ignore[union-attr]
    kinds = ["approval" if part.approval else "tool" if part.tool else "words" for part in parts]
    assert kinds == ["words", "approval", "tool", "words"]
    assert "Decided by ann@example.com" in client.get(f"/agentos/chat/helper/?session={chat.pk}").content.decode()


def test_a_chat_that_branched_off_reads_like_the_one_it_came_from(chat: AgentOSSession, person: Person) -> None:
    end = question(chat, "Question 2")
    made = branch_off(person.principal, chat.pk, end.parent_id or end.pk)
    copied, first = transcript_of(made).items, transcript_of(chat).items[:4]
    assert texts(made) == texts(chat)[:4]
    for one, other in zip(copied[1::2], first[1::2], strict=True):
        assert isinstance(one, Answer)
        assert isinstance(other, Answer)
        assert (one.agent_name, one.status, one.parts, one.run_id) == ("Helper", "completed", other.parts, None)
