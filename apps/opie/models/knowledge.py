"""Knowledge bases, their documents, and where the documents come from."""

from pathlib import PurePath
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.platforms import AIPlatform


class KnowledgeVisibility(models.TextChoices):
    """Who may read a base: its owner alone (a vault), its team, or everybody who is signed in."""

    PRIVATE = "private", "Private"
    TEAM = "team", "Team"
    PUBLIC = "public", "Public"


class Language(models.TextChoices):
    """The text search configurations that come with PostgreSQL; the value is the configuration's name."""

    SIMPLE = "simple", "Any language"
    ARABIC = "arabic", "Arabic"
    ARMENIAN = "armenian", "Armenian"
    BASQUE = "basque", "Basque"
    CATALAN = "catalan", "Catalan"
    DANISH = "danish", "Danish"
    DUTCH = "dutch", "Dutch"
    ENGLISH = "english", "English"
    FINNISH = "finnish", "Finnish"
    FRENCH = "french", "French"
    GERMAN = "german", "German"
    GREEK = "greek", "Greek"
    HINDI = "hindi", "Hindi"
    HUNGARIAN = "hungarian", "Hungarian"
    INDONESIAN = "indonesian", "Indonesian"
    IRISH = "irish", "Irish"
    ITALIAN = "italian", "Italian"
    LITHUANIAN = "lithuanian", "Lithuanian"
    NEPALI = "nepali", "Nepali"
    NORWEGIAN = "norwegian", "Norwegian"
    PORTUGUESE = "portuguese", "Portuguese"
    ROMANIAN = "romanian", "Romanian"
    RUSSIAN = "russian", "Russian"
    SERBIAN = "serbian", "Serbian"
    SPANISH = "spanish", "Spanish"
    SWEDISH = "swedish", "Swedish"
    TAMIL = "tamil", "Tamil"
    TURKISH = "turkish", "Turkish"
    YIDDISH = "yiddish", "Yiddish"


class DocumentKind(models.TextChoices):
    FILE = "file", "File"
    TEXT = "text", "Text"
    PAGE = "page", "Web page"


class DocumentStatus(models.TextChoices):
    PENDING = "pending", "Waiting"
    PROCESSING = "processing", "Being read"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


class IndexState(models.TextChoices):
    """An index is filled, is searched once it is its base's live one, and is taken away when it is no more."""

    BUILDING = "building", "Being built"
    LIVE = "live", "Live"
    RETIRED = "retired", "Retired"


class GraphState(models.TextChoices):
    """Of the HNSW graph that a large index has to itself."""

    NONE = "none", "None"
    BUILDING = "building", "Being built"
    READY = "ready", "Ready"


class SourceKind(models.TextChoices):
    PAGE = "page", "Page"
    SITEMAP = "sitemap", "Sitemap"


class SyncEvery(models.TextChoices):
    NEVER = "never", "Never"
    HOUR = "hour", "Hour"
    DAY = "day", "Day"
    WEEK = "week", "Week"


def _reading(principal: Principal, prefix: str = "") -> Q:
    """Whose bases a person may read: their own, their team's unless private, and public ones."""
    own = Q(**{f"{prefix}owner": principal.user_id, f"{prefix}team": principal.team_id})
    team = Q(**{f"{prefix}team": principal.team_id}) & ~Q(**{f"{prefix}visibility": KnowledgeVisibility.PRIVATE})
    return own | team | Q(**{f"{prefix}visibility": KnowledgeVisibility.PUBLIC})


def _managing(principal: Principal, prefix: str = "") -> Q:
    """Of those, the ones whose contents and settings a person may change."""
    reach = principal.reach(Permission.MANAGE_KNOWLEDGE)
    if reach is Reach.NO or principal.team_id is None:
        return Q(pk__in=[])
    own = Q(**{f"{prefix}owner": principal.user_id, f"{prefix}team": principal.team_id})
    if reach is Reach.OWN:
        return own
    return own | (
        Q(**{f"{prefix}team": principal.team_id}) & ~Q(**{f"{prefix}visibility": KnowledgeVisibility.PRIVATE})
    )


class KnowledgeBaseQuerySet(models.QuerySet["KnowledgeBase"]):
    def visible_to(self, principal: Principal) -> Self:
        """The bases this person may read: search, list, open and cite."""
        return self.filter(_reading(principal))

    def managed_by(self, principal: Principal) -> Self:
        """The bases this person may add documents to, change and delete. A vault is its owner's alone."""
        return self.filter(_managing(principal))

    def containing(self, words: str) -> Self:
        return self.filter(Q(name__icontains=words) | Q(description__icontains=words)) if words else self


class KnowledgeBase(models.Model):
    """Documents that agents and people search together. Private, it is a vault."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="knowledge_bases")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    visibility = models.CharField(
        max_length=7, choices=KnowledgeVisibility.choices, default=KnowledgeVisibility.PRIVATE
    )
    language = models.CharField(max_length=16, choices=Language.choices, default=Language.ENGLISH)
    live_index = models.OneToOneField(
        "KnowledgeIndex", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = KnowledgeBaseQuerySet.as_manager()

    class Meta:
        verbose_name = "knowledge base"
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["team", "visibility"], name="opie_base_of_team")]
        constraints = [
            models.CheckConstraint(
                condition=Q(visibility__in=KnowledgeVisibility.values), name="opie_base_visibility_known"
            ),
            models.CheckConstraint(condition=Q(language__in=Language.values), name="opie_base_language_known"),
            models.CheckConstraint(condition=~Q(name=""), name="opie_base_named"),
        ]

    def __str__(self) -> str:
        return self.name


class KnowledgeIndex(models.Model):
    """A base's chunks as one model embeds them. `width` names the chunk table; vectors that are shorter end in zeros.

    A base has one that is searched, and another while it is embedded anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="indexes")
    platform = models.ForeignKey(
        AIPlatform,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Nothing for the local model.",
    )
    platform_name = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    dimensions = models.PositiveSmallIntegerField()
    width = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, choices=IndexState.choices, default=IndexState.BUILDING)
    graph = models.CharField(max_length=8, choices=GraphState.choices, default=GraphState.NONE)
    # What the ranking of words knows: of how many chunks, of which mean length, and when that was counted.
    counted_chunks = models.PositiveIntegerField(default=0)
    mean_length = models.FloatField(default=0)
    counted_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    problem = models.CharField(max_length=500, blank=True, help_text="Why building it stopped.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "knowledge index"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=IndexState.values), name="opie_index_state_known"),
            models.CheckConstraint(condition=Q(graph__in=GraphState.values), name="opie_index_graph_known"),
            models.CheckConstraint(
                condition=Q(width__in=[384, 768, 1024, 1536, 3072], dimensions__lte=models.F("width")),
                name="opie_index_width_known",
            ),
            models.UniqueConstraint(fields=["base"], condition=Q(state="live"), name="opie_index_one_live"),
            models.UniqueConstraint(fields=["base"], condition=Q(state="building"), name="opie_index_one_building"),
        ]

    def __str__(self) -> str:
        return f"{self.platform_name}/{self.model} ({self.state})"


class KnowledgeSource(models.Model):
    """A web page or a sitemap that a base follows."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=7, choices=SourceKind.choices, default=SourceKind.PAGE)
    url = models.URLField(max_length=2000)
    every = models.CharField(max_length=5, choices=SyncEvery.choices, default=SyncEvery.NEVER)
    most_pages = models.PositiveIntegerField(default=200)
    problem = models.CharField(max_length=500, blank=True, help_text="Why the last time did not work.")
    next_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "knowledge source"
        ordering = ["-id"]
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="opie_source_due")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SourceKind.values), name="opie_source_kind_known"),
            models.CheckConstraint(condition=Q(every__in=SyncEvery.values), name="opie_source_every_known"),
            models.UniqueConstraint(fields=["base", "url"], name="opie_source_once"),
        ]

    def __str__(self) -> str:
        return self.url


def stored_name(document: "KnowledgeDocument", filename: str) -> str:
    """Where a document's file is kept: under a name of ours, whatever the uploaded one says."""
    ending = PurePath(filename).suffix.lower()
    plain = ending if ending[1:].isalnum() and len(ending) <= 10 else ""
    return f"knowledge/{document.base_id}/{uuid7().hex}{plain}"


class KnowledgeDocumentQuerySet(models.QuerySet["KnowledgeDocument"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(_reading(principal, "base__"))

    def managed_by(self, principal: Principal) -> Self:
        return self.filter(_managing(principal, "base__"))


class KnowledgeDocument(models.Model):
    """One document of a base: what was handed in, how far reading it is, and what came of it.

    While a changed document is read again its earlier chunks are still found.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="documents")
    source = models.ForeignKey(
        KnowledgeSource, on_delete=models.CASCADE, null=True, blank=True, related_name="documents"
    )
    kind = models.CharField(max_length=4, choices=DocumentKind.choices, default=DocumentKind.FILE)
    title = models.CharField(max_length=300)
    file = models.FileField(upload_to=stored_name, max_length=300, blank=True)
    file_name = models.CharField(max_length=255, blank=True, help_text="As it was called where it came from.")
    media_type = models.CharField(max_length=120, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    url = models.URLField(max_length=2000, blank=True)
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    dated = models.DateField(null=True, blank=True, help_text="The date that filters go by.")
    status = models.CharField(max_length=10, choices=DocumentStatus.choices, default=DocumentStatus.PENDING)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it failed, and what to do about it.")
    reason_code = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file that was read last.")
    version = models.PositiveIntegerField(default=0, help_text="How often its chunks were replaced.")
    parts_total = models.PositiveIntegerField(null=True, blank=True, help_text="Pages, slides or sheets, once known.")
    parts_done = models.PositiveIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(default=0)
    character_count = models.PositiveBigIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    claimed_as = models.UUIDField(
        null=True, blank=True, editable=False, help_text="What whoever reads it now signs with."
    )
    not_before = models.DateTimeField(null=True, blank=True, help_text="When the next attempt is due.")
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="When whoever reads it was last heard.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    ready_at = models.DateTimeField(null=True, blank=True)

    objects = KnowledgeDocumentQuerySet.as_manager()

    class Meta:
        verbose_name = "knowledge document"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["base", "-id"], name="opie_document_of_base"),
            models.Index(fields=["status", "id"], condition=~Q(status="ready"), name="opie_document_unready"),
            GinIndex(fields=["tags"], name="opie_document_tags"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=DocumentKind.values), name="opie_document_kind_known"),
            models.CheckConstraint(condition=Q(status__in=DocumentStatus.values), name="opie_document_status_known"),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(reason=""), name="opie_document_failed_for_a_reason"
            ),
            models.UniqueConstraint(
                fields=["source", "url"], condition=Q(source__isnull=False), name="opie_document_page_once"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class AgentKnowledgeQuerySet(models.QuerySet["AgentKnowledge"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(_reading(principal, "base__"))


class AgentKnowledge(models.Model):
    """One base that an agent answers from. Who asks sees of it only what they may see themselves."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="knowledge")
    base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="agents")
    position = models.PositiveSmallIntegerField()

    objects = AgentKnowledgeQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "position"], name="opie_agent_base_position_once"),
            models.UniqueConstraint(fields=["agent", "base"], name="opie_agent_base_once"),
        ]

    def __str__(self) -> str:
        return f"{self.base} of {self.agent}"
