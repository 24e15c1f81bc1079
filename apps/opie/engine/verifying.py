"""Knowing for certain whom a conversation is about before a tool shows what is theirs. Sync.

A host recognises somebody in what the *person* wrote (in a hook before the run), or knows them anyway, and says so here.
Tools take the subject from here, and never from the model: `require_verified` is the first line of each.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts.audit import record
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotAllowed, NotFound
from apps.opie.models import AgentOSSession, SessionVerification
from apps.opie.models.verifications import VerificationMethod
from apps.opie.scope import RunScope

MOST_TRIES = 3
LASTS = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Verification:
    """How far it is: `verified` with the subject, still `wanted`, `expired` (the same subject has to be said again), or
    `given_up` after too many tries, when a person has to see to it."""

    state: Literal["verified", "wanted", "expired", "given_up"]
    subject: str = ""
    tries_left: int = MOST_TRIES


def verification_of(session_id: UUID | None, kind: str) -> Verification:
    """How far it is in this session; a run without a session knows nobody."""
    row = SessionVerification.objects.filter(session=session_id, kind=kind).first() if session_id else None
    return _state_of(row)


def require_verified(scope: RunScope, kind: str) -> str:
    """The subject that this run's session is about. Raises NotAllowed (`not_verified`) while nobody is known."""
    known = verification_of(scope.session_id, kind)
    if known.state == "verified":
        return known.subject
    if known.state == "given_up":
        raise NotAllowed(f"The {kind} could not be verified. Offer to hand over to a person.", code="not_verified")
    raise NotAllowed(f"The {kind} is not verified yet. Ask who they are, and wait.", code="not_verified")


def bind_subject(
    principal: Principal,
    session_id: UUID,
    kind: str,
    subject: str,
    *,
    method: VerificationMethod = VerificationMethod.CLAIM,
    lasts: timedelta = LASTS,
) -> Verification:
    """The session is about this subject from now on, until it expires. Audited.

    Raises NotFound for a session that is not this person's, Conflict (`bound_to_another`) where it is another's for good,
    and Conflict (`given_up`) after too many tries, unless the host knows the person.
    """
    with transaction.atomic():
        row = _locked(principal, session_id, kind)
        if row.subject not in ("", subject):
            raise Conflict(
                f"This conversation is about another {kind}. Start a new one for this {kind}.", code="bound_to_another"
            )
        if row.failed_tries >= MOST_TRIES and method == VerificationMethod.CLAIM:
            raise Conflict("It was tried too often in this conversation.", code="given_up")
        row.subject, row.method, row.failed_tries = subject, method, 0
        row.verified_at = timezone.now()
        row.expires_at = row.verified_at + lasts
        row.save()
        record(principal, "session.verified", row, after={"kind": kind, "subject": subject, "method": method})
    return _state_of(row)


def note_failed_try(principal: Principal, session_id: UUID, kind: str) -> Verification:
    """What the person said of themselves leads to nobody. Audited. Raises NotFound like `bind_subject`."""
    with transaction.atomic():
        row = _locked(principal, session_id, kind)
        if row.failed_tries < MOST_TRIES:
            row.failed_tries += 1
            row.save(update_fields=["failed_tries", "updated_at"])
            record(principal, "session.verification_failed", row, after={"kind": kind, "tries": row.failed_tries})
    return _state_of(row)


def _locked(principal: Principal, session_id: UUID, kind: str) -> SessionVerification:
    if not AgentOSSession.objects.visible_to(principal).filter(pk=session_id).exists():
        raise NotFound("There is no such session.", code="session_not_found")
    SessionVerification.objects.bulk_create(
        [SessionVerification(session_id=session_id, kind=kind)], ignore_conflicts=True
    )
    return SessionVerification.objects.select_for_update().get(session=session_id, kind=kind)


def _state_of(row: SessionVerification | None) -> Verification:
    if row is None:
        return Verification("wanted")
    left = MOST_TRIES - row.failed_tries
    if row.expires_at is not None and row.expires_at > timezone.now():
        return Verification("verified", row.subject, left)
    if left <= 0:
        return Verification("given_up", tries_left=0)
    return Verification("expired" if row.subject else "wanted", tries_left=left)
