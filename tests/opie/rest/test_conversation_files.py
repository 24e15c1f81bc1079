"""/api/v1/conversations/export/ and /import/: what a person takes away, and brings in again."""

import asyncio
import csv
import io
import json
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.opie.agentos import conversation_file
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession, MessageReaction, SessionVerification
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, counts, error_of
from tests.opie.rest.test_conversation_commands import Data, say, told, without_ids
from tests.opie.rest.test_conversations import ask

__all__ = ["told"]

EXPORT, IMPORT = "conversations/export/", "conversations/import/"


def taken(who: Person, asked: str = "", path: str = EXPORT) -> tuple[str, Any]:
    """The text of a file, and the answer that carried it."""
    answer = call("GET", f"{path}?{asked}", None, who.headers)
    assert answer.status_code == 200, answer.content

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return asyncio.run(whole()).decode(), answer


def conversations(who: Person, asked: str = "") -> list[Data]:
    found: list[Data] = json.loads(taken(who, asked)[0])["conversations"]
    return found


def titles(who: Person, asked: str) -> list[str]:
    return [one["title"] for one in conversations(who, asked)]


def file_of(*found: Data, **about: Any) -> Data:
    return {"format": "opie-conversations", "version": 1, "conversations": list(found)} | about


def test_what_a_person_takes_away_another_brings_in_without_loss_and_once(
    told: str, person: Person, member: Person, viewer: Person, stranger: Person
) -> None:
    other = say(person, message="Add 20 + 22, please")["session_id"]
    ask(person, "PATCH", f"conversations/{other}/", {"title": "Other"})
    AgentOSSession.objects.filter(pk=told).update(title="Sums / É", speaks_for_others=True)
    AgentOSMessage.objects.filter(session=told, is_answer=True).update(
        metadata={"provider_data": {"container": {"id": "somebody's"}}, "notes": {"layer": "keywords"}}
    )
    text, answer = taken(person)
    assert (answer["Content-Type"], answer["Content-Disposition"]) == (
        "application/json; charset=utf-8", 'attachment; filename="conversations.json"',
    )  # fmt: skip
    (before, _) = json.loads(text)["conversations"]
    assert "provider_data" not in text

    first = ask(member, "POST", IMPORT, json.loads(text))
    assert (first["imported"], first["already_there"], first["missing_agents"]) == (2, 0, [])
    new = {one["id_in_file"]: one["id"] for one in first["conversations"]}
    assert (set(new), new[told] != told) == ({told, other}, True)
    sent = Client().post(
        f"/api/v1/{IMPORT}", {"file": SimpleUploadedFile("x.json", b"\xef\xbb\xbf" + text.encode())},
        headers=member.headers,
    )  # fmt: skip
    assert (sent.status_code, sent.json()["imported"], sent.json()["already_there"]) == (200, 0, 2)
    assert ask(person, "POST", IMPORT, json.loads(text))["imported"] == 0
    after = {one["id"]: one for one in conversations(member)}
    assert without_ids(after[new[told]]) == without_ids(before)
    assert after[new[told]]["user"] == "ben@example.com"
    # Nobody is verified by a file, no run or cost comes with it, and nothing of hers is touched.
    assert SessionVerification.objects.count() == 1
    assert AgentOSSession.objects.get(pk=new[told]).speaks_for_others
    assert not AgentOSRun.objects.filter(session__in=new.values()).exists()
    assert conversations(person)[0] == before
    assert "49" in say(member, message="What is 7 * 7?", session_id=new[told])["content"]

    elsewhere = ask(stranger, "POST", IMPORT, json.loads(text))
    assert (elsewhere["imported"], elsewhere["missing_agents"]) == (2, ["helper"])
    assert call("POST", IMPORT, json.loads(text), viewer.headers).status_code == 403
    assert conversations(viewer) == []
    _, looking = make_key(person, "view_agents")
    assert call("POST", IMPORT, json.loads(text), looking).status_code == 403


def test_it_is_narrowed_like_the_list_or_to_what_is_chosen(told: str, person: Person, stranger: Person) -> None:
    other = str(say(person, message="Add 20 + 22, please")["session_id"])
    theirs = str(ask(stranger, "POST", "conversations/", {"agent_id": "foreign", "title": "Secret"}, 201)["id"])
    AgentOSSession.objects.filter(pk=told).update(title="Sums / É")
    AgentOSSession.objects.filter(pk=other).update(title="Other")
    ask(person, "POST", "conversations/", {"title": "Empty", "agent_id": "assistant"}, 201)
    today = AgentOSSession.objects.get(pk=other).created_at.date()
    for asked, expected in {
        "": ["Sums / É", "Empty", "Other"],
        "search=4+*+5": ["Sums / É"],
        "agent_id=assistant": ["Empty"],
        "is_archived=false&is_empty=false": ["Other"],
        "is_empty=true": ["Empty"],
        f"from={today}&search=add": ["Other"],
        f"since={today}&to=2999-01-01&is_empty=false": ["Other"],
        "to=2020-01-01": [],
        f"id={told}&id={other}": ["Sums / É", "Other"],
    }.items():
        assert sorted(titles(person, asked)) == sorted(expected), asked
        listed = ask(person, "GET", f"conversations/?{asked}")["results"]
        assert "id=" in asked or sorted(one["title"] for one in listed) == sorted(expected), asked
    for asked, status, field in (
        ("format=xml", 400, "format"), ("from=yesterday", 400, "from"), ("id=1", 400, "id"),
        ("&".join([f"id={told}"] * 201), 400, "id"), (f"id={told}&id={theirs}", 404, None),
        (f"id={told}&is_archived=false", 404, None), ("search=%00", 400, "search"),
    ):  # fmt: skip
        refused = call("GET", f"{EXPORT}?{asked}", None, person.headers)
        assert (refused.status_code, [*error_of(refused).get("fields", {None: 0})]) == (status, [field]), asked

    # One, in each form.
    path = f"conversations/{told}/export/"
    text, answer = taken(person, "format=markdown", path)
    assert answer["Content-Disposition"] == 'attachment; filename="sums-e.md"'
    assert text.startswith("# Sums / É\n\n## You\n\nWhat is 2 * 3?\n\n## Assistant\n\n*calculate: completed*\n\n")
    table = list(csv.DictReader(io.StringIO(taken(person, "format=csv", path)[0], newline="")))
    assert ([row["role"] for row in table].count("user"), {row["conversation_id"] for row in table}) == (2, {told})
    assert [one["id"] for one in json.loads(taken(person, "", path)[0])["conversations"]] == [told]
    nothing, secret = (
        call("GET", f"conversations/{one}/export/", None, person.headers) for one in (person.user.pk, theirs)
    )
    assert (nothing.status_code, secret.status_code) == (404, 404)


def test_forged_files_bring_nothing_in(
    told: str, person: Person, member: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good,) = conversations(person)
    first, *others = good["messages"]
    place = good["messages"].index(next(one for one in good["messages"] if one["is_answer"]))
    before = counts()

    def refused(body: Any, status: int = 400) -> Data:
        answer = call("POST", IMPORT, body, member.headers)
        assert (answer.status_code, counts()) == (status, before), answer.content
        return error_of(answer)

    def with_answer(**changes: Any) -> Data:
        messages = [*good["messages"]]
        messages[place] = messages[place] | changes
        return good | {"messages": messages}

    message = "conversations.1.messages"
    for wrong, where in (
        # What is an installation's alone to say: runs, costs, verifications, owners' ids.
        *((good | {name: 1}, f"conversations.1.{name}") for name in ("runs", "user_id", "verified", "widget_id")),
        *((with_answer(**{name: 1}), f"{message}.{place}.{name}") for name in ("run", "run_id", "cost", "session_id")),
        # What would break the pages, the agents or the database that are to show it.
        (with_answer(citations=[{"url": "javascript:alert(1)"}]), f"{message}.{place}.citations.0"),
        (with_answer(citations=[{"chunk_id": "../../admin"}]), f"{message}.{place}.citations.0"),
        (with_answer(metadata={"error": "x"}), f"{message}.{place}.metadata"),
        (with_answer(tool_calls=[{"id": 1}]), f"{message}.{place}.tool_calls.0.id"),
        (with_answer(role="system"), f"{message}.{place}.role"),
        (with_answer(number=2**31), f"{message}.{place}.number"),
        (good | {"metadata": {"agno": {"type": "x"}}}, "conversations.1.metadata"),
        (good | {"metadata": {"agno": {"session_data": {"x": "y" * 70_000}}}}, "conversations.1.metadata"),
        (good | {"updated_at": "0001-01-01T00:00:00+14:00"}, "conversations.1.updated_at"),
        (good | {"created_at": "9999-12-31T23:59:59-12:00"}, "conversations.1.created_at"),
        (good | {"created_at": "2026-01-01T00:00:00"}, "conversations.1.created_at"),
        (good | {"last_message_at": str(timezone.now() + timedelta(days=3))}, "conversations.1.last_message_at"),
        (good | {"messages": others}, "conversations.1"),
        (good | {"messages": [first, first]}, "conversations.1"),
        (good | {"head_id": good["id"]}, "conversations.1"),
        (good, "conversations.1.id"),
        (5, "conversations.1"),
        # What is named is little, however much is wrong.
        (good | {f"x{number}": 1 for number in range(1000)}, "conversations.1"),
        (good | {"y" * 500: 1}, f"conversations.1.{'y' * 80}"),
    ):  # fmt: skip
        error = refused(file_of(good, wrong))
        assert where in error["fields"], (where, error)
    assert len(refused(file_of(*([5] * 500)))["fields"]) == 20
    for body in (
        b"",
        b"[",
        b"\xff\xfe",
        b"null",
        b'{"format": NaN}',
        file_of(version=2),
        file_of(format="x"),
        file_of(conversations={}),
    ):
        assert refused(body)["message"]
    assert call("POST", IMPORT, b"x=1", member.headers, "application/x-www-form-urlencoded").status_code == 415
    form = Client().post(f"/api/v1/{IMPORT}", {"other": "1"}, headers=member.headers)
    assert (form.status_code, [*error_of(form)["fields"]]) == (400, ["file"])

    # Bombs: deep, wide, many and large.
    start = '{"format": "opie-conversations", "version": 1, "conversations": '
    for deep in ("[" * 101 + "]" * 101, "[" * 200_000, '{"a":' * 50_000, '"' + '\\"' * 200_000):
        refused((start + deep + "}").encode())
    monkeypatch.setattr(conversation_file, "MOST_VALUES", 50_000)
    wide = (start + '[{"metadata": {"x": [' + ",".join(["[]"] * 300_000) + "]}}]}").encode()
    tracemalloc.start()
    assert "values" in refused(wide, 413)["message"]
    assert tracemalloc.get_traced_memory()[1] < 8 * len(wide)
    tracemalloc.stop()
    refused(file_of(*([good] * 2001)), 413)
    settings.OPIE_CONVERSATIONS_LARGEST_FILE = 10_000
    refused(wide, 413)
    sent = Client().post(
        f"/api/v1/{IMPORT}", {"file": SimpleUploadedFile("x.json", b"x" * 10_001)}, headers=member.headers
    )
    assert sent.status_code == 413


def test_ids_in_a_file_lead_to_nothing_of_anybody(told: str, person: Person, member: Person) -> None:
    """A file that names her conversation and its messages as its own; the one who brings it in gets others."""
    (hers,) = conversations(person)
    forged = hers | {
        "user": "ann@example.com", "title": "Mine now", "metadata": {"imported_from": told, "branched_from": told},
        "messages": [
            one | {"content": "Forged", "metadata": {"provider_data": {"opie_maker": "anthropic:x", "container": "c"}},
                   "tool_calls": [], "reaction": None}
            for one in hers["messages"]
        ],
    }  # fmt: skip
    made = ask(member, "POST", IMPORT, file_of(forged))["conversations"][0]
    assert (made["is_new"], made["id"] != told) == (True, True)
    assert conversations(person) == [hers]
    assert MessageReaction.objects.get().user_id == person.user.pk
    session = AgentOSSession.objects.get(pk=made["id"])
    assert (session.user_id, session.title, session.widget_id) == (member.user.pk, "Mine now", None)
    assert not session.messages.filter(metadata__has_key="provider_data").exists()
    # His own earlier import is known by what only an import writes; hers never is.
    assert ask(member, "POST", IMPORT, file_of(forged))["imported"] == 0
    assert call("GET", f"conversations/{told}/", None, member.headers).status_code == 404

    # A tree that no chat would make is shown and goes on all the same.
    answer = next(one for one in hers["messages"] if one["is_answer"]) | {"parent_id": None, "number": 1}
    tool = answer | {"id": told, "parent_id": answer["id"], "number": 2**31 - 1, "role": "tool", "is_answer": False,
                     "tool_call_id": "x", "reaction": None}  # fmt: skip
    odd = hers | {"id": answer["id"], "messages": [answer, tool], "head_id": told, "agent_id": "helper"}
    odd_id = ask(member, "POST", IMPORT, file_of(odd))["conversations"][0]["id"]
    assert ask(member, "GET", f"conversations/{odd_id}/?include_messages=true")["messages"][0]["number"] == 1
    assert "6" in say(member, message="What is 2 * 3?", session_id=odd_id)["content"]
    gone_on = conversations(member, f"id={odd_id}")[0]
    assert [one["number"] for one in gone_on["messages"]] == list(range(1, len(gone_on["messages"]) + 1))
    assert len(gone_on["messages"]) > 2
    assert ask(member, "POST", IMPORT, file_of(gone_on))["already_there"] == 1
