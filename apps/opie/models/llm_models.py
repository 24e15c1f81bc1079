"""Models of local servers that can be switched on and off while everything runs."""

from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.llm_parameters import UnusableParameters, checked_parameters
from apps.opie.models.platforms import AIPlatform, ApiType


class LLMProvider(models.TextChoices):
    OLLAMA = "ollama", "Ollama"
    GPT4ALL = "gpt4all", "GPT4All"
    LLAMACPP = "llamacpp", "llama.cpp"


class CheckState(models.TextChoices):
    """What a server was found to be when it was asked."""

    READY = "ready", "Ready"
    MISSING = "missing", "The server does not have it"
    UNREACHABLE = "unreachable", "The server does not answer"
    UNUSABLE = "unusable", "Its platform cannot be used"


# The kind of platform that speaks with each.
API_TYPES: dict[str, str] = {
    LLMProvider.OLLAMA: ApiType.OLLAMA,
    LLMProvider.GPT4ALL: ApiType.GPT4ALL,
    LLMProvider.LLAMACPP: ApiType.LLAMACPP,
}


class LLMModelQuerySet(models.QuerySet["LLMModel"]):
    def visible_to(self, principal: Principal) -> Self:
        """The installation's models and those of the person's team."""
        return self.filter(Q(team=None) | Q(team_id=principal.team_id))

    def of_their_kind(self) -> Self:
        """Those whose platform still is of the kind that serves them: it may have been changed since."""
        fitting = Q()
        for provider, api_type in API_TYPES.items():
            fitting |= Q(provider=provider, platform__api_type=api_type)
        return self.filter(fitting)


class LLMModel(models.Model):
    """One model on a local server. Switched on it answers first for the agents that may use it; switched off it answers
    for none of them (providers/local_models.py). Without a team it is there for every team.

    Addresses and files are of the operator's network: they are entered in the admin, by superusers only.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="llm_models")
    name = models.CharField(max_length=200, help_text="As the server calls it: llama3.2, or the name of a file.")
    provider = models.CharField(max_length=16, choices=LLMProvider.choices)
    platform = models.ForeignKey(AIPlatform, on_delete=models.CASCADE, related_name="llm_models")
    model_path = models.CharField(
        max_length=500, blank=True, help_text="The file that the server loads, as it is on the server's machine."
    )
    base_url = models.URLField(
        max_length=500, blank=True, help_text="Empty: the platform's. For a server that serves this model alone."
    )
    parameters = models.JSONField(
        default=dict,
        blank=True,
        help_text="agents: [agent ids] (none: all that name no model of their own), temperature, max_tokens.",
    )
    is_active = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(
        default=100, help_text="Of several that are on, the lowest answers first."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = LLMModelQuerySet.as_manager()

    class Meta:
        verbose_name = "local model"
        ordering = ["position", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "platform", "base_url", "name"], nulls_distinct=False, name="opie_llm_model_once"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="opie_llm_model_has_name"),
            models.CheckConstraint(condition=Q(provider__in=LLMProvider.values), name="opie_llm_model_provider_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_provider_display()})"

    def clean(self) -> None:
        """Raises ValidationError for a platform of another kind or another team's, and for parameters there are not."""
        super().clean()
        problems: dict[str, Any] = {}
        try:
            self.parameters = checked_parameters(self.parameters)
        except UnusableParameters as error:
            problems["parameters"] = str(error)
        if self.platform_id and (problem := self._what_is_wrong_with_platform()):
            problems["platform"] = problem
        if problems:
            raise ValidationError(problems)

    def _what_is_wrong_with_platform(self) -> str:
        wanted = API_TYPES.get(self.provider)
        if wanted and self.platform.api_type != wanted:
            return f"{self.platform} is of the kind {self.platform.api_type}; this provider needs {wanted}."
        if self.platform.team_id not in (None, self.team_id):
            return "This platform is another team's."
        return ""


class LLMModelCheck(models.Model):
    """What was found when the server of a model was last asked. A row of its own: the model's says what is wanted, and
    agents are built anew when it changes."""

    llm_model = models.OneToOneField(LLMModel, on_delete=models.CASCADE, primary_key=True, related_name="check_result")
    state = models.CharField(max_length=12, choices=CheckState.choices)
    message = models.CharField(max_length=1000, blank=True, help_text="What to do about it.")
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CheckState.values), name="opie_llm_model_check_known"),
        ]

    def __str__(self) -> str:
        return f"{self.llm_model}: {self.state}"
