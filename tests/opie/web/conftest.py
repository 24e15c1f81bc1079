"""Somebody who is signed in, and chats to look at."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.opie.models import Agent, AgentOSMessage, AgentOSPerformance, AgentOSRun, AgentOSSession, AgentOSUsage
from apps.opie.models.usage import CallOutcome, Certainty
from tests.opie.people import Person

SignIn = Callable[[Person], Client]
MakeChat = Callable[..., AgentOSSession]


@pytest.fixture(autouse=True)
def _without_agentos(settings: Any) -> None:
    settings.AGENTOS_ENABLED = False


@pytest.fixture
def sign_in() -> SignIn:
    def signed_in(who: Person) -> Client:
        client = Client()
        client.force_login(who.user, "allauth.account.auth_backends.AuthenticationBackend")
        return client

    return signed_in


@pytest.fixture
def client(person: Person, sign_in: SignIn) -> Client:
    """The browser of the team's owner."""
    return sign_in(person)


@pytest.fixture
def make_chat() -> MakeChat:
    def make(who: Person, agent: Agent, turns: int = 1, title: str = "Numbers", **run: Any) -> AgentOSSession:
        session = AgentOSSession.objects.create(user=who.user, team=who.team, agent=agent, title=title)
        for turn in range(turns):
            add_turn(session, turn, **run)
        return session

    return make


def add_messages(
    session: AgentOSSession, run: AgentOSRun, said: list[dict[str, Any]], parent: AgentOSMessage | None = None
) -> list[AgentOSMessage]:
    """Messages one after the other, from `parent` or from where the session is; the session goes on from the last."""
    parent = parent or session.head
    number = session.messages.count()
    added = []
    for place, fields in enumerate(said, start=1):
        parent = AgentOSMessage.objects.create(
            session=session, run=run, agent=session.agent, number=number + place, parent=parent, **fields
        )
        added.append(parent)
    asked = next((row for row in added if row.role == "user"), None)
    if asked:
        AgentOSRun.objects.filter(pk=run.pk).update(question=asked)
    session.head, session.message_count = parent, number + len(said)
    AgentOSSession.objects.filter(pk=session.pk).update(head=parent, message_count=session.message_count)
    return added


def add_turn(session: AgentOSSession, turn: int, **values: Any) -> None:
    ended = {"status": "completed", "finished_at": timezone.now()}
    run = AgentOSRun.objects.create(
        session=session, user=session.user, team=session.team, agent=session.agent, **(ended | values)
    )
    call = {"id": f"call-{turn}", "name": "calculate", "arguments": {"expression": "6*7"}}
    said: list[dict[str, Any]] = [
        {"role": "user", "content": f"Question {turn}"},
        {"role": "assistant", "content": "", "tool_calls": [call], "reasoning": "Let me see."},
        {"role": "tool", "content": "42", "tool_call_id": call["id"], "tool_name": "calculate", "tool_duration_ms": 3},
        {"role": "assistant", "content": f"**Answer** {turn}", "is_answer": True},
    ]
    # What has not ended has said nothing yet that is in rows.
    add_messages(session, run, said if run.has_ended else said[:1])
    AgentOSPerformance.objects.create(run=run, duration_ms=1234, time_to_first_token_ms=200)
    AgentOSUsage.objects.create(
        team=session.team, user=session.user, run=run, session=session, platform_name="offline", model="offline-responder",
        input_tokens=1200, output_tokens=34, cost=Decimal("0.0042"), certainty=Certainty.REPORTED, outcome=CallOutcome.SUCCEEDED,
    )  # fmt: skip
