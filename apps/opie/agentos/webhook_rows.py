"""Webhooks as their owner makes, changes and sees them. Secrets are shown once, and never again."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.audit import record
from apps.accounts.models import Membership, Team, User
from apps.accounts.principal import Principal, principal_now, principal_of_membership
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie.engine.webhook_events import known_event_types
from apps.opie.engine.webhook_work import try_again
from apps.opie.models import Webhook, WebhookEvent

# So that logs know it for a secret (apps/api/middleware.py).
SECRET_START = "opie_webhook_"  # noqa: S105 - what it begins with
PREVIOUS_LASTS = timedelta(days=1)
MOST_OF_TEAM = 50


def own_webhook(principal: Principal, webhook_id: UUID, *, locked: bool = False) -> Webhook:
    """The team's webhook of this id. Raises NotFound, for another team's too."""
    webhooks = Webhook.objects.visible_to(principal)
    webhook = (webhooks.select_for_update() if locked else webhooks).filter(pk=webhook_id).first()
    if webhook is None:
        raise NotFound("There is no such webhook.", code="webhook_not_found")
    return webhook


@transaction.atomic
def create_webhook(principal: Principal, values: dict[str, Any]) -> Webhook:
    """A new webhook of the person's team. Raises InvalidInput, NotAllowed, and Conflict for a name that is taken and for
    one too many."""
    _refuse_one_too_many(principal)
    webhook = Webhook(team_id=principal.acting_team, created_by_id=principal.user_id, secret=_new_secret())
    _put(principal, webhook, {"acts_for": principal.user_id} | values)
    try:
        with transaction.atomic():
            webhook.save(force_insert=True)
    except IntegrityError as error:
        if "opie_webhook_name" not in str(error):
            raise
        raise Conflict("There is a webhook of this name. Choose another.", code="webhook_name_taken") from None
    record(principal, "webhook.created", webhook, after=_audited(webhook))
    return webhook


@transaction.atomic
def change_webhook(principal: Principal, webhook_id: UUID, values: dict[str, Any]) -> Webhook:
    """Change what is given. Raises like create_webhook; a name stays, since it stands in the sender's address."""
    webhook = own_webhook(principal, webhook_id, locked=True)
    before = _audited(webhook)
    _put(principal, webhook, values)
    webhook.save()
    record(principal, "webhook.changed", webhook, before=before, after=_audited(webhook))
    return webhook


@transaction.atomic
def rotate_secret(principal: Principal, webhook_id: UUID, *, keep_previous: bool) -> Webhook:
    """A new secret. The one before holds for a day more, unless it is not to be trusted any longer."""
    webhook = own_webhook(principal, webhook_id, locked=True)
    until = timezone.now() + PREVIOUS_LASTS if keep_previous else None
    webhook.previous_secret, webhook.previous_until = (webhook.secret if keep_previous else ""), until
    webhook.secret = _new_secret()
    webhook.save()
    record(principal, "webhook.secret_rotated", webhook, after={"keep_previous": keep_previous})
    return webhook


@transaction.atomic
def delete_webhook(principal: Principal, webhook_id: UUID) -> None:
    """Its events go with it; what they led to stays."""
    webhook = own_webhook(principal, webhook_id, locked=True)
    record(principal, "webhook.deleted", webhook, before=_audited(webhook))
    webhook.delete()


def own_event(principal: Principal, event_id: UUID) -> WebhookEvent:
    """The event of this id of one of the team's webhooks. Raises NotFound, for another team's too."""
    event = WebhookEvent.objects.visible_to(principal).select_related("webhook").filter(pk=event_id).first()
    if event is None:
        raise NotFound("There is no such event.", code="event_not_found")
    return event


@transaction.atomic
def retry_event(principal: Principal, event_id: UUID) -> WebhookEvent:
    """Have an event that has failed worked on again. Raises NotFound, and Conflict for one that has not failed."""
    event = own_event(principal, event_id)
    try_again(event)
    record(principal, "webhook.event_retried", event.webhook, after={"event_id": event.event_id})
    return event


def who_may_act(principal: Principal) -> list[User]:
    """The people whom this person may have a webhook act for: those of the team who may do no more than they."""
    members = Membership.objects.people().filter(team_id=principal.acting_team, user__is_active=True)
    people = [(one.user, principal_of_membership(one.user, one)) for one in members.select_related("user")]
    return [user for user, other in people if other.permissions <= principal.permissions]


def webhook_as_json(webhook: Webhook) -> dict[str, Any]:
    """A webhook without its secrets."""
    until = webhook.previous_until
    return {
        "webhook_id": str(webhook.pk),
        "name": webhook.name,
        "address": f"/api/v1/agentos/webhook/{webhook.name}/",
        "acts_for": str(webhook.acts_for_id),
        "event_types": webhook.event_types,
        "is_active": webhook.is_active,
        "previous_secret_until": until.isoformat() if until and until > timezone.now() else None,
        "created_at": webhook.created_at.isoformat(),
        "updated_at": webhook.updated_at.isoformat(),
    }


def event_as_json(event: WebhookEvent) -> dict[str, Any]:
    """How an event fares. What it says is a customer's, and is not shown."""
    return {
        "id": str(event.pk),
        "event_id": event.event_id,
        "event_type": event.event_type,
        "status": event.status,
        "attempts": event.attempts,
        "error": event.error,
        "result": event.result,
        "received_at": event.received_at.isoformat(),
        "processed_at": event.processed_at.isoformat() if event.processed_at else None,
    }


def _put(principal: Principal, webhook: Webhook, values: dict[str, Any]) -> None:
    values = dict(values)
    if "acts_for" in values:
        _check_may_act_for(principal, values["acts_for"])
        webhook.acts_for_id = values.pop("acts_for")
    unknown = sorted(set(values.get("event_types", ())) - known_event_types().keys())
    if unknown:
        raise InvalidInput(fields={"event_types": [f"Nothing here takes {', '.join(unknown)}."]})
    for name, value in values.items():
        setattr(webhook, name, value)


def _check_may_act_for(principal: Principal, user_id: UUID) -> None:
    """Somebody of the team, with no more rights than whoever says so: nobody gets more by a webhook than they have."""
    try:
        other = principal_now(user_id, principal.acting_team)
    except NotAllowed:
        raise InvalidInput(fields={"acts_for": ["There is no such person in the team."]}) from None
    if not other.permissions <= principal.permissions:
        raise InvalidInput(fields={"acts_for": ["This person may do more than you: a webhook may not."]})


def _refuse_one_too_many(principal: Principal) -> None:
    Team.objects.select_for_update(no_key=True).get(pk=principal.acting_team)  # parallel requests count one by one
    if Webhook.objects.visible_to(principal).count() >= MOST_OF_TEAM:
        raise Conflict(f"A team may have {MOST_OF_TEAM} webhooks. Delete one that is not needed.", code="too_many")


def _new_secret() -> str:
    return SECRET_START + secrets.token_urlsafe(32)


def _audited(webhook: Webhook) -> dict[str, Any]:
    told = ("name", "event_types", "is_active")
    return {name: getattr(webhook, name) for name in told} | {"acts_for": str(webhook.acts_for_id)}
