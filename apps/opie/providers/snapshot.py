"""A platform as it was when the agent was built: values that may travel between threads and loops."""

from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from apps.accounts.encryption import KeyMissing
from apps.opie.models.platforms import LOCAL_API_TYPES, AIPlatform, ApiType, UnreadableKey
from apps.opie.providers.redaction import remember_secret


@dataclass(frozen=True, slots=True)
class PlatformSnapshot:
    """What an adapter needs of a platform's row. The key is left out of every representation."""

    id: UUID
    platform_name: str
    api_type: str
    base_url: str
    api_key: str = field(repr=False)
    default_model: str
    timeout: int
    max_tokens: int
    team_id: UUID | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    supports_vision: bool = False
    supports_json_mode: bool = False
    # An address that a team has entered leads nowhere but to the public internet; see providers/connecting.py.
    must_be_public: bool = False
    # A local model that has a server to itself: the row that says so (providers/local_models.py).
    llm_model_id: UUID | None = None

    @classmethod
    def of(cls, row: AIPlatform) -> Self:
        """The snapshot of a row; from here on its key is kept out of the logs. Raises KeyMissing when the key was
        encrypted under one that is gone."""
        if isinstance(row.api_key, UnreadableKey):
            raise KeyMissing
        remember_secret(row.api_key)
        return cls(
            id=row.id,
            platform_name=row.platform_name,
            api_type=row.api_type,
            base_url=row.base_url,
            api_key=row.api_key,
            default_model=row.default_model,
            timeout=row.timeout,
            max_tokens=row.max_tokens,
            team_id=row.team_id,
            requests_per_minute=row.requests_per_minute,
            tokens_per_minute=row.tokens_per_minute,
            supports_vision=row.supports_vision,
            supports_json_mode=row.supports_json_mode,
            must_be_public=bool(row.team_id and row.base_url and not row.may_be_private),
        )

    @property
    def server_id(self) -> UUID:
        """Clients are shared by those with the same one."""
        return self.llm_model_id or self.id

    @property
    def is_local(self) -> bool:
        return self.api_type in LOCAL_API_TYPES


@dataclass(frozen=True, slots=True)
class Candidate:
    """One (platform, model) that may answer, with the agent's wishes already fitted to the platform."""

    platform: PlatformSnapshot
    model: str
    max_tokens: int
    temperature: float | None = None
    # The agent that a host answers for by rule, here and instead of the offline responder.
    responds_for: str = ""


def without_offline(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The candidates that are LLMs: the offline responder can sum nothing up and judge nothing."""
    return tuple(one for one in candidates if one.platform.api_type != ApiType.OFFLINE)
