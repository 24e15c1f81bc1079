"""Sessions: conversations of one person with one agent (or several, in turn)."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent


class WhenBusy(models.TextChoices):
    """What becomes of a message that is sent while an answer is being written."""

    QUEUE = "queue", "It waits its turn"
    STEER = "steer", "The answer is stopped, and the message is next"
    REFUSE = "refuse", "It is refused"


OF_WIDGETS = Q(widget__isnull=False) | ~Q(gone_widget="")
# Whose person has asked for somebody of the team, or is being answered by them.
OPENED_BY_ASKING = Q(person_asked_at__isnull=False) | Q(taken_over_by__isnull=False)
# The index of the same condition is used only where it is written as it is here.
FOR_SUPPORT = OF_WIDGETS | OPENED_BY_ASKING


class AgentOSSessionQuerySet(models.QuerySet["AgentOSSession"]):
    def visible_to(self, principal: Principal) -> Self:
        """Only one's own, in the team one acts for. Whatever the role, nobody reads another person's."""
        return self.filter(user_id=principal.user_id, team_id=principal.team_id)

    def for_support(self, principal: Principal) -> Self:
        """The conversations of the team's widgets, for whoever may answer customers. A colleague's is among them from
        when they ask for a person until it is handed back, and never else."""
        if not principal.may(Permission.ANSWER_CUSTOMERS):
            return self.none()
        return self.filter(FOR_SUPPORT, team_id=principal.team_id)

    def containing(self, words: str) -> Self:
        """Sessions whose title, or a message of which, contains the words."""
        if not words:
            return self
        saying_it = AgentOSSession.objects.filter(messages__content__icontains=words).values("pk")
        return self.filter(Q(title__icontains=words) | Q(pk__in=saying_it))

    def containing_for_support(self, words: str) -> Self:
        """The same as staff may look for it: of a chat outside widgets the title alone, as only one branch of it is shown."""
        if not words:
            return self
        saying_it = AgentOSSession.objects.filter(OF_WIDGETS, messages__content__icontains=words).values("pk")
        return self.filter(Q(title__icontains=words) | Q(pk__in=saying_it))


class AgentOSSession(models.Model):
    """One conversation. Its messages are numbered from 1 (`message_count` gives the last number); a question that had
    to wait is numbered anew when its turn comes, and leaves a gap.

    They form a tree: an edited question or another try at an answer begins a branch beside the old one. `head` is the
    last message of the branch that is shown and goes on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    widget = models.ForeignKey(
        "SupportWidget",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="sessions",
        help_text="Where a visitor began it: the team's staff reads along, and may take over.",
    )
    gone_widget = models.CharField(
        max_length=120,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What the widget was called that is gone. The database writes it when that is deleted.",
    )
    taken_over_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Who answers instead of the agent.",
    )
    taken_over_at = models.DateTimeField(null=True, blank=True, editable=False)
    person_asked_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when whoever writes here waits for a person."
    )
    speaks_for_others = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Other people speak in it through its user: nothing is noted about the user, or told of them.",
    )
    title = models.CharField(max_length=200, blank=True)
    head = models.ForeignKey(
        "AgentOSMessage", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    when_busy = models.CharField(max_length=6, choices=WhenBusy.choices, default=WhenBusy.QUEUE)
    is_archived = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, blank=True)
    message_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_message_at = models.DateTimeField(null=True, blank=True)

    objects = AgentOSSessionQuerySet.as_manager()

    class Meta:
        verbose_name = "session"
        ordering = ["-updated_at"]
        indexes = [
            models.Index(fields=["user", "team", "-updated_at"], name="opie_session_of_person"),
            models.Index(fields=["agent", "-updated_at"], name="opie_session_of_agent"),
            models.Index(fields=["team", "-updated_at"], condition=FOR_SUPPORT, name="opie_session_for_support"),
            models.Index(
                fields=["team"], condition=Q(person_asked_at__isnull=False), name="opie_session_asks_for_person"
            ),
            GinIndex(SearchVector("title", config="simple"), name="opie_session_title"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(when_busy__in=WhenBusy.values), name="opie_session_when_busy_known"),
        ]

    @property
    def is_of_widget(self) -> bool:
        """Whether a visitor of a widget began it, be the widget gone or not."""
        return self.widget_id is not None or self.gone_widget != ""

    def __str__(self) -> str:
        """Without the title, which is made of what was said: the admin shows names of rows to staff."""
        return f"session {self.id}"
