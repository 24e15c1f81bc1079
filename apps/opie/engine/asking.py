"""Asking an agent: found as it is now, built by the host's config, opened, started. Every door comes through here."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotAllowed, NotFound
from apps.opie import rows
from apps.opie.engine import background, parts
from apps.opie.engine.opening import Ask, OpenedTurn
from apps.opie.engine.served import served_agent
from apps.opie.engine.turn import Turn
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind

if TYPE_CHECKING:
    from apps.opie.engine.recorded import RecordedAgent, RecordedTeam

LONGEST_MESSAGE = 100_000
# Of a run in the background: what it gets unless somebody says otherwise, and what may be asked for.
ATTEMPTS, MOST_ATTEMPTS = 3, 5


async def ask_agent(principal: Principal, agent_id: str, ask: Ask) -> Turn:
    """A turn that runs, or waits for its time. Raises NotAllowed, NotFound for an agent that is not there for this
    person, and what opening and building raise."""
    require_may_run(principal)
    opened = await rows.run(_open_unless_auto, principal, agent_id, ask)
    if isinstance(opened, Agent):
        opened = await _open_for_whoever_fits(principal, opened, ask)
    built, turn = opened
    turn.start(built.agno_run)
    return turn


def open_held(principal: Principal, agent_id: str, ask: Ask) -> Turn:
    """A turn that nobody starts yet. Sync; raises the same."""
    require_may_run(principal)
    return build_and_open(principal, agent_to_ask(principal, agent_id), replace(ask, is_held=True))[1]


def leave_to_worker(principal: Principal, agent_id: str, ask: Ask) -> OpenedTurn:
    """A run that the worker begins once the caller's transaction is committed; nothing, if it is not. Sync; raises the
    same."""
    require_may_run(principal)
    agent = agent_to_ask(principal, agent_id)
    built = parts.build(agent, principal, ask.session_id)
    return background.open_in_background(principal, built, replace(ask, in_background=True))


def require_may_run(principal: Principal) -> None:
    if not principal.may(Permission.RUN_AGENTS):
        raise NotAllowed


def agent_to_ask(principal: Principal, agent_id: str) -> Agent:
    """The agent of this id, when this person may talk to it now. Raises NotFound."""
    agent = served_agent(principal, agent_id)
    if agent is None:
        raise NotFound("There is no such agent.", code="agent_not_found")
    return agent


def checked_message(message: Any, field: str = "message") -> str:
    """The message, or InvalidInput that says what is wrong with it."""
    if not isinstance(message, str) or not message.strip():
        raise InvalidInput(fields={field: ["Write a message."]})
    if len(message) > LONGEST_MESSAGE:
        raise InvalidInput(fields={field: [f"At most {LONGEST_MESSAGE} characters; yours has {len(message)}."]})
    if "\x00" in message:
        raise InvalidInput(fields={field: ["It contains a NUL character."]})
    return message


def checked_session_id(session_id: UUID | str | None) -> UUID | None:
    """A session's id; one that cannot be an id names a session that does not exist."""
    if session_id is None or isinstance(session_id, UUID):
        return session_id
    try:
        return UUID(session_id)
    except (ValueError, AttributeError, TypeError):
        raise NotFound("There is no such session.", code="session_not_found") from None


def checked_attempts(most_attempts: int) -> int:
    if not 1 <= most_attempts <= MOST_ATTEMPTS:
        raise InvalidInput(fields={"most_attempts": [f"Choose a number from 1 to {MOST_ATTEMPTS}."]})
    return most_attempts


_Opened = tuple["RecordedAgent | RecordedTeam", Turn]


def build_and_open(principal: Principal, agent: Agent, ask: Ask) -> _Opened:
    """An agent that `agent_to_ask` answered, built, and a turn of it that is ready to be started. Sync."""
    built = parts.build(agent, principal, ask.session_id)
    return built, built.open(ask)


def _open_unless_auto(principal: Principal, agent_id: str, ask: Ask) -> _Opened | Agent:
    agent = agent_to_ask(principal, agent_id)
    return agent if agent.kind == AgentKind.AUTO else build_and_open(principal, agent, ask)


async def _open_for_whoever_fits(principal: Principal, auto: Agent, ask: Ask) -> _Opened:
    """The message is another agent's to answer; the session stays one with `auto`, which chooses for the next anew."""
    from apps.opie.engine.dispatcher.auto import choose_for_message

    dispatched = replace(await choose_for_message(principal, ask), agent_of_session=auto.pk)
    agent = await rows.run(agent_to_ask, principal, dispatched.agent_id)
    return await rows.run(build_and_open, principal, agent, replace(ask, dispatched=dispatched))
