"""Everybody who might call an address of the web process, and things of the owner's to ask for."""

import itertools
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from apps.accounts.models import ApiKey, Invitation, Role, User
from apps.accounts.tokens import issue_pair
from apps.opie.library.commands import create_command
from apps.opie.models import (
    Agent,
    AgentOSApproval,
    AgentOSError,
    AgentOSMemory,
    AgentOSMessage,
    AgentOSRun,
    AgentOSSchedule,
    AgentOSSession,
    AIPlatform,
    Budget,
    DispatchDecision,
    KnowledgeSource,
    Limit,
    RunEventBatch,
    SupportWidget,
    Webhook,
    WebhookEvent,
)
from apps.opie.models.runs import RunStatus
from tests.opie.knowledge.bases import make_base, make_document
from tests.opie.people import Person, make_key, make_person, make_team

_numbers = itertools.count()


@dataclass(frozen=True)
class Caller:
    """Somebody with a cookie for pages and headers for REST."""

    name: str
    user: User | None
    headers: dict[str, str]

    def call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        is_rest = path.startswith("/api/")
        client = Client(raise_request_exception=False)
        if self.user is not None and not is_rest:
            client.force_login(self.user, "allauth.account.auth_backends.AuthenticationBackend")
            if self.name == "suspended":
                User.objects.filter(pk=self.user.pk).update(is_active=False)
        headers = self._credential() if is_rest else {}
        if method == "GET" or not is_rest:
            return client.generic(method, path, headers=headers)
        return client.generic(method, path, _json(body or {}), "application/json", headers=headers)

    def _credential(self) -> dict[str, str]:
        if self.user is None or self.name == "suspended":
            return self.headers
        # A new one each time: signing out and in are among the addresses.
        return {"Authorization": f"Bearer {issue_pair(User.objects.get(pk=self.user.pk)).access}"}


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def make_callers() -> tuple[Person, list[Caller]]:
    """The owner, and everyone in the order in which they may be let at the owner's things: the owner last."""
    ours, theirs = make_team("Ours"), make_team("Theirs")
    owner = make_person("ann", ours, Role.OWNER)
    row, revoked = make_key(owner)
    ApiKey.objects.filter(pk=row.pk).update(revoked_at=timezone.now())
    gone = make_person("gus", ours, Role.OWNER)
    suspended = Caller("suspended", gone.user, gone.headers)
    User.objects.filter(pk=gone.user.pk).update(is_active=False)
    people = [
        ("else", make_person("eve", theirs, Role.OWNER)),
        ("viewer", make_person("vera", ours, Role.VIEWER)),
        ("member", make_person("ben", ours, Role.MEMBER)),
        ("owner", owner),
    ]
    known = [Caller(name, person.user, person.headers) for name, person in people]
    return owner, [Caller("nobody", None, {}), Caller("revoked", None, revoked), suspended, *known]


def make_things(owner: Person) -> dict[str, str]:
    """New rows of the owner's, by the names that addresses use for their ids."""
    n = next(_numbers)
    agent = Agent.objects.create(
        agent_id=f"mine-{n}", name="Mine", owner=owner.user, team=owner.team, visibility="team", status="published"
    )
    session = AgentOSSession.objects.create(user=owner.user, team=owner.team, agent=agent, message_count=1)
    answer = AgentOSMessage.objects.create(session=session, number=1, role="assistant", is_answer=True, content="Hi")
    run = AgentOSRun.objects.create(
        session=session, user=owner.user, team=owner.team, agent=agent, status=RunStatus.COMPLETED,
        finished_at=timezone.now(),
    )  # fmt: skip
    RunEventBatch.objects.create(run=run, first_number=1, last_number=1, events=[[1, "run.finished", {}]])
    error = AgentOSError.objects.create(
        team=owner.team, fingerprint=str(n), code="c", place="p", message="m", last_seen=timezone.now(), last_run=run
    )
    approval = AgentOSApproval.objects.create(
        run=run, team=owner.team, user=owner.user, agent=agent, tool_call_id="c1", tool_name="calculate",
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    invitation = Invitation.objects.create(
        team=owner.team, email=f"new{n}@example.com", token_hash=str(n), invited_by=owner.user,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    newcomer = make_person(f"newcomer{n}", owner.team, Role.MEMBER)
    platform = AIPlatform.objects.create(
        team=owner.team, platform_name=f"ours-{n}", api_type="offline", default_model="m"
    )
    key, _ = make_key(owner)
    schedule = AgentOSSchedule.objects.create(
        user=owner.user, team=owner.team, agent=agent, name="Daily", message="Hi", cron="0 8 * * *",
        next_run_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    command = create_command(
        owner.principal,
        {"name": f"Add {n}", "template": "What is 1 + 1?", "visibility": "team", "recommended_agent": agent.agent_id},
    )
    webhook = Webhook.objects.create(
        team=owner.team, name=f"shop-{n}", secret="s", acts_for=owner.user, event_types=["new_order"]
    )
    event = WebhookEvent.objects.create(
        webhook=webhook, event_id="1", event_type="new_order", data={}, digest="d", status="failed",
        processed_at=timezone.now(),
    )  # fmt: skip
    base = make_base(owner, visibility="team")
    document, (chunk,) = make_document(base, ["What the owner knows."])
    source = KnowledgeSource.objects.create(base=base, url="https://example.com/")
    return {
        "base_id": str(base.pk),
        "document_id": str(document.pk),
        "chunk_id": str(chunk),
        "source_id": str(source.pk),
        "agent_id": agent.agent_id,
        "slug": command.slug,
        "tier": "analysis",
        "session_id": str(session.pk),
        "conversation_id": str(session.pk),
        "message_id": str(answer.pk),
        "thread_id": str(session.pk),
        "run_id": str(run.pk),
        "execution_id": str(run.pk),
        "schedule_id": str(schedule.pk),
        "error_id": str(error.pk),
        "approval_id": str(approval.pk),
        "invitation_id": str(invitation.pk),
        "user_id": str(newcomer.user.pk),
        "team_id": str(owner.team.pk),
        "key_id": str(key.pk),
        "platform_id": str(platform.pk),
        "budget_id": str(Budget.objects.create(team=owner.team, api_key=key, amount=1, period="month").pk),
        "limit_id": str(Limit.objects.create(team=owner.team, model=f"m{n}", requests_per_minute=500).pk),
        "memory_id": str(AgentOSMemory.objects.create(user=owner.user, team=owner.team, agent=agent, memory="m").pk),
        "widget_id": str(
            SupportWidget.objects.create(
                team=owner.team, agent=agent, name=f"w{n}", allowed_origins=["https://a.example"], created_by=owner.user
            ).pk
        ),
        "decision_id": str(DispatchDecision.objects.create(user=owner.user, team=owner.team, task="t").pk),
        "webhook_id": str(webhook.pk),
        "event_id": str(event.pk),
        "name": webhook.name,
        "form": "json",
    }


def every_route() -> set[str]:
    """The routes of the URL conf; the admin, which Django's own tests cover, as one."""
    return {"/" + route for route in _routes("", get_resolver().url_patterns)}


def _routes(prefix: str, patterns: list[Any]) -> set[str]:
    found = set()
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            found |= {route} if route == "admin/" else _routes(route, pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            found.add(route)
    return found
