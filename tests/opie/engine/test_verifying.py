"""Whom a conversation is about: bound for good, after few tries, by nobody's word but the host's."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.api.errors import Conflict, NotAllowed, NotFound
from apps.opie.engine.verifying import (
    MOST_TRIES,
    bind_subject,
    note_failed_try,
    require_verified,
    verification_of,
)
from apps.opie.models import AgentOSSession, SessionVerification
from apps.opie.models.verifications import VerificationMethod
from apps.opie.scope import RunScope
from tests.opie.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(person: Person) -> AgentOSSession:
    return AgentOSSession.objects.create(user=person.user, team=person.team, title="About an invoice")


def scope_of(person: Person, session: AgentOSSession | None) -> RunScope:
    return RunScope(person.principal, session_id=session.pk if session else None)


def test_nobody_is_known_until_they_are_bound(person: Person, session: AgentOSSession) -> None:
    for unknown in (scope_of(person, session), scope_of(person, None)):
        with pytest.raises(NotAllowed, match="not verified yet") as caught:
            require_verified(unknown, "customer")
        assert caught.value.code == "not_verified"
    assert bind_subject(person.principal, session.pk, "customer", "5").state == "verified"
    assert require_verified(scope_of(person, session), "customer") == "5"
    with pytest.raises(NotAllowed):
        require_verified(scope_of(person, session), "employee")
    entry = AuditEntry.objects.get(action="session.verified")
    assert entry.after == {"kind": "customer", "subject": "5", "method": "claim"}
    assert entry.actor == person.user.email


def test_another_subject_needs_another_conversation(person: Person, session: AgentOSSession) -> None:
    bind_subject(person.principal, session.pk, "customer", "5")
    for method in (VerificationMethod.CLAIM, VerificationMethod.HOST):
        with pytest.raises(Conflict) as caught:
            bind_subject(person.principal, session.pk, "customer", "6", method=method)
        assert caught.value.code == "bound_to_another"
    row = SessionVerification.objects.get()
    row.subject = "6"
    with pytest.raises(IntegrityError, match="bound to its session"), transaction.atomic():
        row.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        SessionVerification.objects.filter(pk=row.pk).update(subject="", method="", verified_at=None, expires_at=None)
    assert require_verified(scope_of(person, session), "customer") == "5"


def test_three_tries_and_then_a_person(person: Person, session: AgentOSSession) -> None:
    left = [note_failed_try(person.principal, session.pk, "customer").tries_left for _ in range(MOST_TRIES + 1)]
    assert left == [2, 1, 0, 0]
    with pytest.raises(Conflict) as caught:
        bind_subject(person.principal, session.pk, "customer", "5")
    assert caught.value.code == "given_up"
    with pytest.raises(NotAllowed, match="hand over to a person"):
        require_verified(scope_of(person, session), "customer")
    assert AuditEntry.objects.filter(action="session.verification_failed").count() == MOST_TRIES
    by_host = bind_subject(person.principal, session.pk, "customer", "5", method=VerificationMethod.HOST)
    assert by_host.state == "verified"


def test_it_expires_and_the_same_subject_may_come_back(person: Person, session: AgentOSSession) -> None:
    bind_subject(person.principal, session.pk, "customer", "5", lasts=timedelta(hours=1))
    SessionVerification.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert verification_of(session.pk, "customer").state == "expired"
    with pytest.raises(NotAllowed):
        require_verified(scope_of(person, session), "customer")
    with pytest.raises(Conflict, match="another customer"):
        bind_subject(person.principal, session.pk, "customer", "6")
    assert bind_subject(person.principal, session.pk, "customer", "5").state == "verified"


def test_sessions_of_others_are_not_there(person: Person, member: Person, session: AgentOSSession) -> None:
    for session_id in (session.pk, uuid4()):
        with pytest.raises(NotFound) as caught:
            bind_subject(member.principal, session_id, "customer", "5")
        assert caught.value.code == "session_not_found"
        with pytest.raises(NotFound):
            note_failed_try(member.principal, session_id, "customer")
    assert not SessionVerification.objects.exists()


def test_the_database_refuses_codes_that_nobody_was_sent(person: Person, session: AgentOSSession) -> None:
    now = timezone.now()
    row = SessionVerification.objects.create(session=session, kind="customer")
    verified = {"subject": "5", "method": "code", "verified_at": now, "expires_at": now + timedelta(hours=1)}
    sent = {"code_hash": "0" * 64, "code_sent_to": "l•••@example.org", "code_expires_at": now + timedelta(minutes=10)}

    def refused(**values: object) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            SessionVerification.objects.filter(pk=row.pk).update(**values)

    refused(**verified)
    refused(**sent)  # for nobody
    refused(pending_subject="5", **{**sent, "code_hash": ""})
    refused(pending_subject="5", **sent, code_tries=3)
    SessionVerification.objects.filter(pk=row.pk).update(pending_subject="5", **sent)
    refused(**{**verified, "subject": "6"})
    refused(**{**verified, "verified_at": now + timedelta(minutes=11)})
    with pytest.raises(IntegrityError), transaction.atomic():
        SessionVerification.objects.create(session=session, kind="employee", **verified)
    SessionVerification.objects.filter(pk=row.pk).update(**verified)
    refused(pending_subject="6")
    with pytest.raises(ValueError, match="Only a code that was sent"):
        bind_subject(person.principal, session.pk, "customer", "5", method=VerificationMethod.CODE)
