"""Widgets as they are made and changed: the use cases behind /api/v1/agentos/widgets/ and its page. Sync, audited."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.audit import record
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotAllowed, NotFound
from apps.opie.engine.visiting import fits_widget
from apps.opie.models import Agent, SupportWidget
from apps.opie.models.widgets import checked_origin, new_secret

_CHANGED_AS_SAID = ("name", "greeting", "is_active")


def widget_as_json(widget: SupportWidget) -> dict[str, Any]:
    """A widget without its secret."""
    return {
        "id": str(widget.pk),
        "name": widget.name,
        "agent_id": widget.agent.agent_id,
        "greeting": widget.greeting,
        "allowed_origins": list(widget.allowed_origins),
        "is_active": widget.is_active,
        "created_at": widget.created_at.isoformat(),
        "updated_at": widget.updated_at.isoformat(),
    }


def find_widget(principal: Principal, widget_id: UUID) -> SupportWidget:
    """One that this person may see, and so may change. Raises NotFound."""
    widget = SupportWidget.objects.visible_to(principal).select_related("agent").filter(pk=widget_id).first()
    if widget is None:
        raise NotFound("There is no such widget.", code="widget_not_found")
    return widget


@transaction.atomic
def make_widget(principal: Principal, wanted: Mapping[str, Any]) -> SupportWidget:
    """A new widget, with a secret that is answered once. Raises NotAllowed, and InvalidInput naming what does not fit."""
    if not principal.may(Permission.MANAGE_AGENTS):
        raise NotAllowed
    widget = SupportWidget(
        team_id=principal.acting_team,
        created_by_id=principal.user_id,
        agent=_agent(principal, wanted["agent_id"]),
        allowed_origins=_origins(wanted["allowed_origins"]),
    )
    for name in _CHANGED_AS_SAID:
        if name in wanted:
            setattr(widget, name, wanted[name])
    widget.save()
    record(principal, "widget.created", widget, after=widget_as_json(widget))
    return widget


@transaction.atomic
def change_widget(principal: Principal, widget_id: UUID, changes: Mapping[str, Any]) -> SupportWidget:
    """Changes what is named; with `renew_secret` what was signed under the old one counts no more. Raises as above."""
    widget = find_widget(principal, widget_id)
    before = widget_as_json(widget)
    if "agent_id" in changes:
        widget.agent = _agent(principal, changes["agent_id"])
    if "allowed_origins" in changes:
        widget.allowed_origins = _origins(changes["allowed_origins"])
    for name in _CHANGED_AS_SAID:
        if name in changes:
            setattr(widget, name, changes[name])
    if changes.get("renew_secret"):
        widget.secret = new_secret()
    widget.save()
    record(
        principal,
        "widget.changed",
        widget,
        before=before,
        after={**widget_as_json(widget), "secret_renewed": bool(changes.get("renew_secret"))},
    )
    return widget


@transaction.atomic
def delete_widget(principal: Principal, widget_id: UUID) -> int:
    """Its visitors can go on no more; the team reads what they said until they are cleared. Answers how many
    conversations these are. Raises NotFound."""
    widget = find_widget(principal, widget_id)
    count = conversation_count(widget)
    record(principal, "widget.deleted", widget, before=widget_as_json(widget) | {"conversations": count})
    widget.delete()
    return count


def conversation_count(widget: SupportWidget) -> int:
    """Those in which something was said: what the team sees of the widget."""
    return widget.sessions.filter(message_count__gt=0).count()


def _agent(principal: Principal, agent_id: str) -> Agent:
    """Who manages only their own agents offers only those: what visitors ask is the team's to pay."""
    agents = Agent.objects.visible_to(principal)
    if principal.reach(Permission.MANAGE_AGENTS) is not Reach.YES:
        agents = agents.filter(owner_id=principal.user_id)
    agent = agents.filter(agent_id=agent_id).first()
    if agent is None:
        raise InvalidInput(fields={"agent_id": ["There is no agent of this id that you may offer."]})
    if problem := fits_widget(agent):
        raise InvalidInput(fields={"agent_id": [problem]})
    return agent


def _origins(said: list[str]) -> list[str]:
    try:
        return list(dict.fromkeys(checked_origin(one) for one in said))
    except ValidationError as error:
        raise InvalidInput(fields={"allowed_origins": list(error.messages)}) from None
