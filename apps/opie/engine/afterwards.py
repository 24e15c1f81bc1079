"""What is done once an answer is stored, by the worker, so that nobody waits for it: summing up, remembering.

The jobs are in the transaction that stores the answer. They know the run's id alone, and read everything else from its
rows when they begin: what was deleted or forbidden meanwhile is not done.
"""

from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal, principal_now
from apps.api.errors import OpieError
from apps.opie import jobs
from apps.opie.models import AgentOSRun

SUMMARIZE = "opie.summarize"
REMEMBER = "opie.remember"


def plan(run: AgentOSRun, *, summary_is_due: bool) -> None:
    """Have the worker do what follows this completed answer, in the caller's transaction. Mostly that is nothing, and
    then it is no statement either."""
    if run.session_id is None or run.agent is None:
        return
    if summary_is_due:
        # One after the other in a session: the second would sum up the same.
        jobs.defer(SUMMARIZE, lock=f"summary of {run.session_id}", run_id=str(run.pk))
    if run.agent.memory:
        jobs.defer(REMEMBER, lock=f"memory of {run.user_id} {run.agent_id}", run_id=str(run.pk))


def principal_of_run(run: AgentOSRun) -> Principal | None:
    """Who the run was for, with the rights of now; None when they or their key may ask nothing any more."""
    try:
        principal = principal_now(run.user_id, run.team_id, run.api_key_id)
    except OpieError:
        return None
    return principal if principal.may(Permission.RUN_AGENTS) else None
