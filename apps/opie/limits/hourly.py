"""How many requests a person, or a visitor who is not signed in, may send to /chat/ and /conversations/ in an hour."""

from django.conf import settings

from apps.accounts.principal import Principal
from apps.api.errors import LimitExceeded
from apps.opie.limits import windows

HOUR = 3600.0


def admit_request(principal: Principal, *, is_visitor: bool = False) -> None:
    """Count one request of this person's, whatever the team and the key. Raises LimitExceeded, which says when to come
    back, and then counts nothing. A limit of 0 is none. Sync."""
    is_visitor = is_visitor or principal.is_visitor
    most = settings.OPIE_REQUESTS_PER_HOUR_VISITOR if is_visitor else settings.OPIE_REQUESTS_PER_HOUR_USER
    if not most:
        return
    name = f"h{'v' if is_visitor else 'u'}{principal.user_id}"
    wait = windows.take(name, 1, most, slot_seconds=windows.HOUR_SLOT_SECONDS)
    if wait is not None:
        # Counted in slots of five minutes it may be a little longer; an hour is what the limit promises.
        wait = min(wait, HOUR)
        raise LimitExceeded(
            f"You may send {most} requests an hour here. Try again in {round(wait / 60) or 1} min.", retry_after=wait
        )
