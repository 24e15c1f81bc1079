"""Visitors of widgets: begun with the first message, known as a host's customer if the host signs for them, cleared when
they have long said nothing. Sync."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_of_membership
from apps.accounts.visitors import make_visitor, token_for
from apps.api.errors import InvalidInput, NotFound
from apps.opie.engine.subjects import subject_named
from apps.opie.engine.verifying import Verification, bind_subject
from apps.opie.models import Agent, AgentOSSession, SupportWidget, WidgetVisitor
from apps.opie.models.agents import AgentStatus
from apps.opie.models.runs import LIVE_STATUSES
from apps.opie.models.verifications import VerificationMethod

CUSTOMER = "customer"
# How old what a host signed may be when it is shown first, and how far a host's clock may be ahead.
SIGNED_FOR = timedelta(minutes=5)
AHEAD = timedelta(minutes=1)
# How long it counts from then on, within one page: a visitor may read a while before they write.
PASS_LASTS = timedelta(hours=12)
CLEARED_AT_ONCE = 500
_CUSTOMER_ID = re.compile(r"[\w.@+-]{1,128}", re.ASCII)
_SALT = "opie.widget.customer"


@dataclass(frozen=True, slots=True)
class Begun:
    """A new visitor, and the conversation that they have begun."""

    token: str
    principal: Principal
    session: AgentOSSession


def active_widget(widget_id: UUID) -> SupportWidget:
    """A widget that is switched on and whose agent is published. Raises NotFound."""
    widget = (
        SupportWidget.objects.select_related("agent", "team")
        .filter(pk=widget_id, is_active=True, agent__status=AgentStatus.PUBLISHED)
        .first()
    )
    if widget is None:
        raise NotFound("There is no such widget.", code="widget_not_found")
    return widget


def widget_of(principal: Principal, widget_id: UUID) -> SupportWidget:
    """The widget through which this visitor came. Raises NotFound for any other."""
    if not WidgetVisitor.objects.filter(pk=principal.user_id, widget=widget_id).exists():
        raise NotFound("There is no such widget.", code="widget_not_found")
    return active_widget(widget_id)


@transaction.atomic
def begin_visit(widget: SupportWidget) -> Begun:
    """A visitor's row, and an empty conversation with the widget's agent."""
    membership = make_visitor(widget.team_id)
    WidgetVisitor.objects.create(user=membership.user, widget=widget)
    principal = principal_of_membership(membership.user, membership)
    return Begun(token_for(membership.user), principal, begin_conversation(principal, widget))


def begin_conversation(principal: Principal, widget: SupportWidget) -> AgentOSSession:
    """An empty conversation of a visitor's with the widget's agent."""
    return AgentOSSession.objects.create(
        user_id=principal.user_id, team_id=widget.team_id, agent=widget.agent, widget=widget
    )


def signature_of(widget: SupportWidget, customer_id: str, at: int) -> str:
    """What a host signs, and how: HMAC-SHA256 under the widget's secret, in hex."""
    return hmac.new(widget.secret.encode(), f"customer:{customer_id}:{at}".encode(), hashlib.sha256).hexdigest()


def admit_customer(widget: SupportWidget, customer_id: str, at: int, signature: str) -> str:
    """A pass for the customer that the host signed for. Raises InvalidInput: for a signature that is wrong, and for one
    that was made too long ago, and (`subject_unknown`) for a customer whom the host's code does not know."""
    right = hmac.compare_digest(signature_of(widget, customer_id, at).encode(), signature.lower().encode())
    if not right or not _CUSTOMER_ID.fullmatch(customer_id):
        raise InvalidInput("The signature of the customer is wrong.", code="signature_wrong")
    age = timezone.now().timestamp() - at
    if not -AHEAD.total_seconds() <= age <= SIGNED_FOR.total_seconds():
        raise InvalidInput("The signature of the customer was not made just now.", code="signature_old")
    return signing.dumps({"widget": str(widget.pk), CUSTOMER: subject_named(CUSTOMER, customer_id)}, salt=_SALT)


def bind_customer(principal: Principal, widget: SupportWidget, session_id: UUID, customer_pass: str) -> Verification:
    """The conversation is the customer's of the pass. Raises InvalidInput for a pass that does not hold, and what
    `bind_subject` raises."""
    try:
        known = signing.loads(customer_pass, salt=_SALT, max_age=PASS_LASTS)
    except signing.BadSignature:
        known = {}
    if known.get("widget") != str(widget.pk):
        raise InvalidInput("Who the customer is has to be said anew.", code="signature_old")
    return bind_subject(principal, session_id, CUSTOMER, known[CUSTOMER], method=VerificationMethod.HOST)


def clear_visitors() -> int:
    """Clear visitors who said nothing for as long as the setting says, with their conversations; answers how many.

    What their answers cost stays in the ledger.
    """
    since = timezone.now() - timedelta(days=settings.OPIE_VISITOR_DAYS)
    talked = AgentOSSession.objects.filter(user_id=OuterRef("pk"))
    quiet = User.objects.filter(
        ~Exists(talked.filter(updated_at__gt=since)),
        ~Exists(talked.filter(runs__status__in=LIVE_STATUSES)),
        is_visitor=True,
        date_joined__lt=since,
    )
    ids = list(quiet.values_list("pk", flat=True)[:CLEARED_AT_ONCE])
    User.objects.filter(pk__in=ids, is_visitor=True).delete()
    return len(ids)


def fits_widget(agent: Agent) -> str | None:
    """Why this agent cannot be offered by a widget; None for one that can."""
    if agent.visibility == "private":
        return "A private agent cannot be offered to visitors. Show it to the team first."
    if agent.status != AgentStatus.PUBLISHED:
        return "Publish the agent first."
    if agent.kind == "auto":
        return "An agent that passes every message on cannot be offered to visitors. Choose the one that answers."
    return None
