"""AgentOSConfig: how Django's rows become Agno's agents and an AgentOS. Made to be extended.

A host subclasses it, overrides what it wants different, and names the class in AGENTOS_CONFIG.
"""

import functools
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_for
from apps.opie.engine import builder
from apps.opie.engine.recorded import RecordedAgent, RecordedTeam
from apps.opie.models import Agent

if TYPE_CHECKING:
    from agno.os import AgentOS


class AgentOSConfig:
    """The bridge's public face. Holds no state of a request: one instance serves a process."""

    def create_agent_from_django(
        self,
        django_agent: Agent,
        user: User | Principal,
        session_id: UUID | str | None = None,  # noqa: ARG002
    ) -> RecordedAgent | RecordedTeam:
        """The Agno agent (or team) that answers as this row for this person; its `arun` records itself.

        Override to change how agents are built: call super(), change the result, return it. `session_id` is the
        session it is built for, None for a new one. Raises Unavailable when no platform can serve the agent.
        """
        principal = user if isinstance(user, Principal) else principal_for(user)
        built = builder.build(django_agent, principal)
        if isinstance(built.tools, list):
            built.tools.extend(self.extra_tools(django_agent, principal))
        return built

    def extra_tools(self, django_agent: Agent, principal: Principal) -> list[Any]:  # noqa: ARG002
        """Tools that a host adds to an agent beyond those named in its row: callables or Agno tools."""
        return []

    def initialize_agent_os(self, user: User | Principal | None = None) -> "AgentOS":
        """An AgentOS over the agents of the rows: all, or those served to one person; `.agents` is a list."""
        from apps.opie.agentos.server import build_agent_os

        principal = user if isinstance(user, Principal) or user is None else principal_for(user)
        return build_agent_os(self, principal)


@functools.cache
def _config_class(dotted_path: str) -> AgentOSConfig:
    made = import_string(dotted_path)()
    if not isinstance(made, AgentOSConfig):
        raise TypeError(f"{dotted_path} is not a subclass of AgentOSConfig")
    return made


class _Current:
    """The configured AgentOSConfig, looked up when it is used: `agent_os_config.create_agent_from_django(…)`."""

    def __call__(self) -> AgentOSConfig:
        return _config_class(settings.AGENTOS_CONFIG)

    def __getattr__(self, name: str) -> Any:
        return getattr(self(), name)


agent_os_config = _Current()
