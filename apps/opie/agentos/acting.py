"""Who Agno acts for at the moment: set per request by the gate, or by the run under way."""

from contextvars import ContextVar

from apps.accounts.principal import Principal
from apps.opie.scope import current_scope

acting_principal: ContextVar[Principal | None] = ContextVar("opie_acting_principal", default=None)


class NobodyActs(RuntimeError):  # noqa: N818 - it reads as what happened
    """Rows were asked for on nobody's behalf; nothing is read or written then."""


def require_acting_principal() -> Principal:
    """The principal of the request, or else of the run under way. Raises NobodyActs when there is neither."""
    principal = acting_principal.get()
    if principal is None and (scope := current_scope.get()) is not None:
        principal = scope.principal
    if principal is None:
        raise NobodyActs(
            "This needs a principal: give DjangoDb one, or call it from an authenticated request or a run."
        )
    return principal
