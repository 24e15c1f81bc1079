"""Tags for calls of tools that wait for a person's yes."""

from typing import Any

from django import template

from apps.opie.models import AgentOSApproval
from apps.opie.web.approvals import card_of

register = template.Library()


@register.inclusion_tag("agentos/parts/approval.html", takes_context=True)
def approval_card(context: template.Context, approval: AgentOSApproval, *, read_only: Any = False) -> dict[str, Any]:
    """The card of one approval, for whoever reads the page. Read only, it can be looked at and not decided."""
    return {
        "card": card_of(context["principal"], approval),
        "read_only": bool(read_only),
        "request": context.get("request"),
    }
