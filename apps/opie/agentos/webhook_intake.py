"""Letting a signed call in: whose it is, whether it is one that is here already, and the row and the job of a new one."""

import hashlib
import json
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.encryption import decrypt, encrypt
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotSignedIn
from apps.opie.agentos.webhook_signatures import HEADER, parse_signature
from apps.opie.engine.webhook_clearing import keep_longer
from apps.opie.engine.webhook_events import event_type_named
from apps.opie.engine.webhook_work import tell_worker
from apps.opie.models import Webhook, WebhookEvent

DEEPEST = 50


class NotSigned(NotSignedIn):
    """The one answer to a name that nobody has and to a signature that does not hold."""

    code = "signature_invalid"
    message = (
        "There is no such webhook, or the signature does not hold. Check the name, the secret and the signed bytes."
    )

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.headers = {"WWW-Authenticate": HEADER}


def signer_of(name: str, header: str, body: bytes) -> Webhook:
    """The webhook that signed these bytes. Raises NotSigned, and NotAllowed for one that is switched off."""
    signature = parse_signature(header)
    if signature is None:
        raise NotSigned(f"Sign the call: {HEADER}: t=<unix time>,v1=<HMAC-SHA256 of time.body>.", code="not_signed")
    now = timezone.now()
    if not signature.is_within(settings.OPIE_WEBHOOK_TOLERANCE_SECONDS, now.timestamp()):
        # Said before anything is looked up: it tells a sender about its clock, and nobody about names.
        raise NotSigned("The signature's time is too far from now. Check your clock, and sign anew.", code="not_now")
    holds = signature.holds(body, _secrets_of(name, now))
    webhook = Webhook.objects.filter(name=name).first() if holds else None
    if webhook is None:
        raise NotSigned
    if not webhook.is_active:
        raise NotAllowed("This webhook is switched off. Ask whoever manages it.", code="webhook_off")
    return webhook


def _secrets_of(name: str, now: datetime) -> list[str]:
    """What a call to this name may be signed with. For a name that nobody has it is a secret that nobody has, decrypted and
    compared like any other, so that time does not tell which names there are."""
    found = Webhook.objects.filter(name=name).values_list("secret", "previous_secret", "previous_until").first()
    if found is None:
        return [decrypt(_nobodys_secret())]
    secret, previous, until = found
    return [secret, previous] if previous and until and until > now else [secret]


@transaction.atomic
def take_in(webhook: Webhook, event_type: str, event_id: str, data: dict[str, Any]) -> WebhookEvent:
    """The event's row, and the job that works on it, in one transaction. The same call again changes nothing.

    Raises InvalidInput for what its type does not take, and Conflict for another call under the same id.
    """
    digest = _digest_of(event_type, data)
    there = _known(webhook, event_id)
    if there is None:
        _check(webhook, event_type, data)
        values = {"event_type": event_type, "data": data, "digest": digest}
        there, is_new = webhook.events.get_or_create(event_id=event_id, defaults=values)
        if is_new:
            tell_worker(there.pk)
            return there
    if there.digest != digest:
        raise Conflict("There is another event under this event_id. Give each event its own.", code="event_id_taken")
    return there


def _known(webhook: Webhook, event_id: str) -> WebhookEvent | None:
    """The event that came under this id, which is kept for as long again. Its row is left alone until it has ended: the
    worker holds it while it works, and nobody should wait for that."""
    there = webhook.events.filter(event_id=event_id).first()
    return None if there is not None and there.processed_at and not keep_longer(there) else there


def _check(webhook: Webhook, event_type: str, data: dict[str, Any]) -> None:
    kind = event_type_named(event_type)
    if event_type not in webhook.event_types:
        raise InvalidInput(fields={"event_type": ["This webhook is not set up for events of this type."]})
    kind.validated(data)


def _digest_of(event_type: str, data: dict[str, Any]) -> str:
    if _is_deeper_than(data, DEEPEST):
        raise InvalidInput(fields={"data": [f"At most {DEEPEST} levels within each other."]})
    said = json.dumps([event_type, data], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def _is_deeper_than(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        inner = [one for holder in layer for one in (holder.values() if isinstance(holder, dict) else holder)]
        layer = [one for one in inner if isinstance(one, dict | list)]
        if not layer:
            return False
    return True


@cache
def _nobodys_secret() -> str:
    return encrypt("opie_webhook_" + "0" * 43)
