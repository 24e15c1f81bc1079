"""A platform as it was when the agent was built: values that may travel between threads and loops."""

from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from apps.opie.models.platforms import LOCAL_API_TYPES, AIPlatform
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

    @classmethod
    def of(cls, row: AIPlatform) -> Self:
        """The snapshot of a row; from here on its key is kept out of the logs."""
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
        )

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
