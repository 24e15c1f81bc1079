"""Anybody's conversation, and not a widget's alone, is a person's to answer: from when its owner asks for one until it is
handed back or not wanted any more. Nobody of the team reads it before or after."""

import json
from collections.abc import Callable
from typing import Any

from django.test import AsyncClient

from apps.accounts.models import AuditEntry, Role, User
from apps.opie import rows
from apps.opie.agentos.conversation_markdown import conversation_as_markdown
from apps.opie.agentos.service import AgentOSService
from apps.opie.agentos.support_rows import waiting_chats
from apps.opie.engine import parts
from apps.opie.engine.asking import agent_to_ask
from apps.opie.engine.reacting import react
from apps.opie.engine.taking_over import somebody_may_come
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.web.transcript import Answer, transcript_of
from tests.opie.engine.conftest import script
from tests.opie.engine.scripted import Script
from tests.opie.people import Person, make_person
from tests.opie.rest.caller import call, error_of
from tests.opie.rest.test_streams import frames_of, web

__all__ = ["script", "web"]

SUPPORT = "agentos/support/"
SEND = "agentos/send-message/"


class Chat:
    """A chat of somebody's, over REST and without a browser."""

    def __init__(self, who: Person) -> None:
        self.headers = who.headers
        made = call("POST", "agentos/create-session/", {"agent_id": "scripted"}, who.headers)
        self.id = made.json()["session_id"]
        self.path = f"agentos/sessions/{self.id}/"

    def do(self, method: str, name: str = "", body: Any = None) -> Any:
        return call(method, f"{self.path}{name}", body, self.headers)

    @property
    def person(self) -> dict[str, str]:
        """How it stands: as both sets of addresses tell it."""
        found: dict[str, str] = self.do("GET").json()["person"]
        assert call("GET", f"conversations/{self.id}/", None, self.headers).json()["person"] == found
        return found

    @property
    def body(self) -> dict[str, str]:
        return {"agent_id": "scripted", "session_id": self.id}

    def row(self) -> AgentOSSession:
        return AgentOSSession.objects.select_related("user").get(pk=self.id)


def staff(method: str, chat: Chat, deed: str, who: Person, body: Any = None) -> Any:
    return call(method, f"{SUPPORT}{chat.id}/{deed}", body, who.headers)


def listed(who: Person, query: str = "") -> list[str]:
    return [one["id"] for one in call("GET", f"{SUPPORT}{query}", None, who.headers).json()["results"]]


async def test_asking_opens_a_chat_to_the_team_and_handing_back_closes_it(
    person: Person,
    member: Person,
    viewer: Person,
    stranger: Person,
    agents: dict[str, Agent],
    script: Script,
    web: AsyncClient,
) -> None:
    run: Callable[..., Any] = rows.run
    chat, quiet = await run(Chat, member), await run(Chat, member)
    colleague = await run(make_person, "cleo", person.team, Role.ADMIN)
    await run(User.objects.filter(pk=person.user.pk).update, name="Ann")

    async def send(text: str, of: Chat = chat, **more: Any) -> Any:
        return await web.post(
            f"/api/v1/{SEND}", json.dumps(of.body | {"message": text} | more), "application/json", headers=of.headers
        )

    script.will(["Seen by nobody."], ["Of the agent."])
    first = (await send("First")).json()
    await send("Quiet words", quiet)
    await run(react, member.principal, first["message_id"], "thumbs_down", "An old branch")
    message = await run(lambda: AgentOSMessage.objects.get(session=chat.id, number=1))
    second = (await send("Hidden no more", edit_of=str(message.pk))).json()
    assert (await run(lambda: chat.person)) == {"state": "agent", "name": ""}
    assert await run(listed, person) == []
    assert (await run(staff, "GET", chat, "", person)).status_code == 404

    # Only whose it is asks, and only who may answer sees it; of it the branch that is shown, and no word of another.
    for method in ("POST", "DELETE"):
        assert {
            (await run(call, method, f"{chat.path}person/", None, who.headers)).status_code
            for who in (person, stranger)
        } == {404}
        assert (await run(call, method, f"{chat.path}person/", None, viewer.headers)).status_code == 403
    assert (await run(chat.do, "POST", "person/")).json()["person"]["state"] == "waits"
    assert (
        await run(listed, person)
        == await run(listed, colleague)
        == await run(listed, person, "?state=waits")
        == [chat.id]
    )
    for query in ("?state=closed", "?state=agent", "?state=taken_over", "?search=Seen", "?search=Quiet"):
        assert await run(listed, person, query) == [], query
    for who, status in ((member, 403), (stranger, 404)):
        for method, name in (("GET", ""), ("POST", "take-over/"), ("POST", "hand-back/"), ("POST", "reply/")):
            assert (await run(staff, method, chat, name, who, {"message": "x"})).status_code == status, (who.user, name)
    seen = (await run(staff, "GET", chat, "", person)).json()
    assert (seen["origin"], seen["widget"], seen["asked_by"]["name"]) == (
        "chat",
        {"id": None, "name": ""},
        "ben@example.com",
    )
    assert [(one["by"]["kind"], one["content"]) for one in seen["messages"]] == [
        ("user", "Hidden no more"), ("agent", "Of the agent."),
    ]  # fmt: skip
    assert "An old branch" not in json.dumps(seen)
    assert (await run(staff, "GET", quiet, "", person)).status_code == 404

    # Not wanted any more, and wanted again.
    assert (await run(chat.do, "DELETE", "person/")).json()["person"]["state"] == "agent"
    for method, name in (("GET", ""), ("POST", "take-over/")):
        assert (await run(staff, method, chat, name, person)).status_code == 404, name
    await run(chat.do, "POST", "person/")
    taken = (await run(staff, "POST", chat, "take-over/", person)).json()
    assert (taken["state"], taken["taken_over_by"]["name"]) == ("taken_over", "Ann")
    assert (await run(lambda: chat.person)) == {"state": "taken_over", "name": "Ann"}

    # Whatever is sent is left to the person, whichever door it comes through.
    heard, runs = len(script.heard), await run(AgentOSRun.objects.count)
    for more in ({}, {"background": True}):
        left = await send("Second", **more)
        body = left.json()
        assert (left.status_code, body["run_id"], body["for_person"], body["content"]) == (200, None, True, "")
        assert body["person"] == {"state": "taken_over", "name": "Ann"}
    stream: Any = await send("Second", stream=True)
    frames = frames_of(b"".join([part async for part in stream.streaming_content]).decode())
    assert [(frame.event, frame.data["for_person"], frame.data["run_id"]) for frame in frames] == [
        ("run.finished", True, None)
    ]
    said = await run(call, "POST", "chat/", {"message": "Second", "thread_id": chat.id}, member.headers)
    assert (said.status_code, said.json()["for_person"], said.json()["message"]) == (200, True, "")
    service = AgentOSService(member.principal)
    assert (await (await service.open_turn("scripted", "Second", chat.id)).result()).is_for_person
    assert await run(service.leave_message, "scripted", "Second", chat.id) is None
    built = await run(lambda: parts.build(agent_to_ask(member.principal, "scripted"), member.principal, None))
    assert (await built.arun("Second", session_id=chat.id)).content == ""
    # What only an agent can do waits until it is handed back, and says so.
    schedule = {"name": "n", "agent_id": "scripted", "message": "m", "cron": "0 0 1 1 *", "session_id": chat.id}
    made = (await run(call, "POST", "agentos/schedules/", schedule, member.headers)).json()
    execution = {"input_data": {"question": "?"}, "context": {"session_id": chat.id}}
    for path, body in (
        (SEND, chat.body | {"regenerate_of": second["message_id"]}),
        ("agents/scripted/execute/", execution),
        (f"agentos/schedules/{made['schedule_id']}/run/", {}),
        (f"chat/{chat.id}/resume/", {"last_message_id": second["message_id"]}),
    ):
        answer = await run(call, "POST", path, body, member.headers)
        assert (answer.status_code, error_of(answer)["code"]) == (409, "taken_over"), path
    assert (len(script.heard), await run(AgentOSRun.objects.count)) == (heard, runs)

    # What the person says is theirs, wherever it is read.
    reply = await run(staff, "POST", chat, "reply/", person, {"message": "Of Ann."})
    assert reply.json()["by"] == {"kind": "person", "name": "Ann"}
    listed_last = (await run(chat.do, "GET", "messages/")).json()["results"][-1]
    assert (listed_last["content"], listed_last["metadata"]) == ("Of Ann.", {"answered_by": "person", "name": "Ann"})
    row = await run(chat.row)
    items = (await run(transcript_of, row)).items
    assert [(item.person, item.source) for item in items if isinstance(item, Answer)] == [
        ("", "Of the agent."),
        ("Ann", "Of Ann."),
    ]
    assert "## Ann (person)\n\nOf Ann." in await run(conversation_as_markdown, row)

    # Anyone who may answer hands it back, and none of them can read it after that.
    back = await run(staff, "POST", chat, "hand-back/", colleague)
    assert (back.status_code, back.json()["state"]) == (200, "agent")
    for who in (person, colleague):
        assert await run(listed, who) == []
        assert (await run(staff, "GET", chat, "", who)).status_code == 404
        assert (await run(staff, "POST", chat, "reply/", who, {"message": "x"})).status_code == 404
    script.will(["Again of the agent."])
    assert (await send("Third")).json()["content"] == "Again of the agent."
    assert "Of Ann." in [one.get_content_string() for one in script.heard[-1]]
    deeds = await run(
        lambda: list(AuditEntry.objects.filter(object_id=chat.id).order_by("id").values_list("action", flat=True))
    )
    assert deeds == ["support.view", "support.take_over", "support.reply", "support.hand_back"]


def test_whoever_asked_may_end_it_even_when_somebody_has_come(
    person: Person, member: Person, agents: dict[str, Agent]
) -> None:
    chat = Chat(member)
    assert (somebody_may_come(member.principal), somebody_may_come(person.principal)) == (True, False)
    chat.do("POST", "person/")
    AgentOSSession.objects.filter(pk=chat.id).update(message_count=1)
    assert (waiting_chats(person.principal), waiting_chats(member.principal)) == (1, 0)
    staff("POST", chat, "take-over/", person)
    # Asking while somebody is there changes nothing, as does asking twice.
    assert chat.do("POST", "person/").json()["person"]["state"] == "taken_over"
    assert listed(person, "?state=taken_over") == [chat.id]
    assert waiting_chats(person.principal) == 0
    assert chat.do("DELETE", "person/").json()["person"] == {"state": "agent", "name": ""}
    assert listed(person) == []
    assert staff("POST", chat, "take-over/", person).status_code == 404
    assert AuditEntry.objects.filter(action="support.withdraw", object_id=chat.id).count() == 1
    # A wish that is withdrawn twice, or was never there, moves the chat nowhere.
    before = chat.row().updated_at
    chat.do("DELETE", "person/")
    assert chat.row().updated_at == before
