"""AgentOSService: what a host's Python, the REST API and the pages call. One service call a request.

Its methods are sync, as hosts write them; async callers that want to stream use `open_turn` and read the turn.
"""

from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal, principal_for
from apps.api.errors import InvalidInput, NotAllowed
from apps.opie import rows
from apps.opie.engine.asking import (
    ATTEMPTS,
    LONGEST_MESSAGE,
    MOST_ATTEMPTS,
    agent_to_ask,
    ask_agent,
    checked_attempts,
    checked_message,
    checked_session_id,
    leave_to_worker,
)
from apps.opie.engine.loop import run_and_wait
from apps.opie.engine.opening import Ask
from apps.opie.engine.outcome import RunResult, result_of_run
from apps.opie.engine.turn import Turn
from apps.opie.metrics.agents import figures_of_agents
from apps.opie.models import Agent, AgentOSSession, WidgetVisitor

__all__ = ["ATTEMPTS", "LONGEST_MESSAGE", "LONGEST_TITLE", "MOST_ATTEMPTS", "AgentOSService", "checked_message"]

LONGEST_TITLE = 200


class AgentOSService:
    """Acts for one person: a User (in their default team) or a Principal."""

    def __init__(self, user: User | Principal) -> None:
        self.principal = user if isinstance(user, Principal) else principal_for(user)

    def get_available_agents(self) -> list[dict[str, Any]]:
        """The agents this person may use, each as the REST API shows it, with capabilities and figures."""
        self._require(Permission.VIEW_AGENTS)
        agents = list(Agent.objects.served_to(self.principal).with_parts(self.principal))
        figures = figures_of_agents([agent.pk for agent in agents], self.principal)
        return [agent.definition() | {"metrics": figures[agent.pk].as_json()} for agent in agents]

    def create_session(self, agent_id: str, title: str = "", *, speaks_for_others: bool = False) -> AgentOSSession:
        """A new, empty session with an agent. Where other people are to speak in it through this person, say so, and
        nothing of it is taken for theirs. Raises NotFound for an agent that is not there for this person."""
        self._require(Permission.RUN_AGENTS)
        if len(title) > LONGEST_TITLE:
            raise InvalidInput(fields={"title": [f"At most {LONGEST_TITLE} characters."]})
        visitor = WidgetVisitor.objects.filter(pk=self.principal.user_id).first() if self.principal.is_visitor else None
        return AgentOSSession.objects.create(
            widget_id=visitor.widget_id if visitor else None,
            user_id=self.principal.user_id,
            team_id=self.principal.acting_team,
            agent=agent_to_ask(self.principal, agent_id),
            title=title.strip(),
            speaks_for_others=speaks_for_others,
        )

    def send_message(
        self, agent_id: str, message: str, session_id: UUID | str | None = None, *, raise_failure: bool = True
    ) -> RunResult:
        """Ask an agent and wait for the answer. Raises InvalidInput, NotAllowed, NotFound, Conflict, and what the
        platform failed with (PlatformFailed) unless told not to; the failed run is recorded either way."""

        async def ask() -> RunResult:
            turn = await self.open_turn(agent_id, message, session_id)
            return await turn.result()

        result = run_and_wait(ask())
        if raise_failure:
            result.raise_for_failure()
        return result

    def leave_message(
        self, agent_id: str, message: str, session_id: UUID | str, *, most_attempts: int = ATTEMPTS
    ) -> UUID | None:
        """Put a message into a session for the worker to have answered; answers the run's id, or None where a person has
        taken the session over and answers. All in the caller's transaction: what is rolled back is not asked. Raises like
        send_message, but for what a platform fails with."""
        checked_attempts(most_attempts)
        text, session = checked_message(message), checked_session_id(session_id)
        ask = Ask(text, session_id=session, most_attempts=most_attempts)
        opened = leave_to_worker(self.principal, agent_id, ask)
        return None if opened.is_for_person else opened.run_id

    def run_task(
        self,
        agent_id: str,
        message: str,
        *,
        background: bool = False,
        most_attempts: int = ATTEMPTS,
        raise_failure: bool = True,
    ) -> RunResult:
        """Give an agent a task that belongs to no session, and wait for what comes of it. In the background it is
        left to the worker, and what is answered says how far it is: look at the run again, by its id. Raises like
        send_message, and LimitExceeded while too many wait already."""

        async def ask() -> RunResult:
            turn = await self.open_task(agent_id, message, background=background, most_attempts=most_attempts)
            return await (rows.run(result_of_run, turn.run_id) if background else turn.result())

        result = run_and_wait(ask())
        if raise_failure and not background:
            result.raise_for_failure()
        return result

    async def open_task(
        self, agent_id: str, message: str, *, background: bool = False, most_attempts: int = ATTEMPTS
    ) -> Turn:
        """The same for async callers: a turn that runs, or that the worker will find."""
        checked_attempts(most_attempts)
        return await self.ask(
            agent_id,
            Ask(
                checked_message(message),
                on_its_own=True,
                in_background=background,
                most_attempts=most_attempts if background else 1,
            ),
        )

    async def open_turn(self, agent_id: str, message: str, session_id: UUID | str | None = None) -> Turn:
        """Session → turn (question and run stored) → run started. Read the turn, or leave it: it goes on."""
        return await self.ask(agent_id, Ask(checked_message(message), session_id=checked_session_id(session_id)))

    async def ask(self, agent_id: str, ask: Ask) -> Turn:
        """The same for everything that can be asked: again, changed, in the background, on its own."""
        return await ask_agent(self.principal, agent_id, ask)

    def _require(self, permission: Permission) -> None:
        if not self.principal.may(permission):
            raise NotAllowed
