"""Signing in with a password, and how often that, registering and resetting may be tried."""

import hashlib
from datetime import datetime, timedelta

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import SignInAttempt, User
from apps.api.errors import LimitExceeded

Action = SignInAttempt.Action
_KEPT = timedelta(hours=1)
_WINDOW = timedelta(minutes=5)

# Per window: from one network address for one account; for one account from anywhere; from one address at all.
LIMITS = {Action.SIGN_IN: (5, 50, 100), Action.REGISTER: (5, 10, 30), Action.RESET: (3, 6, 30)}
# Of new visitors: of one widget from one address; of one widget; from one address (a company behind one).
LIMITS |= {Action.VISIT: (30, 600, 60)}


def sign_in(request: HttpRequest, email: str, password: str) -> User | None:
    """The person with that address and password, or None, the same for each way it can be wrong.

    Raises LimitExceeded after too many tries; right ones do not count.
    """
    attempt = note_attempt(request, Action.SIGN_IN, email)
    user = authenticate(request, email=email.lower(), password=password)
    if not isinstance(user, User) or user.is_visitor:
        return None
    attempt.delete()
    return user


def note_attempt(request: HttpRequest, action: SignInAttempt.Action, email: str) -> SignInAttempt:
    """Counts a try before it is made. Raises LimitExceeded when there were too many; the refused ones do not count."""
    account_hash = hashlib.sha256(email.strip().lower().encode(errors="surrogatepass")).hexdigest()
    address = str(request.META.get("REMOTE_ADDR") or "unknown")[:45]
    now = timezone.now()
    SignInAttempt.objects.filter(at__lt=now - _KEPT).delete()
    attempt = SignInAttempt.objects.create(action=action, account_hash=account_hash, address=address, at=now)
    recent = SignInAttempt.objects.filter(action=action, at__gt=now - _WINDOW)
    from_address, for_account = recent.filter(address=address), recent.filter(account_hash=account_hash)
    for tries, limit in zip((from_address & for_account, for_account, from_address), LIMITS[action], strict=True):
        times = list(tries.order_by("-at").values_list("at", flat=True)[: limit + 1])
        if len(times) > limit:
            attempt.delete()
            raise _too_many(times[-1], now)
    return attempt


def _too_many(oldest: datetime, now: datetime) -> LimitExceeded:
    wait = max(1.0, (oldest + _WINDOW - now).total_seconds())
    return LimitExceeded("Too many tries. Wait a few minutes and try again.", retry_after=wait)
