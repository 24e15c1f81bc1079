"""LLM platforms: where models are called, with which key, and what they can do."""

from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q

from apps.accounts.encryption import EncryptedTextField, KeyMissing
from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7


class ApiType(models.TextChoices):
    OPENAI = "openai", "OpenAI"
    ANTHROPIC = "anthropic", "Anthropic"
    GEMINI = "gemini", "Gemini"
    OLLAMA = "ollama", "Ollama"
    LLAMACPP = "llama.cpp", "llama.cpp"
    GPT4ALL = "gpt4all", "GPT4All"
    OPENAI_COMPATIBLE = "openai_compatible", "OpenAI-compatible"
    OFFLINE = "offline", "Offline responder"


LOCAL_API_TYPES = frozenset({ApiType.OLLAMA, ApiType.LLAMACPP, ApiType.GPT4ALL, ApiType.OFFLINE})


class UnreadableKey(str):
    """An API key whose encryption key is gone: there, but empty to whoever reads it, and saved as it was stored."""

    stored: str

    def __new__(cls, stored: str) -> Self:
        key = super().__new__(cls, "")
        key.stored = stored
        return key

    def __bool__(self) -> bool:
        return True


class PlatformKeyField(EncryptedTextField):
    """One key that cannot be read must not take every list of platforms with it."""

    def get_prep_value(self, value: Any) -> Any:
        return value.stored if isinstance(value, UnreadableKey) else super().get_prep_value(value)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        try:
            return super().from_db_value(value, expression, connection)
        except KeyMissing:
            return UnreadableKey(value or "")

    def deconstruct(self) -> Any:
        """In the database it is an encrypted text like any other."""
        name, _, args, kwargs = super().deconstruct()
        return name, f"{EncryptedTextField.__module__}.{EncryptedTextField.__qualname__}", args, kwargs


class AIPlatformQuerySet(models.QuerySet["AIPlatform"]):
    def visible_to(self, principal: Principal) -> Self:
        """The installation's platforms and those of the person's team."""
        return self.serving(principal.team_id)

    def serving(self, team_id: UUID | None) -> Self:
        """The same for whoever acts for a team."""
        return self.filter(Q(team=None) | Q(team_id=team_id))

    def usable(self) -> Self:
        return self.filter(is_enabled=True).order_by("priority", "platform_name")


class AIPlatform(models.Model):
    """One endpoint that serves models. Without a team it belongs to the installation and serves every team."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="platforms")
    platform_name = models.SlugField(max_length=64)
    api_type = models.CharField(max_length=32, choices=ApiType.choices)
    base_url = models.URLField(max_length=500, blank=True, help_text="Empty: the vendor's own.")
    may_be_private = models.BooleanField(
        default=False, editable=False, help_text="An operator entered its address, which may be in a private network."
    )
    api_key = PlatformKeyField(blank=True, default="")
    default_model = models.CharField(max_length=200)
    timeout = models.PositiveIntegerField(default=60, help_text="Seconds until a silent platform counts as failed.")
    max_tokens = models.PositiveIntegerField(default=4096, help_text="Most tokens of one answer.")
    supports_vision = models.BooleanField(default=False)
    supports_json_mode = models.BooleanField(default=False)
    supports_image_generation = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)
    priority = models.PositiveSmallIntegerField(default=100, help_text="Lower is tried first.")
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AIPlatformQuerySet.as_manager()

    class Meta:
        verbose_name = "AI platform"
        ordering = ["priority", "platform_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "platform_name"], nulls_distinct=False, name="opie_platform_name_once_per_team"
            ),
            models.CheckConstraint(condition=Q(api_type__in=ApiType.values), name="opie_platform_api_type_known"),
            models.CheckConstraint(condition=Q(timeout__gt=0), name="opie_platform_timeout_positive"),
            models.CheckConstraint(
                condition=~Q(api_type="openai_compatible") | ~Q(base_url=""), name="opie_platform_compatible_has_url"
            ),
        ]

    def __str__(self) -> str:
        return self.platform_name

    @property
    def is_local(self) -> bool:
        return self.api_type in LOCAL_API_TYPES
