"""export_conversations, import_conversations, clear_conversations and test_agents, as an operator calls them."""

import csv
import io
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.opie.engine.verifying import bind_subject
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession, AgentOSUsage, SessionVerification
from apps.opie.models.runs import RunStatus
from tests.opie.people import Person
from tests.opie.rest.caller import call
from tests.opie.rest.test_conversations import ask

Data = dict[str, Any]


@pytest.fixture
def told(agents: Any, person: Person) -> str:
    """A conversation with a tool, two branches, a reaction, metadata and a verified customer, in the archive."""
    first = say(person, message="What is 2 * 3?")
    session_id = str(first["session_id"])
    say(person, message="What is 4 * 5?", session_id=session_id)
    say(person, regenerate_of=first["message_id"], agent_id="assistant")
    ask(person, "POST", f"messages/{first['message_id']}/react/", {"reaction": "thumbs_down", "reason": "=SUM(1)"})
    bind_subject(person.principal, AgentOSSession.objects.get().pk, "customer", "5")
    long_ago = timezone.now() - timedelta(days=40)
    AgentOSMessage.objects.update(created_at=long_ago)
    AgentOSSession.objects.update(
        is_archived=True, metadata={"label": ["é", 1]}, created_at=long_ago, last_message_at=long_ago
    )
    return session_id


def say(person: Person, **body: Any) -> Data:
    answer = call("POST", "agentos/send-message/", {"agent_id": "helper", **body}, person.headers)
    assert answer.status_code == 200, answer.content
    found: Data = answer.json()
    return found


def said(name: str, *options: str) -> str:
    out = io.StringIO()
    call_command(name, *options, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def exported(*options: str) -> list[Data]:
    found: list[Data] = json.loads(said("export_conversations", *options))["conversations"]
    return found


def without_ids(conversation: Data) -> Data:
    """With places in the conversation instead of ids, and without whose it is."""
    places = {message["id"]: place for place, message in enumerate(conversation["messages"])}
    messages = [
        message | {"id": place, "parent_id": places.get(message["parent_id"])}
        for place, message in enumerate(conversation["messages"])
    ]
    mine = {"id": None, "user": None, "team": None, "head_id": places[conversation["head_id"]], "messages": messages}
    return conversation | mine


def test_what_is_exported_is_imported_without_loss_and_once(
    told: str, person: Person, member: Person, stranger: Person, tmp_path: Path
) -> None:
    file = tmp_path / "all.json"
    said("export_conversations", "--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (before,) = json.loads(file.read_text())["conversations"]
    assert (before["id"], before["user"], len({one["parent_id"] for one in before["messages"]})) == (
        told, "ann@example.com", len(before["messages"]) - 1,
    )  # fmt: skip

    first = said("import_conversations", "--file", str(file), "--user", "ben@example.com")
    assert "1 brought in, 0 there already." in first
    assert "0 brought in, 1 there already." in said(
        "import_conversations", "--file", str(file), "--user", "ben@example.com"
    )
    # Whose it was has it still.
    assert "0 brought in" in said("import_conversations", "--file", str(file), "--user", "ann@example.com")
    (after,) = exported("--user", "ben@example.com")
    assert without_ids(after) == without_ids(before)
    assert after["id"] != before["id"]
    assert not {one["id"] for one in after["messages"]} & {one["id"] for one in before["messages"]}
    # Nobody is verified by a file, and no cost comes with it.
    assert SessionVerification.objects.count() == 1
    assert not AgentOSRun.objects.filter(session=after["id"]).exists()
    # It goes on.
    going_on = say(member, message="What is 7 * 7?", session_id=after["id"])
    assert "49" in going_on["content"]
    shown = ask(member, "GET", f"conversations/{after['id']}/?include_messages=true")
    assert [one["content"] for one in shown["messages"] if one["role"] == "user"] == [
        "What is 2 * 3?",
        "What is 7 * 7?",
    ]

    elsewhere = said("import_conversations", "--file", str(file), "--user", "eve@example.com", "--team", "theirs")
    assert "not there for this person: helper" in elsewhere


def test_files_that_cannot_be_used_bring_nothing_in(told: str, tmp_path: Path) -> None:
    (good,) = exported()
    file = tmp_path / "bad.json"

    def refused(conversations: Any, **about: Any) -> str:
        whole = {"format": "opie-conversations", "version": 1, "conversations": conversations}
        file.write_text(json.dumps(whole | about))
        with pytest.raises(CommandError) as caught:
            said("import_conversations", "--file", str(file), "--user", "ann@example.com")
        return str(caught.value)

    first, *others = good["messages"]
    assert "format opie-conversations, version 1" in refused([], version=2)
    assert "conversations.1.title" in refused([good, good | {"title": 5}])
    assert "conversations.0.secret" in refused([good | {"secret": 1}])
    assert "has to come before it" in refused([good | {"messages": others}])
    assert "numbers go up" in refused([good | {"messages": [first, first]}])
    assert "not one of the messages" in refused([good | {"head_id": good["id"]}])
    wrong = first | {"is_answer": True}
    assert "conversations.0.messages.0" in refused([good | {"messages": [wrong, *others]}])
    assert AgentOSSession.objects.count() == 1
    file.write_text("[")
    with pytest.raises(CommandError, match="no JSON"):
        said("import_conversations", "--file", str(file), "--user", "ann@example.com")


def test_tables_and_texts(told: str) -> None:
    table = list(csv.DictReader(io.StringIO(said("export_conversations", "--format", "csv"), newline="")))
    assert [row["role"] for row in table].count("user") == 2
    assert [row["reason"] for row in table if row["reaction"]] == ["'=SUM(1)"]
    assert {row["conversation_id"] for row in table} == {told}
    text = said("export_conversations", "--format", "markdown")
    assert "## You\n\nWhat is 2 * 3?" in text
    assert (len(exported("--since", "2000-01-01", "--team", "ours")), exported("--since", "2999-01-01")) == (1, [])
    with pytest.raises(CommandError, match="There is no team"):
        said("export_conversations", "--team", "nowhere")
    with pytest.raises(CommandError, match="is no date"):
        said("export_conversations", "--since", "yesterday")


def test_a_reader_who_has_had_enough_ends_an_export_quietly(told: str) -> None:
    for form in ("json", "csv", "markdown"):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as out:
            call_command("export_conversations", "--format", form, stdout=out, stderr=io.StringIO())
    assert said("update_embeddings") == "There is no knowledge base to embed.\n"


def test_old_conversations_are_cleared_and_the_books_stay(told: str, person: Person, member: Person) -> None:
    new = say(person, message="What is 1 + 1?")
    archived = say(member, message="What is 1 + 1?")
    AgentOSSession.objects.filter(pk=archived["session_id"]).update(is_archived=True)
    used = AgentOSUsage.objects.count()
    for options in ((), ("--dry-run",)):
        with pytest.raises(CommandError, match="--all"):
            said("clear_conversations", *options)
    assert "3 conversations would be deleted" in said("clear_conversations", "--all", "--dry-run")
    assert "1 conversations would be deleted" in said("clear_conversations", "--older-than", "30", "--dry-run")
    assert AgentOSSession.objects.count() == 3
    # While something is being said in one, it is kept.
    run = AgentOSRun.objects.filter(session=told).first()
    assert run is not None
    AgentOSRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, finished_at=None)
    assert "0 deleted. 1 kept" in said("clear_conversations", "--older-than", "30")
    AgentOSRun.objects.filter(pk=run.pk).update(status=RunStatus.COMPLETED, finished_at=timezone.now())
    assert "1 deleted." in said("clear_conversations", "--older-than", "30", "--archived", "--user", "ann@example.com")
    assert "1 deleted." in said("clear_conversations", "--archived")
    assert [str(session.pk) for session in AgentOSSession.objects.all()] == [new["session_id"]]
    assert "1 deleted." in said("clear_conversations", "--all")
    assert AgentOSUsage.objects.count() == used


def test_agents_are_asked_and_what_fails_is_said(agents: Any, person: Person, tmp_path: Path) -> None:
    queries = ("--queries", "What is 2 * 3? => 6", "What is 1 + 1?", "--queries=What is 2 + 3? => 5")
    right = said("test_agents", "--agent", "helper", *queries)
    assert "3 passed, 0 failed." in right
    assert "pass" in right
    file = tmp_path / "queries.txt"
    file.write_text("What is 2 * 3? => 7\n\n")
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"2 of 2 failed") as caught:
        call_command("test_agents", "--agent", "helper", "--agent", "broken", "--queries", str(file), stdout=out)
    assert caught.value.returncode == 1
    assert "does not contain “7”" in out.getvalue()
    assert AgentOSSession.objects.count() == 0
    assert AgentOSUsage.objects.count() > 0
    for wrong, why in (("nobody", "Not there for this person: nobody"), ("helper", "There is no file queries.txt")):
        with pytest.raises(CommandError, match=why):
            said("test_agents", "--agent", wrong, "--queries", "queries.txt" if wrong == "helper" else "Hi")
