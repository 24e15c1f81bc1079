"""Commands: prompts with blanks, kept to be used again. What they were used for, and how that went."""

from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MinValueValidator
from django.db import connection, models
from django.db.models import F, Func, Q

from apps.accounts.models import Team
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.runs import AgentOSRun, RunStatus

# How much of an average the newest run is, once there are more of them than that.
WEIGHT_OF_NEWEST = 0.1


class CommandVisibility(models.TextChoices):
    """Whose a command is, and so in whose names its slug is: its owner's, its team's, everybody's."""

    PRIVATE = "private", "Private"
    TEAM = "team", "Team"
    PUBLIC = "public", "Public"


class CommandStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    WITHDRAWN = "withdrawn", "Withdrawn"


class CommandQuerySet(models.QuerySet["CommandTemplate"]):
    def visible_to(self, principal: Principal) -> Self:
        """Own commands in any state, the team's unless private, and public ones that are published."""
        team = Q(team_id=principal.team_id) & ~Q(visibility=CommandVisibility.PRIVATE)
        if not principal.may(Permission.MANAGE_AGENTS):
            team &= Q(status=CommandStatus.PUBLISHED)
        public = Q(visibility=CommandVisibility.PUBLIC, status=CommandStatus.PUBLISHED)
        own = Q(owner_id=principal.user_id, team_id=principal.team_id, team_id__isnull=False)
        return self.filter(own | team | public)

    def with_agents(self) -> Self:
        """With the recommended agents' ids at hand, and without what only the database looks at."""
        shown = [field.name for field in self.model._meta.concrete_fields if field.name != "words"]
        return self.select_related("recommended_agent").only(*shown, "recommended_agent__agent_id")


class CommandTemplate(models.Model):
    """A prompt with blanks. Its figures follow each run; `estimated_cost` begins as what its author thinks."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=64, db_index=False)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    category = models.SlugField(max_length=64, blank=True, db_index=False)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    template = models.TextField(max_length=50_000)
    parameters = models.JSONField(default=list, blank=True, help_text="What each blank takes: docs/commands.md.")
    example_usage = models.TextField(blank=True, max_length=2_000)
    recommended_agent = models.ForeignKey(
        Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="recommended_for"
    )
    required_capabilities = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    visibility = models.CharField(max_length=8, choices=CommandVisibility.choices, default=CommandVisibility.PRIVATE)
    status = models.CharField(max_length=10, choices=CommandStatus.choices, default=CommandStatus.PUBLISHED)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="commands")
    version = models.PositiveIntegerField(default=1)
    estimated_cost = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    avg_execution_time = models.FloatField(null=True, editable=False, help_text="Seconds, of runs that succeeded.")
    success_rate = models.FloatField(null=True, editable=False, help_text="From 0 to 1.")
    total_successes = models.PositiveIntegerField(default=0, editable=False)
    total_failures = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    words = models.GeneratedField(
        expression=Func(
            *(F(name) for name in ("slug", "name", "category", "tags", "required_capabilities", "description")),
            F("example_usage"),
            function="opie_words_of_command",
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = CommandQuerySet.as_manager()

    class Meta:
        verbose_name = "command"
        ordering = ["name", "slug"]
        indexes = [
            GinIndex(fields=["words"], name="opie_command_words"),
            GinIndex(fields=["tags"], name="opie_command_tags"),
            GinIndex(fields=["required_capabilities"], name="opie_command_capabilities"),
            models.Index(fields=["slug"], name="opie_command_slug"),
            models.Index(fields=["category", "name"], name="opie_command_category"),
            models.Index(fields=["team", "visibility", "status"], name="opie_command_of_team"),
        ]
        constraints = [
            # Three sets of names: everybody's, each team's, each person's in a team.
            models.UniqueConstraint(
                fields=["slug"], condition=Q(visibility="public"), name="opie_command_public_slug_once"
            ),
            models.UniqueConstraint(
                fields=["team", "slug"], condition=Q(visibility="team"), name="opie_command_team_slug_once"
            ),
            models.UniqueConstraint(
                fields=["team", "owner", "slug"], condition=Q(visibility="private"), name="opie_command_own_slug_once"
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=CommandVisibility.values), name="opie_command_visibility_known"
            ),
            models.CheckConstraint(condition=Q(status__in=CommandStatus.values), name="opie_command_status_known"),
            models.CheckConstraint(
                condition=Q(visibility="public") | Q(team__isnull=False), name="opie_command_has_team"
            ),
            models.CheckConstraint(
                condition=Q(estimated_cost=None) | Q(estimated_cost__gte=0), name="opie_command_cost_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(success_rate=None) | Q(success_rate__gte=0, success_rate__lte=1),
                name="opie_command_rate_0_to_1",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        """The name by which whoever may see it finds it, and nothing else: review, team.review, my.review."""
        return _PREFIXES[CommandVisibility(self.visibility)] + self.slug

    @property
    def total_runs(self) -> int:
        return self.total_successes + self.total_failures

    def definition(self) -> dict[str, Any]:
        """The command as JSON, without what runs have made of it: what a version keeps and what is exported."""
        return {
            "slug": self.slug,
            "name": self.name,
            "description": self.description,
            "category": self.category,
            "tags": list(self.tags),
            "template": self.template,
            "parameters": self.parameters,
            "example_usage": self.example_usage,
            "recommended_agent": self.recommended_agent.agent_id if self.recommended_agent else None,
            "required_capabilities": list(self.required_capabilities),
            "visibility": self.visibility,
            "status": self.status,
        }

    def update_metrics(
        self, *, success: bool, execution_time: float | None = None, cost: Decimal | None = None
    ) -> None:
        """Count one run (seconds, and what it cost if that is known) in one short statement, and read the figures.

        Runs count themselves when they are settled; this is for a host that runs a command's prompt by other means.
        """
        values = figures_to_count(success=success, seconds=execution_time, cost=cost)
        with connection.cursor() as cursor:
            cursor.execute(_COUNT_ONE, values | {"command": self.pk})
        self.refresh_from_db(fields=FIGURES)


_PREFIXES = {
    CommandVisibility.PUBLIC: "",
    CommandVisibility.TEAM: "team.",
    CommandVisibility.PRIVATE: "my.",
}
FIGURES = ["estimated_cost", "avg_execution_time", "success_rate", "total_successes", "total_failures"]


def figures_to_count(*, success: bool, seconds: float | None, cost: Decimal | None) -> dict[str, Any]:
    """What COUNT_IN_FIGURES has to know of a run."""
    return {
        "succeeded": int(success),
        "seconds": seconds if success else None,
        "spent": cost if success else None,
        "newest": WEIGHT_OF_NEWEST,
    }


# Averages that follow: the mean of the first ten, then a tenth of each new one. All values on the right are those from
# before the statement.
_WEIGHT = "GREATEST(%(newest)s::double precision, 1.0 / ({counted} + 1))"
_FOLLOW = "COALESCE({name} + {weight} * ({new} - {name}), {new}, {name})"
_OF_ALL = _WEIGHT.format(counted="total_successes + total_failures")
_OF_SUCCESSES = _WEIGHT.format(counted="total_successes")
COUNT_IN_FIGURES = ", ".join(
    [
        "success_rate = " + _FOLLOW.format(name="success_rate", weight=_OF_ALL, new="%(succeeded)s::double precision"),
        "avg_execution_time = "
        + _FOLLOW.format(name="avg_execution_time", weight=_OF_SUCCESSES, new="%(seconds)s::double precision"),
        "estimated_cost = "
        + _FOLLOW.format(name="estimated_cost", weight=f"({_OF_SUCCESSES})::numeric", new="%(spent)s::numeric"),
        "total_successes = total_successes + %(succeeded)s",
        "total_failures = total_failures + 1 - %(succeeded)s",
    ]
)
_COUNT_ONE = f"UPDATE opie_commandtemplate SET {COUNT_IN_FIGURES} WHERE id = %(command)s"  # noqa: S608 - constants


class CommandVersion(models.Model):
    """A command as it was; never changed. A run names the version that was used."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    command = models.ForeignKey(CommandTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "version of a command"
        verbose_name_plural = "versions of commands"
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["command", "number"], name="opie_command_version_once")]

    def __str__(self) -> str:
        return f"{self.command} v{self.number}"


class CommandFavourite(models.Model):
    """A person's mark on a command."""

    id = models.BigAutoField(primary_key=True)
    command = models.ForeignKey(CommandTemplate, on_delete=models.CASCADE, related_name="favourites")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "favourite"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "command"], name="opie_command_favourite_once")]

    def __str__(self) -> str:
        return f"{self.command} of {self.user}"


class CommandExecutionQuerySet(models.QuerySet["CommandExecution"]):
    def visible_to(self, principal: Principal) -> Self:
        """One's own; the team's for those who may see its metrics."""
        executions = self.filter(team_id=principal.team_id)
        if principal.reach(Permission.VIEW_METRICS) is Reach.YES:
            return executions
        return executions.filter(user_id=principal.user_id)


class CommandExecution(models.Model):
    """That a run is a command's, and with which values. Written with the run, and its outcome when that is settled."""

    run = models.OneToOneField(AgentOSRun, on_delete=models.CASCADE, primary_key=True, related_name="command_execution")
    command = models.ForeignKey(
        CommandTemplate, on_delete=models.SET_NULL, null=True, blank=True, related_name="executions"
    )
    address = models.CharField(max_length=80, help_text="The command's, as it was called: it may be gone by now.")
    version = models.PositiveIntegerField()
    parameters = models.JSONField(default=dict)
    prompt_digest = models.CharField(max_length=64, help_text="SHA-256 of the rendered prompt.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=12, choices=RunStatus.choices, blank=True, help_text="Empty until it ends.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CommandExecutionQuerySet.as_manager()

    class Meta:
        verbose_name = "execution of a command"
        verbose_name_plural = "executions of commands"
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["command", "-created_at"], name="opie_execution_of_command"),
            models.Index(fields=["team", "user", "-created_at"], name="opie_execution_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.address} in {self.run_id}"


# Parts of the statements that store a run (engine/opening.py) and settle it (engine/settling.py): no other way to the
# rows, and a run is never without its command.
INSERT_EXECUTION = """
    INSERT INTO opie_commandexecution (run_id, command_id, address, version, parameters, prompt_digest, user_id, team_id,
        outcome, created_at)
    VALUES (%(run)s, %(command)s, %(command_address)s, %(command_version)s, %(command_parameters)s, %(prompt_digest)s,
        %(user)s, %(team)s, '', %(now)s)
"""
END_EXECUTION = """
    UPDATE opie_commandexecution SET outcome = %(status)s WHERE run_id = %(run)s RETURNING command_id
"""
COUNT_EXECUTION = f"""
    UPDATE opie_commandtemplate SET {COUNT_IN_FIGURES} FROM executed
    WHERE opie_commandtemplate.id = executed.command_id AND %(status)s <> 'cancelled'
"""  # noqa: S608 - constants
