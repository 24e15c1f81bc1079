"""A host's tool tried as an agent would call it, without a model: in the shell, or in a host's tests. Sync."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_for
from apps.api.errors import NotFound
from apps.opie.engine.loop import run_and_wait
from apps.opie.scope import RunScope, current_scope
from apps.opie.tools.registry import functions_for


def try_tool(
    name: str, user: User | Principal, arguments: Mapping[str, Any] | None = None, *, session_id: UUID | None = None
) -> Any:
    """What a model would read of this call for that person: no approval is waited for. It really does what it does.

    Raises NotFound for a tool that is not registered or not for this person, and what a call raises: the OpieError that it
    raises, InvalidInput for arguments that do not fit, or ToolFailed for anything else, which is logged."""
    principal = user if isinstance(user, Principal) else principal_for(user)
    found = functions_for([name], principal=principal)
    if not found:
        raise NotFound(f"There is no tool {name!r} for this person.")
    return run_and_wait(_called(found[0].entrypoint, RunScope(principal, session_id=session_id), arguments or {}))


async def _called(function: Any, scope: RunScope, arguments: Mapping[str, Any]) -> Any:
    token = current_scope.set(scope)
    try:
        return await function(**arguments)
    finally:
        current_scope.reset(token)
