"""Agents: what a person talks to. Teams and workflows are agents with members."""

from typing import Any, Self

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Max, Q

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.approval_rules import UnreadableRules, read_rules
from apps.opie.models.output_schemas import UnusableSchema, checked_schema
from apps.opie.models.platforms import AIPlatform
from apps.opie.models.tiers import AGENT_TIERS

DEFAULT_PRIORITY, HIGHEST_PRIORITY = 50, 100


class AgentKind(models.TextChoices):
    TASK = "task", "Task"
    CONVERSATIONAL = "conversational", "Conversational"
    TEAM = "team", "Team"
    WORKFLOW = "workflow", "Workflow"
    # Answers nothing itself: who fits a message answers it (engine/dispatcher/auto.py).
    AUTO = "auto", "Auto"


class AgentVisibility(models.TextChoices):
    PRIVATE = "private", "Private"
    TEAM = "team", "Team"
    PUBLIC = "public", "Public"


class AgentStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    WITHDRAWN = "withdrawn", "Withdrawn"


class AgentQuerySet(models.QuerySet["Agent"]):
    def visible_to(self, principal: Principal) -> Self:
        """Own agents in any state, the team's unless private, and public ones that are published."""
        team = Q(team_id=principal.team_id) & ~Q(visibility=AgentVisibility.PRIVATE)
        if not principal.may("manage_agents"):
            team &= Q(status=AgentStatus.PUBLISHED)
        public = Q(visibility=AgentVisibility.PUBLIC, status=AgentStatus.PUBLISHED)
        return self.filter(Q(owner_id=principal.user_id, team_id=principal.team_id) | team | public)

    def served_to(self, principal: Principal) -> Self:
        """The agents this person may talk to now."""
        agents = self.visible_to(principal).filter(status=AgentStatus.PUBLISHED)
        if not settings.AGENTOS_INCLUDE_VAULT_AGENTS:
            agents = agents.exclude(visibility=AgentVisibility.PRIVATE)
        if principal.is_visitor:
            agents = agents.filter(widgets__is_active=True, widgets__visitors__user_id=principal.user_id)
        return agents

    def containing(self, words: str) -> Self:
        """Agents whose name, id or description contains the words."""
        if not words:
            return self
        return self.filter(Q(name__icontains=words) | Q(agent_id__icontains=words) | Q(description__icontains=words))

    def with_models(self) -> Self:
        """With models and their platforms at hand: what building an agent reads."""
        return self._with_platforms().prefetch_related("knowledge")

    def with_parts(self, reader: Principal | None = None) -> Self:
        """With models and members at hand, and the knowledge bases, of which a reader is shown those that they may see:
        what showing agents reads."""
        members = AgentMember.objects.select_related("member")
        bases = apps.get_model("opie", "AgentKnowledge").objects.all()
        return self._with_platforms().prefetch_related(
            models.Prefetch("members", members),
            models.Prefetch("knowledge", bases.visible_to(reader) if reader else bases),
        )

    def _with_platforms(self) -> Self:
        return self.prefetch_related(models.Prefetch("models", AgentModel.objects.select_related("platform")))

    def stamp(self) -> str:
        """Changes whenever any agent of this set is added, changed or taken away."""
        changed = self.aggregate(latest=Max("updated_at"), count=models.Count("pk"))
        return f"{changed['count']}:{changed['latest']}"


class Agent(models.Model):
    """An agent as its owner wrote it. What is served is built from this row (engine/builder.py)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent_id = models.SlugField(max_length=64, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="agents")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    kind = models.CharField(max_length=16, choices=AgentKind.choices, default=AgentKind.CONVERSATIONAL)
    system_prompt = models.TextField(blank=True, max_length=100_000)
    capabilities = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    tools = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    starters = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    tier = models.CharField(
        max_length=16,
        choices=AGENT_TIERS,
        blank=True,
        help_text="Empty: the platforms in their order. An agent with models of its own heeds no tier.",
    )
    temperature = models.DecimalField(
        max_digits=3, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(2)]
    )
    max_tokens = models.PositiveIntegerField(null=True, blank=True)
    history_length = models.PositiveSmallIntegerField(default=10, validators=[MaxValueValidator(1000)])
    history_tokens = models.PositiveIntegerField(
        default=16_000, help_text="The most tokens of the conversation that the model is given with a question."
    )
    summarize_history = models.BooleanField(
        default=True, help_text="Have what is left out of the history summed up, and give the model the summary."
    )
    approvals = models.JSONField(
        default=dict, blank=True, help_text="{tool: {by, roles}}: which tools wait for a person's yes, and whose."
    )
    output_schema = models.JSONField(
        null=True, blank=True, help_text="The JSON Schema (2020-12) that its answers have to fit; none: any text."
    )
    priority = models.PositiveSmallIntegerField(
        default=DEFAULT_PRIORITY,
        validators=[MaxValueValidator(HIGHEST_PRIORITY)],
        help_text="From 0 to 100: which of several that could do a task is preferred.",
    )
    memory = models.BooleanField(default=False)
    local_only = models.BooleanField(default=False)
    visibility = models.CharField(max_length=8, choices=AgentVisibility.choices, default=AgentVisibility.PRIVATE)
    status = models.CharField(max_length=10, choices=AgentStatus.choices, default=AgentStatus.DRAFT)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    # What follows from this row and the rows beside it, kept for as long as they are known to be unchanged (engine/served.py).
    worked_out: dict[Any, Any] | None = None

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name", "agent_id"]
        indexes = [models.Index(fields=["team", "status", "visibility"], name="opie_agent_of_team")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=AgentKind.values), name="opie_agent_kind_known"),
            models.CheckConstraint(
                condition=Q(visibility__in=AgentVisibility.values), name="opie_agent_visibility_known"
            ),
            models.CheckConstraint(condition=Q(status__in=AgentStatus.values), name="opie_agent_status_known"),
            models.CheckConstraint(
                condition=Q(temperature=None) | Q(temperature__gte=0, temperature__lte=2),
                name="opie_agent_temperature_0_to_2",
            ),
            models.CheckConstraint(condition=Q(priority__lte=HIGHEST_PRIORITY), name="opie_agent_priority_0_to_100"),
            models.CheckConstraint(
                condition=Q(tier__in=["", *(tier for tier, _ in AGENT_TIERS)]), name="opie_agent_tier_known"
            ),
            # Somebody must be able to see it: the installation's agents are public, all others have a team.
            models.CheckConstraint(
                condition=Q(visibility="public") | Q(team__isnull=False), name="opie_agent_has_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError for rules of approval and for a schema that could not be used when the agent is asked."""
        super().clean()
        problems = {}
        try:
            read_rules(self.approvals)
        except UnreadableRules as error:
            problems["approvals"] = str(error)
        try:
            if self.output_schema is not None:
                checked_schema(self.output_schema)
        except UnusableSchema as error:
            problems["output_schema"] = str(error)
        if problems:
            raise ValidationError(problems)

    def effective_temperature(self) -> float:
        """What was set, else what suits the kind: exact for tasks, livelier for conversation."""
        if self.temperature is not None:
            return float(self.temperature)
        return 0.3 if self.kind == AgentKind.TASK else 0.8

    def definition(self) -> dict[str, Any]:
        """The agent as JSON: what a version keeps, in the shape of the REST API's body."""
        return {
            "agent_id": self.agent_id,
            "name": self.name,
            "description": self.description,
            "kind": self.kind,
            "system_prompt": self.system_prompt,
            "capabilities": list(self.capabilities),
            "models": [{"platform": m.platform.platform_name, "model": m.model} for m in self.models.all()],
            "tier": self.tier,
            "members": [{"agent_id": m.member.agent_id, "role": m.role} for m in self.members.all()],
            "temperature": None if self.temperature is None else float(self.temperature),
            "max_tokens": self.max_tokens,
            "history_length": self.history_length,
            "history_tokens": self.history_tokens,
            "summarize_history": self.summarize_history,
            "approvals": self.approvals,
            "output_schema": self.output_schema,
            "priority": self.priority,
            "tools": list(self.tools),
            "starters": list(self.starters),
            "knowledge_bases": [str(row.base_id) for row in self.knowledge.all()],
            "memory": self.memory,
            "local_only": self.local_only,
            "visibility": self.visibility,
            "status": self.status,
        }


class AgentModel(models.Model):
    """One (platform, model) of an agent; in the order of fallback."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="models")
    position = models.PositiveSmallIntegerField()
    platform = models.ForeignKey(AIPlatform, on_delete=models.CASCADE, related_name="+")
    model = models.CharField(max_length=200, blank=True, help_text="Empty: the platform's default model.")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "position"], name="opie_agent_model_position_once"),
            models.UniqueConstraint(fields=["agent", "platform", "model"], name="opie_agent_model_once"),
        ]

    def __str__(self) -> str:
        return f"{self.platform}/{self.model or self.platform.default_model}"


class AgentMember(models.Model):
    """One member of a team or one step of a workflow, in order."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveSmallIntegerField()
    member = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="member_of")
    role = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "position"], name="opie_agent_member_position_once"),
            models.UniqueConstraint(fields=["agent", "member"], name="opie_agent_member_once"),
            models.CheckConstraint(condition=~Q(agent=models.F("member")), name="opie_agent_not_its_own_member"),
        ]

    def __str__(self) -> str:
        return f"{self.member} in {self.agent}"


class AgentVersion(models.Model):
    """An agent as it was; never changed. A run names the version that answered."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["agent", "number"], name="opie_agent_version_once")]

    def __str__(self) -> str:
        return f"{self.agent} v{self.number}"
