"""Whether one request may come in, and what is known about it while it is answered. Sync code that touches rows."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from apps.accounts.authentication import principal_from_bearer
from apps.accounts.principal import Principal, still_valid
from apps.api.errors import InvalidInput, NotAllowed, NotFound, OpieError
from apps.opie.agentos.intake import Intake
from apps.opie.agentos.letin import Route
from apps.opie.models import Agent, AgentOSMemory, AgentOSRun, AgentOSSession
from apps.opie.models.agents import AgentKind

_TEAM_KINDS = (AgentKind.TEAM,)
_AGENT_KINDS = (AgentKind.TASK, AgentKind.CONVERSATIONAL)


@dataclass
class Admission:
    """One request on its way through AgentOS. `refusal` is the error of ours that Agno has swallowed, if any."""

    principal: Principal
    names_session: bool = False
    refusal: OpieError | None = None


current_admission: ContextVar[Admission | None] = ContextVar("opie_agentos_admission", default=None)


def remember_refusal(error: OpieError) -> None:
    """Keep an error of ours for the answer: Agno turns every exception of a factory into its own 500."""
    admission = current_admission.get()
    if admission is not None:
        admission.refusal = error


def identify(token: str, team_header: str | None, only_user_id: UUID | None) -> Principal:
    """The caller, read from their rows now. Raises NotSignedIn, and NotAllowed where this server is not for them."""
    principal = principal_from_bearer(token, team_header)
    if principal.team_id is None:
        raise NotAllowed("You are in no team, so there is nothing here for you.")
    if only_user_id is not None and principal.user_id != only_user_id:
        raise NotAllowed("This AgentOS was started for another person.")
    return principal


def stays_admitted(principal: Principal) -> bool:
    """Whether an answer that is still being written may go on."""
    return still_valid(principal)


def admit(principal: Principal, route: Route, path_ids: dict[str, str], intake: Intake) -> None:
    """Every agent, session, run and memory that the request names must be this caller's. Raises NotFound, for what
    is not there and for what is somebody else's alike."""
    _require_agent_for_session(route, intake)
    _require_agents(principal, route, intake.agents)
    _require_all(AgentOSSession.objects.visible_to(principal).filter(pk__in=intake.sessions).count(), intake.sessions)
    _require_all(AgentOSMemory.objects.visible_to(principal).filter(pk__in=intake.memories).count(), intake.memories)
    if "run_id" in path_ids:
        _require_run(principal, path_ids, intake)


def _require_agent_for_session(route: Route, intake: Intake) -> None:
    if not route.makes_session:
        return
    needed = "team_id" if intake.query.get("type") == "team" else "agent_id"
    if needed not in intake.body:
        raise InvalidInput(fields={needed: ["This field is required."]})


def _require_agents(principal: Principal, route: Route, agent_ids: Sequence[str]) -> None:
    if not agent_ids:
        return
    served = Agent.objects.served_to(principal)
    if route.path.startswith("/teams"):
        served = served.filter(kind__in=_TEAM_KINDS)
    elif route.path.startswith("/agents"):
        served = served.filter(kind__in=_AGENT_KINDS)
    _require_all(served.filter(agent_id__in=agent_ids).count(), agent_ids)


def _require_all(found: int, wanted: Sequence[object]) -> None:
    if found != len(set(wanted)):
        raise NotFound


def _require_run(principal: Principal, path_ids: dict[str, str], intake: Intake) -> None:
    try:
        runs = AgentOSRun.objects.visible_to(principal).filter(pk=UUID(path_ids["run_id"]))
    except ValueError as error:
        raise NotFound from error
    if intake.sessions:
        runs = runs.filter(session__in=intake.sessions)
    if intake.agents:
        runs = runs.filter(agent__agent_id__in=intake.agents)
    if not runs.exists():
        raise NotFound
