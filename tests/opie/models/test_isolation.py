"""Who sees which rows, below every view: each query for a person's data starts at visible_to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Membership, Role
from apps.accounts.principal import Principal, principal_for
from apps.opie.models import (
    Agent,
    AgentKnowledge,
    AgentOSApproval,
    AgentOSError,
    AgentOSMemory,
    AgentOSMessage,
    AgentOSPerformance,
    AgentOSRun,
    AgentOSSchedule,
    AgentOSSession,
    AgentOSUsage,
    AIPlatform,
    Budget,
    CommandExecution,
    CommandTemplate,
    DispatchDecision,
    KnowledgeBase,
    KnowledgeDocument,
    Limit,
    LLMModel,
    MemoryProfile,
    MessageReaction,
    ModelPrice,
    ModelTier,
    SessionVerification,
    SupportWidget,
    Webhook,
    WebhookEvent,
)
from tests.opie.people import Person, make_key, make_person

Make = Callable[[Person], Any]


def session_of(person: Person) -> AgentOSSession:
    return AgentOSSession.objects.create(user=person.user, team=person.team)


def run_of(person: Person) -> AgentOSRun:
    return AgentOSRun.objects.create(session=session_of(person), user=person.user, team=person.team)


def message_of(person: Person) -> AgentOSMessage:
    return AgentOSMessage.objects.create(session=session_of(person), number=1, role="user", content="Secret")


def reaction_of(person: Person) -> MessageReaction:
    return MessageReaction.objects.create(message=message_of(person), user=person.user, reaction="thumbs_up")


def agent_of(person: Person, visibility: str, status: str) -> Agent:
    return Agent.objects.create(
        agent_id=f"{visibility}-{status}", name="A", owner=person.user, team=person.team, visibility=visibility,
        status=status,
    )  # fmt: skip


def usage_of(person: Person) -> AgentOSUsage:
    return AgentOSUsage.objects.create(user=person.user, team=person.team, platform_name="x", model="x")


def performance_of(person: Person) -> AgentOSPerformance:
    return AgentOSPerformance.objects.create(run=run_of(person), duration_ms=1)


def error_of(person: Person) -> AgentOSError:
    return AgentOSError.objects.create(
        team=person.team, fingerprint="f", code="c", place="p", message="m", last_seen=timezone.now(),
        last_run=run_of(person),
    )  # fmt: skip


def memory_of(person: Person) -> AgentOSMemory:
    return AgentOSMemory.objects.create(user=person.user, team=person.team, memory="Likes tea")


def profile_of(person: Person, **owner: Any) -> MemoryProfile:
    return MemoryProfile.objects.create(team=person.team, schema="taste", **owner)


def platform_of(person: Person) -> AIPlatform:
    return AIPlatform.objects.create(team=person.team, platform_name="ours", api_type="offline", default_model="m")


def approval_of(person: Person, by: str) -> AgentOSApproval:
    return AgentOSApproval.objects.create(
        run=run_of(person), user=person.user, team=person.team, tool_call_id="c", tool_name="t", by=by,
        expires_at=timezone.now(),
    )  # fmt: skip


def schedule_of(person: Person) -> AgentOSSchedule:
    return AgentOSSchedule.objects.create(
        user=person.user, team=person.team, agent=agent_of(person, "team", "published"), name="s", message="m",
        cron="* * * * *", next_run_at=timezone.now(),
    )  # fmt: skip


def budget_of(person: Person, **about: Any) -> Budget:
    return Budget.objects.create(team=person.team, amount=1, **about)


def limit_of(person: Person) -> Limit:
    return Limit.objects.create(team=person.team, requests_per_minute=1)


def price_of(person: Person, *, of_team: bool) -> ModelPrice:
    return ModelPrice.objects.create(
        team=person.team if of_team else None, platform_name="x", model="x", input_per_million=1, output_per_million=1,
        valid_from=timezone.now(), author=person.user,
    )  # fmt: skip


def base_of(person: Person, visibility: str) -> KnowledgeBase:
    return KnowledgeBase.objects.create(team=person.team, owner=person.user, name="Notes", visibility=visibility)


def document_of(person: Person, visibility: str) -> KnowledgeDocument:
    return KnowledgeDocument.objects.create(base=base_of(person, visibility), title="Secret")


def knowledge_of(person: Person, visibility: str) -> AgentKnowledge:
    agent = agent_of(person, "private", "published")
    return AgentKnowledge.objects.create(agent=agent, base=base_of(person, visibility), position=0)


def tier_of(person: Person, *, of_team: bool) -> ModelTier:
    team = person.team if of_team else None
    return ModelTier.objects.create(team=team, tier="writing", platform=platform_of(person), model="m", position=0)


def local_model_of(person: Person, *, of_team: bool) -> LLMModel:
    team = person.team if of_team else None
    return LLMModel.objects.create(team=team, name="m", provider="ollama", platform=platform_of(person))


def decision_of(person: Person) -> DispatchDecision:
    return DispatchDecision.objects.create(user=person.user, team=person.team, task="Secret")


def verification_of(person: Person) -> SessionVerification:
    return SessionVerification.objects.create(session=session_of(person), kind="customer")


def webhook_of(person: Person) -> Webhook:
    return Webhook.objects.create(
        team=person.team, name="shop", secret="s", acts_for=person.user, event_types=["new_order"]
    )


def webhook_event_of(person: Person) -> WebhookEvent:
    webhook = webhook_of(person)
    return WebhookEvent.objects.create(webhook=webhook, event_id="1", event_type="new_order", data={}, digest="d")


def command_of(person: Person, visibility: str, status: str = "published") -> CommandTemplate:
    return CommandTemplate.objects.create(
        slug="secret", name="Secret", template="x", owner=person.user, team=person.team, visibility=visibility,
        status=status,
    )  # fmt: skip


def execution_of(person: Person) -> CommandExecution:
    return CommandExecution.objects.create(
        run=run_of(person), command=command_of(person, "team"), address="team.secret", version=1, user=person.user,
        team=person.team,
    )  # fmt: skip


def widget_of(person: Person) -> SupportWidget:
    agent = agent_of(person, "team", "published")
    return SupportWidget.objects.create(
        team=person.team, agent=agent, name="w", allowed_origins=["https://a.example"], created_by=person.user
    )


ONLY_OWN = {"ann"}
TEAM = {"ann", "owner", "ben", "vera"}
EVERYBODY = TEAM | {"eve", "nia", "away"}
FIGURES = {"ann", "owner", "vera"}  # a member sees their own figures, a viewer the team's

# What ann, a member, has made → who sees it. eve owns another team; nia is in none; away is ann in her other team.
TABLE: list[tuple[str, Any, Make, set[str]]] = [
    ("session", AgentOSSession, session_of, ONLY_OWN),
    ("message", AgentOSMessage, message_of, ONLY_OWN),
    ("reaction", MessageReaction, reaction_of, ONLY_OWN),
    ("run", AgentOSRun, run_of, ONLY_OWN),
    ("decision", DispatchDecision, decision_of, ONLY_OWN),
    ("verification", SessionVerification, verification_of, ONLY_OWN),
    ("widget", SupportWidget, widget_of, {"ann", "owner"}),
    ("memory", AgentOSMemory, memory_of, ONLY_OWN),
    ("own profile", MemoryProfile, lambda p: profile_of(p, user=p.user), ONLY_OWN),
    ("profile of a customer", MemoryProfile, lambda p: profile_of(p, subject_kind="customer", subject="1"), set()),
    ("schedule", AgentOSSchedule, schedule_of, ONLY_OWN),
    ("own approval", AgentOSApproval, lambda p: approval_of(p, "person"), ONLY_OWN),
    ("manager's approval", AgentOSApproval, lambda p: approval_of(p, "manager"), {"ann", "owner"}),
    ("usage", AgentOSUsage, usage_of, FIGURES),
    ("performance", AgentOSPerformance, performance_of, FIGURES),
    ("error", AgentOSError, error_of, FIGURES),
    ("platform", AIPlatform, platform_of, TEAM),
    ("team's budget", Budget, budget_of, TEAM),
    ("own budget", Budget, lambda p: budget_of(p, user=p.user), {"ann", "owner"}),
    ("own key's budget", Budget, lambda p: budget_of(p, api_key=make_key(p)[0]), {"ann", "owner"}),
    ("limit", Limit, limit_of, TEAM),
    ("team's price", ModelPrice, lambda p: price_of(p, of_team=True), TEAM),
    ("installation's price", ModelPrice, lambda p: price_of(p, of_team=False), EVERYBODY),
    ("team's tier", ModelTier, lambda p: tier_of(p, of_team=True), TEAM),
    ("installation's tier", ModelTier, lambda p: tier_of(p, of_team=False), EVERYBODY),
    ("team's local model", LLMModel, lambda p: local_model_of(p, of_team=True), TEAM),
    ("installation's local model", LLMModel, lambda p: local_model_of(p, of_team=False), EVERYBODY),
    ("private agent", Agent, lambda p: agent_of(p, "private", "published"), ONLY_OWN),
    ("private draft", Agent, lambda p: agent_of(p, "private", "draft"), ONLY_OWN),
    ("team agent", Agent, lambda p: agent_of(p, "team", "published"), TEAM),
    ("team draft", Agent, lambda p: agent_of(p, "team", "draft"), TEAM - {"vera"}),
    ("team withdrawn", Agent, lambda p: agent_of(p, "team", "withdrawn"), TEAM - {"vera"}),
    ("public agent", Agent, lambda p: agent_of(p, "public", "published"), EVERYBODY),
    ("private command", CommandTemplate, lambda p: command_of(p, "private"), ONLY_OWN),
    ("private draft of a command", CommandTemplate, lambda p: command_of(p, "private", "draft"), ONLY_OWN),
    ("team command", CommandTemplate, lambda p: command_of(p, "team"), TEAM),
    ("team draft of a command", CommandTemplate, lambda p: command_of(p, "team", "draft"), TEAM - {"vera"}),
    ("public command", CommandTemplate, lambda p: command_of(p, "public"), EVERYBODY),
    ("public draft of a command", CommandTemplate, lambda p: command_of(p, "public", "draft"), TEAM - {"vera"}),
    ("execution of a command", CommandExecution, execution_of, FIGURES),
    ("webhook", Webhook, webhook_of, {"owner"}),
    ("event of a webhook", WebhookEvent, webhook_event_of, {"owner"}),
    ("vault", KnowledgeBase, lambda p: base_of(p, "private"), ONLY_OWN),
    ("team base", KnowledgeBase, lambda p: base_of(p, "team"), TEAM),
    ("public base", KnowledgeBase, lambda p: base_of(p, "public"), EVERYBODY),
    ("document of a vault", KnowledgeDocument, lambda p: document_of(p, "private"), ONLY_OWN),
    ("document of a team base", KnowledgeDocument, lambda p: document_of(p, "team"), TEAM),
    ("document of a public base", KnowledgeDocument, lambda p: document_of(p, "public"), EVERYBODY),
    ("agent's vault", AgentKnowledge, lambda p: knowledge_of(p, "private"), ONLY_OWN),
    ("agent's team base", AgentKnowledge, lambda p: knowledge_of(p, "team"), TEAM),
    ("public draft", Agent, lambda p: agent_of(p, "public", "draft"), TEAM - {"vera"}),
]


@pytest.fixture
def ann(team: Any) -> Person:
    return make_person("anna", team, Role.MEMBER)


@pytest.fixture
def viewers(ann: Person, person: Person, member: Person, viewer: Person, stranger: Person) -> dict[str, Principal]:
    Membership.objects.create(user=ann.user, team=stranger.team, role=Role.MEMBER)
    return {
        "ann": ann.principal,
        "owner": person.principal,
        "ben": member.principal,
        "vera": viewer.principal,
        "eve": stranger.principal,
        "away": principal_for(ann.user, stranger.team),
        "nia": replace(member.principal, team_id=None, role=None, permissions=frozenset()),
    }


@pytest.mark.parametrize(("what", "model", "make", "seen_by"), TABLE, ids=[row[0] for row in TABLE])
def test_who_sees_it(
    ann: Person, viewers: dict[str, Principal], what: str, model: Any, make: Make, seen_by: set[str]
) -> None:
    made = make(ann)
    seen = {name for name, principal in viewers.items() if model.objects.visible_to(principal).filter(pk=made.pk)}
    assert seen == seen_by


@pytest.mark.parametrize(
    ("visibility", "changed_by"), [("private", {"ann"}), ("team", {"ann", "owner"}), ("public", {"ann", "owner"})]
)
def test_who_changes_a_knowledge_base(
    ann: Person, viewers: dict[str, Principal], visibility: str, changed_by: set[str]
) -> None:
    document = document_of(ann, visibility)
    for rows in (KnowledgeBase.objects.filter(pk=document.base_id), KnowledgeDocument.objects.filter(pk=document.pk)):
        assert {name for name, principal in viewers.items() if rows.managed_by(principal)} == changed_by


def test_the_right_to_read_sessions_is_not_a_way_around(ann: Person, viewers: dict[str, Principal]) -> None:
    session_of(ann)
    granted = replace(viewers["owner"], permissions=viewers["owner"].permissions | {"read_team_sessions"})
    assert not AgentOSSession.objects.visible_to(granted).exists()


@pytest.mark.parametrize(("status", "served"), [("published", True), ("draft", False), ("withdrawn", False)])
def test_only_published_agents_are_served(ann: Person, status: str, served: bool) -> None:
    agent_of(ann, "private", status)
    assert Agent.objects.served_to(ann.principal).exists() is served


def test_vault_agents_can_be_switched_off(ann: Person, settings: Any) -> None:
    agent_of(ann, "private", "published")
    agent_of(ann, "team", "published")
    settings.AGENTOS_INCLUDE_VAULT_AGENTS = False
    assert [agent.visibility for agent in Agent.objects.served_to(ann.principal)] == ["team"]


def test_the_stamp_of_agents_changes_with_every_change(ann: Person) -> None:
    stamps = [Agent.objects.all().stamp()]
    one = agent_of(ann, "team", "published")
    stamps.append(Agent.objects.all().stamp())
    one.save()
    stamps.append(Agent.objects.all().stamp())
    agent_of(ann, "private", "draft")
    stamps.append(Agent.objects.all().stamp())
    one.delete()
    stamps.append(Agent.objects.all().stamp())
    assert len(set(stamps)) == len(stamps)


def test_every_model_that_holds_a_persons_data_is_in_the_table() -> None:
    """A model with a visible_to that nobody tests is a door that nobody watches."""
    from django.apps import apps

    guarded = {model for model in apps.get_app_config("opie").get_models() if hasattr(model.objects, "visible_to")}
    assert guarded == {row[1] for row in TABLE}
