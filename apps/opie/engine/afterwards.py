"""What is done once an answer is stored, by the worker, so that nobody waits for it: summing up, remembering.

The jobs are in the transaction that stores the answer. They know the run's id alone, and read everything else from its
rows when they begin: what was deleted or forbidden meanwhile is not done.
"""

from uuid import UUID

from procrastinate.contrib.django import app

from apps.accounts.models import ApiKey, Team, User
from apps.accounts.principal import Principal, principal_for
from apps.opie.models import Agent, AgentOSRun

SUMMARIZE = "opie.summarize"
REMEMBER = "opie.remember"


def plan(run_id: UUID, session_id: UUID, agent: Agent, *, summary_is_due: bool) -> None:
    """Have the worker do what follows this completed run. In the caller's transaction; no statement where nothing is."""
    if summary_is_due:
        # One after the other in a session: the second would sum up the same.
        app.configure_task(SUMMARIZE, lock=f"summary of {session_id}").defer(run_id=str(run_id))
    if agent.memory:
        app.configure_task(REMEMBER, lock=f"memory of {session_id}").defer(run_id=str(run_id))


def principal_of_run(run: AgentOSRun) -> Principal | None:
    """Who the run was for, with the rights of now; None when they or their key may ask nothing any more."""
    user = User.objects.filter(pk=run.user_id, is_active=True).first()
    team = Team.objects.filter(pk=run.team_id).first()
    api_key = ApiKey.objects.filter(pk=run.api_key_id).first() if run.api_key_id else None
    if user is None or team is None or (api_key is not None and not api_key.usable):
        return None
    principal = principal_for(user, team, api_key)
    return principal if principal.team_id is not None and principal.may("run_agents") else None
