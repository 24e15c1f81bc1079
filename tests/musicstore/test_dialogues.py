"""Everything in dialogues.yaml: by a platform's models over the real wire, without a platform, and with platforms that fail."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.db import connection
from django.test import AsyncClient
from django.utils import timezone

from apps.musicstore.calls import CATALOGUE, INVOICES
from apps.musicstore.phrases import PHRASES
from apps.opie import rows
from apps.opie.models import AgentOSMessage, AIPlatform, SessionVerification
from apps.opie.models.platforms import ApiType
from apps.opie.providers.clients import close_clients
from tests.musicstore.model_servers import DELEGATE, Plan, Plans, RuledServer, tools_asked
from tests.opie.people import Person, make_person, make_team
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

FILE = yaml.safe_load((Path(__file__).parent / "dialogues.yaml").read_text())
DIALOGUES: list[dict[str, Any]] = FILE["dialogues"]
LANES = 8
MOST_LINES = 10  # of rows in an answer by rule
ASKED_BY_RULE = {"who": ("who_are_you",), "again": ("not_found", "who_are_you"), "person": ("hand_over",)}
ASKED_BY_TOOL = {"who": ("not verified",), "again": ("not verified",), "person": ("could not be verified",)}

Turn = Mapping[str, Any]


async def test_every_dialogue(transactional_db: None) -> None:
    assert len({dialogue["name"] for dialogue in DIALOGUES}) == len(DIALOGUES) >= 40
    person = await rows.run(make_store)
    faults = await in_lanes(ByRule(person, "offline"), DIALOGUES)
    async with RuledServer() as server:
        faults += await in_lanes(ByModels(person, await platform("mock", server.url), server), DIALOGUES)
    async with VendorServer().will(Reply("Broken", status=500)) as broken, silent() as nothing:
        for how, url in (("refused", "http://127.0.0.1:9"), ("error", broken.url), ("time_out", nothing.url)):
            chosen = [dialogue for dialogue in DIALOGUES if dialogue.get("failing") == how]
            faults += await in_lanes(ByRule(person, await platform(how, url)), chosen)
        assert broken.asked
        assert nothing.asked
    await close_clients()
    assert not faults, "\n".join(faults)


@asynccontextmanager
async def silent() -> Any:
    async with VendorServer().will(Reply(fault="hang_first")) as server:
        yield server


async def in_lanes(way: "Way", dialogues: Sequence[dict[str, Any]]) -> list[str]:
    """What went otherwise than the dialogues say; several are had at once."""

    async def lane(number: int) -> list[str]:
        return list(chain(*[await way.have(dialogue) for dialogue in dialogues[number::LANES]]))

    return list(chain(*await asyncio.gather(*map(lane, range(LANES)))))


class Way:
    """One way of having a dialogue."""

    def __init__(self, person: Person, name: str) -> None:
        self.person, self.name = person, name

    async def have(self, dialogue: dict[str, Any]) -> list[str]:
        session, faults = None, []
        for turn in dialogue["turns"]:
            if turn.get("first") == "expire":
                await rows.run(_expire, session)
            self.prepare(turn)
            answer = await self._say(turn["say"], session)
            session = answer["session_id"]
            found, about = await rows.run(self.fault_of, turn, answer), await rows.run(_about, session)
            if not found and about != str(turn.get("about", "")):
                found = f"the conversation is about {about or 'nobody'}"
            if found:
                faults.append(f"{dialogue['name']}, by {self.name}, “{turn['say']}”: {found}")
        return faults

    def prepare(self, turn: Turn) -> None:
        """Nothing, unless a model has to be told what to do."""

    def fault_of(self, turn: Turn, answer: dict[str, Any]) -> str:
        raise NotImplementedError

    async def _say(self, message: str, session: str | None) -> dict[str, Any]:
        body = {"agent_id": "supervisor", "message": message} | ({"session_id": session} if session else {})
        answer = await AsyncClient().post(
            "/api/v1/agentos/send-message/", json.dumps(body), "application/json", headers=self.person.headers
        )
        assert answer.status_code == 200, answer.content
        said: dict[str, Any] = answer.json()
        return said


class ByRule(Way):
    """No platform answers: by words, from the rows."""

    def fault_of(self, turn: Turn, answer: dict[str, Any]) -> str:
        wanted = turn.get("by_words", turn)
        tools = list(wanted.get("calls", ()))
        notes = AgentOSMessage.objects.get(pk=answer["message_id"]).metadata["notes"]
        agent = wanted.get("agent") or (_agent_of(tools[0]) if tools else "supervisor")
        if notes["answered_by"] != agent:
            return f"{notes['answered_by']} answered"
        if notes["layer"] != ("direct" if agent == "supervisor" else "keywords"):
            return f"it was answered by {notes['layer']}"
        if notes.get("tool") != (tools[0] if tools and "asks" not in wanted else None):
            return f"the tool was {notes.get('tool')}"
        asks = [PHRASES[wanted.get("in", "en")][key] for key in ASKED_BY_RULE.get(wanted.get("asks", ""), ())]
        says = [*wanted.get("says", ()), *asks]
        if "phrase" in wanted:
            says.append(PHRASES[wanted.get("in", "en")][wanted["phrase"]])
        lines = [line for line in answer["content"].splitlines() if line.startswith("- ")]
        return _missing(says, answer["content"]) or _wrong_rows(wanted, lines, MOST_LINES)


class ByModels(Way):
    """A platform's models pass the message on to the member, and call its tool, over the real wire."""

    def __init__(self, person: Person, name: str, server: RuledServer) -> None:
        super().__init__(person, name)
        self.server, self.plans = server, Plans()
        server.rule = self.plans.reply_to

    def prepare(self, turn: Turn) -> None:
        calls = turn.get("calls", {})
        by_member = {
            member: [(tool, given) for tool, given in calls.items() if _agent_of(tool) == member]
            for member in dict.fromkeys(map(_agent_of, calls))
        }
        plan = Plan(turn["say"], list(by_member), by_member.get("invoice_agent", ()), by_member.get("music_agent", ()))
        self.plans.add(plan)

    def fault_of(self, turn: Turn, answer: dict[str, Any]) -> str:
        calls = turn.get("calls", {})
        messages = AgentOSMessage.objects.filter(run=answer["run_id"]).values_list("tool_calls", flat=True)
        asked = [call["arguments"]["member_id"] for one in messages for call in one if call["name"] == DELEGATE]
        if asked != list(dict.fromkeys(map(_agent_of, calls))):
            return f"{asked or 'no member'} was asked"
        if not calls:
            return _missing(["Done."], answer["content"])
        told = self._told(turn)
        if isinstance(told, str):
            return told
        says = [*turn.get("says", ()), *ASKED_BY_TOOL.get(turn.get("asks", ""), ())]
        shown = [json.dumps(row, ensure_ascii=False) for one in told for row in one.get("rows", ())]
        # What the tools said is what the person reads: the model repeats it.
        return _missing(says, answer["content"]) or _missing(shown, answer["content"]) or _wrong_rows(turn, shown)

    def _told(self, turn: Turn) -> list[dict[str, Any]] | str:
        """What the members' models were told by the tools that this turn asks for; or why that is not known."""
        asked = [
            one for one in self.server.asked if (plan := self.plans.plan_for(one.body)) and plan.task == turn["say"]
        ]
        members = [one for one in asked if DELEGATE not in str(one.body.get("tools"))]
        texts = tools_asked(members)
        if len(texts) != len(turn["calls"]):
            return f"the tools said {texts}"
        return [json.loads(text) if text.startswith("{") else {} for text in texts]


def _agent_of(tool: str) -> str:
    assert tool in {*CATALOGUE, *INVOICES}
    return "music_agent" if tool in CATALOGUE else "invoice_agent"


def _missing(wanted: Sequence[str], text: str) -> str:
    missing = [one for one in wanted if one.strip() not in text]
    return f"{missing} is not in {text!r}" if missing else ""


def _wrong_rows(wanted: Mapping[str, Any], shown: Sequence[str], most: int | None = None) -> str:
    """Whether other rows are shown than the query finds, which is said as text to be found in each, in any order."""
    if "rows" not in wanted:
        return f"there are rows: {shown}" if shown and "says" not in wanted else ""
    query, *given = wanted["rows"]
    with connection.cursor() as cursor:
        cursor.execute(FILE["queries"][query], given)
        expected = [str(value) for (value,) in cursor.fetchall()]
    assert expected, wanted
    if len(shown) != min(len(expected), most or len(expected)):
        return f"{len(shown)} rows instead of {len(expected)}: {shown}"
    strange = [line for line in shown if not any(value in line for value in expected)]
    missing = [value for value in expected if not any(value in line for line in shown)]
    return (
        f"not found: {missing}; not wanted: {strange}" if strange or (missing and len(shown) == len(expected)) else ""
    )


# --- what the dialogues are had with -----------------------------------------------------------------


def make_store() -> Person:
    person = make_person("ann", make_team("Ours"), "owner")
    call_command("init_db", quiet=True)
    call_command("create_default_agents", verbosity=0)
    AIPlatform.objects.create(platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline-responder")
    return person


async def platform(name: str, url: str) -> str:
    """From now on it is the only one beside the offline responder."""

    def made() -> None:
        AIPlatform.objects.exclude(platform_name="offline").delete()
        AIPlatform.objects.create(
            platform_name=name, api_type=ApiType.OPENAI, base_url=f"{url}/v1", api_key="sk-canary-1",
            default_model="m", timeout=1 if name == "time_out" else 10, priority=1,
        )  # fmt: skip

    await rows.run(made)
    return name


def _expire(session: str) -> None:
    past = timezone.now() - timedelta(minutes=1)
    SessionVerification.objects.filter(session=session).update(verified_at=past, expires_at=past)


def _about(session: str) -> str:
    known = SessionVerification.objects.filter(session=session).first()
    return known.subject if known else ""
