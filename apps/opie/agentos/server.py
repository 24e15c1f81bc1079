"""AgentOS beside Django: the same agents, the same rows, the same recorded way to run.

`application()` is what agentos_start serves. Agno's app is made here, secured, and put behind the gate; there is no
other way to it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from agno.agent.factory import AgentFactory
from agno.factory.utils import RequestContext
from agno.os import AgentOS
from agno.os.middleware.jwt import AuthMiddleware
from agno.os.settings import AgnoAPISettings
from agno.team.factory import TeamFactory
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from fastapi import FastAPI, Request, Response

from apps.accounts.principal import Principal
from apps.api.errors import NotFound, OpieError
from apps.opie import rows
from apps.opie.agentos.acting import acting_principal, require_acting_principal
from apps.opie.agentos.admission import current_admission, remember_refusal
from apps.opie.agentos.authorization import InnerTokens
from apps.opie.agentos.db import DjangoDb
from apps.opie.agentos.gate import Gate
from apps.opie.engine import draining, watching
from apps.opie.engine.live import here
from apps.opie.engine.recorded import RecordedAgent, RecordedTeam
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind, AgentStatus
from apps.opie.providers.clients import close_clients

if TYPE_CHECKING:
    from apps.opie.agentos.config import AgentOSConfig

# The config's create_agent_from_django: (agent with its parts, who acts, their session) → Agno's object.
Build = Callable[[Agent, Principal, str | None], RecordedAgent | RecordedTeam]

ONLY_USER = "OPIE_AGENTOS_USER_ID"

SHOWN_RUNS = 200
# As in the web process (config/lifespan.py): readers go first, then answers end; together within what make run waits.
LET_READERS_GO_SECONDS = 4
DRAIN_SECONDS = 10.0


class ServedAgents:
    """The agents and teams that AgentOS knows: lists that are renewed in place whenever a row has changed."""

    def __init__(self, build: Build, db: DjangoDb, principal: Principal | None = None) -> None:
        self.agents: list[AgentFactory] = []
        self.teams: list[TeamFactory] = []
        self._build = build
        self._db = db
        self._principal = principal
        self._stamp: str | None = None
        self._turn = asyncio.Lock()

    def load(self) -> None:
        """Read what has changed since the last time. Sync."""
        stamp, found = self._read(self._stamp)
        if found is not None:
            self._put(stamp, found)

    async def refresh(self) -> None:
        """The same from async code; the lists change on the loop, between two requests."""
        # One at a time: an older reading must not be put over a newer one.
        async with self._turn:
            stamp, found = await rows.run(self._read, self._stamp)
            if found is not None:
                self._put(stamp, found)

    def _read(self, known: str | None) -> tuple[str, list[Agent] | None]:
        stamp = Agent.objects.stamp()
        if stamp == known:
            return stamp, None
        if self._principal is not None:
            served = Agent.objects.served_to(self._principal)
        else:
            served = Agent.objects.filter(status=AgentStatus.PUBLISHED)
        return stamp, list(served.exclude(kind__in=(AgentKind.WORKFLOW, AgentKind.AUTO)))

    def _put(self, stamp: str, found: list[Agent]) -> None:
        self.teams[:] = [self._factory(TeamFactory, row) for row in found if row.kind == AgentKind.TEAM]
        self.agents[:] = [self._factory(AgentFactory, row) for row in found if row.kind != AgentKind.TEAM]
        self._stamp = stamp

    def _factory(self, kind: type[Any], row: Agent) -> Any:
        agent_id = row.agent_id

        async def made(context: RequestContext) -> RecordedAgent | RecordedTeam:
            return await self._make(agent_id, context)

        return kind(id=agent_id, db=self._db, factory=made, name=row.name, description=row.description or None)

    async def _make(self, agent_id: str, context: RequestContext) -> RecordedAgent | RecordedTeam:
        principal = acting_principal.get() or self._principal or require_acting_principal()
        try:
            built = await rows.run(_build_served, self._build, agent_id, principal, context.session_id)
        except OpieError as error:
            remember_refusal(error)
            raise
        admission = current_admission.get()
        named = admission.names_session if admission is not None else bool(context.session_id)
        built.opie_may_name_new_session = not named
        return built


def _build_served(
    build: Build, agent_id: str, principal: Principal, session_id: str | None
) -> RecordedAgent | RecordedTeam:
    agent = Agent.objects.served_to(principal).with_models().filter(agent_id=agent_id).first()
    if agent is None:
        raise NotFound
    return build(agent, principal, session_id)


class OpieAgentOS(AgentOS):
    """Agno's AgentOS over our rows. `served` keeps its lists fresh; `tokens` is the only key to it."""

    def __init__(self, build: Build, principal: Principal | None = None) -> None:
        self.tokens = InnerTokens()
        db = DjangoDb(principal, history_runs=SHOWN_RUNS, figures=True)
        self.served = ServedAgents(build, db, principal)
        super().__init__(
            id="opie",
            name="Opie",
            db=db,
            agents=cast(Any, self.served.agents),
            teams=cast(Any, self.served.teams),
            authorization=self.tokens.authorization(),
            user_isolation=True,
            settings=AgnoAPISettings(docs_enabled=False),
            lifespan=_lifespan,
            auto_provision_dbs=False,
            tracing=False,
            telemetry=False,
        )
        # Agno must look at these very lists, whatever it was given.
        self.agents, self.teams = cast(Any, self.served.agents), cast(Any, self.served.teams)

    def get_app(self) -> FastAPI:
        app = super().get_app()
        app.add_exception_handler(OpieError, cast(Any, _keep_refusal))
        return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001 - Agno's interface
    watching.start()
    yield
    await watching.stop()
    await draining.drain(DRAIN_SECONDS)
    await here.close()
    await close_clients()


async def _keep_refusal(request: Request, error: OpieError) -> Response:  # noqa: ARG001 - Starlette's interface
    remember_refusal(error)
    return Response(status_code=error.http_status)


def gated(agent_os: OpieAgentOS, *, only_user_id: UUID | None = None) -> Gate:
    """AgentOS behind its gate. Raises ImproperlyConfigured for one that is not secured behind it as well."""
    app = agent_os.get_app()
    _refuse_unsecured(agent_os, app)
    return Gate(cast(Any, app), agent_os.tokens, agent_os.served.refresh, only_user_id=only_user_id)


def _refuse_unsecured(agent_os: AgentOS, app: FastAPI) -> None:
    verified = any(isinstance(one.cls, type) and issubclass(one.cls, AuthMiddleware) for one in app.user_middleware)
    if not (verified and agent_os.authorization and agent_os.user_isolation):
        raise ImproperlyConfigured("AgentOS would serve everyone: it must verify callers and keep people apart.")


def build_agent_os(config: "AgentOSConfig", principal: Principal | None = None) -> OpieAgentOS:
    """The AgentOS over every published agent, or over those served to one person."""
    agent_os = OpieAgentOS(config.create_agent_from_django, principal)
    if not _on_a_loop():
        agent_os.served.load()
    return agent_os


def application() -> Gate:
    """The ASGI app of the AgentOS process, for uvicorn's --factory.

    ONLY_USER, set by agentos_start, keeps it to one person. Raises ImproperlyConfigured when AgentOS is off or could
    not be secured.
    """
    from apps.opie.agentos.config import agent_os_config

    if not settings.AGENTOS_ENABLED:
        raise ImproperlyConfigured("AgentOS is switched off: set AGENTOS_ENABLED=true to serve it.")
    only_user = os.environ.get(ONLY_USER)
    agent_os = agent_os_config.initialize_agent_os(None)
    if not isinstance(agent_os, OpieAgentOS):
        raise ImproperlyConfigured("AGENTOS_CONFIG must answer what super().initialize_agent_os() made.")
    return gated(agent_os, only_user_id=UUID(only_user) if only_user else None)


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
