"""Who speaks in a session: the person it belongs to, or others through them. Sync.

A shop's key that says who its customers are, and a session that is marked as speaking for others (a webhook's), pass on
what many people write. None of it is about the user: nothing is noted of the user there, and nothing that is known of
the user is told there.
"""

from uuid import UUID

from django.db.models import Exists

from apps.accounts.permissions import VERIFY_CUSTOMERS
from apps.accounts.principal import Principal
from apps.opie.models import AgentOSSession


def speaks_for_many(principal: Principal) -> bool:
    """Whether this is a key that says who its customers are."""
    return principal.may(VERIFY_CUSTOMERS)


def marked(session_id: UUID | None) -> Exists:
    """For a query: whether the session is one that speaks for others."""
    sessions = [] if session_id is None else [session_id]
    return Exists(AgentOSSession.objects.filter(pk__in=sessions, speaks_for_others=True))


def only_the_user_speaks(principal: Principal, session_id: UUID | None) -> bool:
    """One statement for a session, none without."""
    if speaks_for_many(principal):
        return False
    if session_id is None:
        return True
    return not AgentOSSession.objects.filter(pk=session_id, speaks_for_others=True).exists()
