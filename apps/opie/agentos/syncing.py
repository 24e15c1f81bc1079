"""Whether each agent can be served as it stands, and what has changed since the last time somebody looked."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.cache import cache

from apps.accounts.principal import Principal
from apps.api.errors import OpieError
from apps.opie.agentos.config import agent_os_config
from apps.opie.agentos.who import principal_serving
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind, AgentStatus

logger = logging.getLogger(__name__)

LAST_SYNC = "agentos_sync_versions"
CREATED, UPDATED, UNCHANGED, REMOVED, BROKEN = "created", "updated", "unchanged", "removed", "broken"


@dataclass(frozen=True)
class Line:
    """What became of one agent."""

    agent_id: str
    version: int | None
    state: str
    detail: str = ""


def report(principal: Principal | None = None, agent_id: str | None = None) -> list[Line]:
    """Builds every agent that is served (to one person, or to anybody) and says what it found. Changes nothing."""
    served = (
        Agent.objects.filter(status=AgentStatus.PUBLISHED) if principal is None else Agent.objects.served_to(principal)
    )
    served = served.exclude(kind=AgentKind.AUTO)  # nothing is built for it
    if agent_id is not None:
        served = served.filter(agent_id=agent_id)
    known = _known()
    lines = [_line(agent, principal, known) for agent in served.with_parts(principal).order_by("agent_id")]
    # Only a look at everything can tell what is gone.
    if principal is None:
        lines += _removed(known, {line.agent_id for line in lines}, agent_id)
    return lines


def remember(lines: list[Line]) -> None:
    """Keeps these versions as what was seen last."""
    known = _known()
    for line in lines:
        if line.version is None:
            known.pop(line.agent_id, None)
        elif line.state != BROKEN:
            known[line.agent_id] = line.version
    cache.set(LAST_SYNC, known, timeout=None)


def _known() -> dict[str, int]:
    return dict(cache.get(LAST_SYNC) or {})


def _line(agent: Agent, principal: Principal | None, known: dict[str, int]) -> Line:
    try:
        agent_os_config.create_agent_from_django(agent, principal or principal_serving(agent), None)
    except OpieError as error:
        return Line(agent.agent_id, agent.version, BROKEN, error.message)
    except Exception as error:  # a host's own config may raise anything; the next agent is looked at too
        logger.warning("%s cannot be built", agent.agent_id, exc_info=error)
        return Line(agent.agent_id, agent.version, BROKEN, f"{type(error).__name__}: {error}")
    if agent.agent_id not in known:
        return Line(agent.agent_id, agent.version, CREATED)
    return Line(agent.agent_id, agent.version, UNCHANGED if known[agent.agent_id] == agent.version else UPDATED)


def _removed(known: dict[str, int], found: set[str], agent_id: str | None) -> Iterator[Line]:
    for name in sorted(known.keys() - found):
        if agent_id in (None, name):
            yield Line(name, None, REMOVED, "Not published any more.")
