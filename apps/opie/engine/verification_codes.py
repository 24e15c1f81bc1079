"""The second step of knowing whom a conversation is about: a code that is mailed to the address on record. Sync.

Only a keyed hash of it is kept, bound to its session and its subject. It is good for ten minutes and one use; a wrong one
is a failed try. Nobody's mailbox is flooded: codes are counted over all sessions.
"""

import hashlib
import logging
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Literal
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.accounts.audit import record
from apps.accounts.principal import Principal
from apps.opie.engine.verifying import MOST_TRIES, locked_row, write_failed_try, write_verified
from apps.opie.limits import windows
from apps.opie.models import SessionVerification
from apps.opie.models.verifications import VerificationMethod

logger = logging.getLogger(__name__)

CODE_LASTS = timedelta(minutes=10)
# Somebody who is named twice in a minute is sent one code.
SENT_JUST_NOW = timedelta(minutes=1)
MOST_CODES_AN_HOUR = 3

Tried = Literal["right", "wrong", "late", "none"]


def send_code(principal: Principal, session_id: UUID, kind: str, subject: str, address: str | None) -> None:
    """Wait for a code of this subject's in the session, and mail one to the address once that is stored. Audited.

    Nothing is sent where the session is about somebody else, or was given up. Without an address, after too many codes,
    and when the mail cannot be sent, somebody is waited for who has no code: `code_not_sent`. Raises NotFound for a
    session that is not this person's.
    """
    with transaction.atomic():
        row = locked_row(principal, session_id, kind)
        if row.subject not in ("", subject) or row.failed_tries >= MOST_TRIES:
            return
        if row.pending_subject == subject and _is_fresh(row):
            return
        if not address or not _may_send(session_id, kind, subject):
            if row.pending_subject != subject:
                row.void_code()
            row.pending_subject = subject
            row.save()
            return
        row.pending_subject, code = subject, f"{secrets.randbelow(1_000_000):06}"
        row.code_hash, row.code_sent_to = _hash_of(row, code), masked(address)
        row.code_expires_at, row.code_tries = timezone.now() + CODE_LASTS, 0
        row.save()
        transaction.on_commit(lambda: _mail(principal, row, address, code))


def try_codes(principal: Principal, session_id: UUID, kind: str, typed: Collection[str]) -> Tried:
    """What the person typed against what was sent. Several codes at once are wrong, whatever they are: one guess is one
    try. Audited. Raises NotFound like `send_code`."""
    with transaction.atomic():
        row = locked_row(principal, session_id, kind)
        if row.code_expires_at is None or row.failed_tries >= MOST_TRIES:
            return "none"
        if row.code_expires_at <= timezone.now():
            return "late"
        if len(typed) == 1 and constant_time_compare(row.code_hash, _hash_of(row, next(iter(typed)))):
            write_verified(principal, row, row.pending_subject, VerificationMethod.CODE)
            return "right"
        row.code_tries += 1
        write_failed_try(principal, row)
    return "wrong"


def masked(address: str) -> str:
    """`l•••@embraer.com.br`: enough for its owner to know it by."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"[:254]


def _is_fresh(row: SessionVerification) -> bool:
    return row.code_expires_at is not None and row.code_expires_at > timezone.now() + CODE_LASTS - SENT_JUST_NOW


def _may_send(session_id: UUID, kind: str, subject: str) -> bool:
    """Counted by the session as well: it could name one subject after the other."""
    of_subject = hashlib.sha256(f"{kind}:{subject}".encode()).hexdigest()[:32]
    return all(
        windows.take(name, 1, MOST_CODES_AN_HOUR, slot_seconds=windows.HOUR_SLOT_SECONDS) is None
        for name in (f"codes{session_id}", f"codet{of_subject}")
    )


def _hash_of(row: SessionVerification, code: str) -> str:
    told = f"{row.pk}:{row.kind}:{row.pending_subject}:{code}"
    return salted_hmac("opie.verification-code", told, algorithm="sha256").hexdigest()


def _mail(principal: Principal, row: SessionVerification, address: str, code: str) -> None:
    text = (
        f"Your code is {code}. It is valid for ten minutes.\n\nSomebody who is talking to us says that they are you. If it"
        " is not you, tell nobody the code: there is nothing else to do.\n"
    )
    try:
        send_mail("Your code", text, settings.DEFAULT_FROM_EMAIL, [address])
    except Exception:  # whatever a mail server or its library raises, the person is told that there is no code
        logger.exception("a code could not be mailed")
        sent = SessionVerification.objects.filter(pk=row.pk, code_hash=row.code_hash)
        sent.update(code_hash="", code_sent_to="", code_expires_at=None, code_tries=0)
        return
    told = {"kind": row.kind, "subject": row.pending_subject, "sent_to": row.code_sent_to}
    record(principal, "session.code_sent", row, after=told)
