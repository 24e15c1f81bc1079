"""The offline responder: built in, needs nothing."""

from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.opie.providers.adapter import Adapter
from apps.opie.providers.snapshot import Candidate

if TYPE_CHECKING:
    from agno.models.base import Model


def build(candidate: Candidate, client: Any) -> "Model":  # noqa: ARG001 - it has no client
    from apps.opie.providers.host_responders import HostResponder
    from apps.opie.providers.offline import OfflineResponder

    pause = settings.OPIE_OFFLINE_PAUSE_MS / 1000
    if candidate.responds_for:
        return HostResponder(id=candidate.model, pause=pause, responds_for=candidate.responds_for)
    return OfflineResponder(id=candidate.model, pause=pause)


ADAPTER = Adapter(build=build)
