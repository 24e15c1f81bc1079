"""What an adapter is: how one kind of platform becomes an Agno model."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

if TYPE_CHECKING:
    from agno.models.base import Model

    from apps.opie.providers.embedding.requests import EmbeddingReply, EmbeddingRequest


async def _nothing_to_close(client: Any) -> None:
    """For an adapter without a client."""


def _no_client(platform: PlatformSnapshot) -> Any:  # noqa: ARG001 - the shape of every open
    """For an adapter that needs no network."""
    return None


@dataclass(frozen=True, slots=True)
class Adapter:
    """One kind of platform.

    `build` makes the Agno model that asks it; given a client it uses that one, and without one it must not be asked.
    `open_client` and `close_client` make and close the vendor's SDK client, which is shared by all calls of one event
    loop. `embed` asks it for the vectors of texts; None where it has none to give;
    `list_models` for the names of its models, where a list says all there is; `list_loaded` for what a local server
    has loaded, where it answers whatever it is asked for. Retries are off everywhere: each attempt
    is a call of its own, with its own row.
    """

    build: Callable[[Candidate, Any], "Model"]
    open_client: Callable[[PlatformSnapshot], Any] = _no_client
    close_client: Callable[[Any], Awaitable[None]] = _nothing_to_close
    embed: "Callable[[Any, EmbeddingRequest], Awaitable[EmbeddingReply]] | None" = None
    list_models: Callable[[Any], Awaitable[list[str]]] | None = None
    list_loaded: Callable[[Any], Awaitable[list[str]]] | None = None
    needs_key: bool = False
    default_base_url: str = ""

    def is_usable(self, platform: PlatformSnapshot) -> bool:
        """Whether it could be asked at all: a key where one is needed, an address where there is no default."""
        if self.needs_key and not platform.api_key:
            return False
        return bool(platform.default_model)
