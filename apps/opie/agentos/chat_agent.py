"""Who answers where nobody is named: the agent behind /api/v1/chat/ and new conversations. Sync."""

from django.conf import settings

from apps.accounts.principal import Principal
from apps.api.errors import NotFound
from apps.opie.models import Agent


def chat_agent_of(principal: Principal) -> str:
    """The agent_id of OPIE_CHAT_AGENT where it is there for this person, else of the first that is. Raises NotFound."""
    served = Agent.objects.served_to(principal)
    found = served.filter(agent_id=settings.OPIE_CHAT_AGENT).exists()
    agent_id = settings.OPIE_CHAT_AGENT if found else served.order_by("id").values_list("agent_id", flat=True).first()
    if agent_id is None:
        raise NotFound("There is no agent for you to talk to yet.", code="agent_not_found")
    return str(agent_id)
