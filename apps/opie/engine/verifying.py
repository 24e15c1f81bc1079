"""Knowing for certain whom a conversation is about before a tool shows what is theirs. Sync.

A host recognises somebody in what the *person* wrote (verification_steps.py), or knows them anyway, and says so here.
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
# What an answer's notes say where it asks for a subject of that kind: what the person writes next is meant for who asked.
ASKS_FOR = "asks_for"


@dataclass(frozen=True, slots=True)
class Verification:
    """How far it is: `verified` with the subject, still `wanted`, `expired` (the same subject has to be said again), or
    `given_up` after too many tries, when a person has to see to it.

    Where a code is asked for: `code_wanted` with where it was sent, masked; `code_late` when its time is over;
    `code_not_sent` when there is none, because it could not be sent.
    """

    state: Literal["verified", "wanted", "expired", "given_up", "code_wanted", "code_late", "code_not_sent"]
    subject: str = ""
    tries_left: int = MOST_TRIES
    sent_to: str = ""


def verification_of(session_id: UUID | None, kind: str) -> Verification:
    """How far it is in this session; a run without a session knows nobody."""
    row = SessionVerification.objects.filter(session=session_id, kind=kind).first() if session_id else None
    return state_of(row)


def require_verified(scope: RunScope, kind: str) -> str:
    """The subject that this run's session is about. Raises NotAllowed (`not_verified`) while nobody is known, and notes
    that the person is asked for it."""
    known = verification_of(scope.session_id, kind)
    if known.state == "verified":
        return known.subject
    if known.state != "given_up":
        scope.notes[ASKS_FOR] = kind
    raise NotAllowed(_WHAT_IS_MISSING[known.state].format(kind=kind, sent_to=known.sent_to), code="not_verified")


_ASK = "The {kind} is not verified yet. Ask who they are, and wait."
# In words for the model.
_WHAT_IS_MISSING = {
    "wanted": _ASK,
    "expired": _ASK,
    "given_up": "The {kind} could not be verified. Offer to hand over to a person.",
    "code_wanted": "The {kind} is not verified yet. A code of six digits was sent to {sent_to}: ask for it, and wait.",
    "code_late": "The code that was sent is no longer valid. Ask who they are again: then another is sent.",
    "code_not_sent": "The {kind} is not verified yet, and no code could be sent. Ask to try again later, or offer a person.",
}


def bind_subject(
    principal: Principal,
    session_id: UUID,
    kind: str,
    subject: str,
    *,
    method: VerificationMethod = VerificationMethod.CLAIM,
    lasts: timedelta = LASTS,
) -> Verification:
    """The session is about this subject from now on, until it expires. Audited. A code that was sent is void.

    Raises NotFound for a session that is not this person's, Conflict (`bound_to_another`) where it is another's for good,
    and Conflict (`given_up`) after too many tries, unless the host knows the person.
    """
    if method == VerificationMethod.CODE:
        raise ValueError("Only a code that was sent binds by code (verification_codes.py).")
    with transaction.atomic():
        row = locked_row(principal, session_id, kind)
        if row.subject not in ("", subject):
            raise Conflict(
                f"This conversation is about another {kind}. Start a new one for this {kind}.", code="bound_to_another"
            )
        if row.failed_tries >= MOST_TRIES and method == VerificationMethod.CLAIM:
            raise Conflict("It was tried too often in this conversation.", code="given_up")
        write_verified(principal, row, subject, method, lasts)
    return state_of(row)


def note_failed_try(principal: Principal, session_id: UUID, kind: str) -> Verification:
    """What the person said of themselves leads to nobody. Audited. Raises NotFound like `bind_subject`."""
    with transaction.atomic():
        row = locked_row(principal, session_id, kind)
        if row.failed_tries < MOST_TRIES:
            write_failed_try(principal, row)
    return state_of(row)


def let_try_again(principal: Principal, verification_id: UUID) -> bool:
    """Nothing was tried in vain in that session: for who runs the installation, of anybody's. Audited. Answers whether there
    was anything to forget."""
    with transaction.atomic():
        rows = SessionVerification.objects.select_for_update().filter(pk=verification_id, failed_tries__gt=0)
        row = rows.first()
        if row is None:
            return False
        before = {"kind": row.kind, "tries": row.failed_tries}
        row.failed_tries = 0
        row.save(update_fields=["failed_tries", "updated_at"])
        record(principal, "session.verification_reset", row, before=before, after={"kind": row.kind, "tries": 0})
    return True


def write_verified(
    principal: Principal,
    row: SessionVerification,
    subject: str,
    method: VerificationMethod,
    lasts: timedelta = LASTS,
) -> None:
    """Of a row that is locked."""
    row.subject, row.method, row.failed_tries = subject, method, 0
    row.verified_at = timezone.now()
    row.expires_at = row.verified_at + lasts
    row.forget_code()
    row.save()
    record(principal, "session.verified", row, after={"kind": row.kind, "subject": subject, "method": method})


def write_failed_try(principal: Principal, row: SessionVerification) -> None:
    """Of a row that is locked. The last try takes a code that was sent along."""
    row.failed_tries += 1
    if row.failed_tries >= MOST_TRIES:
        row.forget_code()
    row.save()
    record(principal, "session.verification_failed", row, after={"kind": row.kind, "tries": row.failed_tries})


def locked_row(principal: Principal, session_id: UUID, kind: str) -> SessionVerification:
    """The session's row of that kind, made if there is none, in a transaction. Raises NotFound like `bind_subject`."""
    if not AgentOSSession.objects.visible_to(principal).filter(pk=session_id).exists():
        raise NotFound("There is no such session.", code="session_not_found")
    SessionVerification.objects.bulk_create(
        [SessionVerification(session_id=session_id, kind=kind)], ignore_conflicts=True
    )
    return SessionVerification.objects.select_for_update().get(session=session_id, kind=kind)


def state_of(row: SessionVerification | None) -> Verification:
    """How far it is by that row."""
    if row is None:
        return Verification("wanted")
    left = MOST_TRIES - row.failed_tries
    if row.expires_at is not None and row.expires_at > timezone.now():
        return Verification("verified", row.subject, left)
    if left <= 0:
        return Verification("given_up", tries_left=0)
    if not row.pending_subject:
        return Verification("expired" if row.subject else "wanted", row.subject, left)
    if row.code_expires_at is None:
        return Verification("code_not_sent", row.subject, left)
    if row.code_expires_at <= timezone.now():
        return Verification("code_late", row.subject, left)
    return Verification("code_wanted", row.subject, left, row.code_sent_to)
