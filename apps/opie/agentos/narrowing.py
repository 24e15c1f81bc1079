"""What a list of sessions is narrowed to by the address that asks for it: the same for lists, exports and pages."""

from datetime import datetime
from uuid import UUID

from django.db.models.functions import Coalesce
from django.http import QueryDict

from apps.api.errors import InvalidInput, NotFound
from apps.opie.agentos.metrics_api import moment_of
from apps.opie.models.sessions import AgentOSSessionQuerySet

MOST_CHOSEN = 200


def narrowed(sessions: AgentOSSessionQuerySet, asked: QueryDict) -> AgentOSSessionQuerySet:
    """By `search` (titles and words), `agent_id`, `is_archived`, `is_empty`, and by the last word said, `from` (or
    `since`) to `to`. Raises InvalidInput."""
    sessions = sessions.containing(asked.get("search", ""))
    if agent_id := asked.get("agent_id"):
        sessions = sessions.filter(agent__agent_id=agent_id)
    if (is_archived := flag_of(asked, "is_archived")) is not None:
        sessions = sessions.filter(is_archived=is_archived)
    if (is_empty := flag_of(asked, "is_empty")) is not None:
        sessions = sessions.filter(message_count=0) if is_empty else sessions.exclude(message_count=0)
    since = moment_of(asked, "from", whole_day=False) or moment_of(asked, "since", whole_day=False)
    return _last_said(sessions, since, moment_of(asked, "to", whole_day=True))


def chosen(sessions: AgentOSSessionQuerySet, asked: QueryDict) -> AgentOSSessionQuerySet:
    """Of these sessions, those that `id` names; all when it names none. Raises InvalidInput, and NotFound unless each of
    them is there."""
    texts = asked.getlist("id")
    if not texts:
        return sessions
    if len(texts) > MOST_CHOSEN:
        raise InvalidInput(fields={"id": [f"Choose at most {MOST_CHOSEN} at a time."]})
    try:
        wanted = {UUID(text) for text in texts}
    except ValueError:
        raise InvalidInput(fields={"id": ["An id is a UUID."]}) from None
    found = sessions.filter(pk__in=wanted)
    if found.count() != len(wanted):
        raise NotFound("One of these conversations is not there.", code="session_not_found")
    return found


def flag_of(asked: QueryDict, name: str) -> bool | None:
    """Whether it is asked for; None where nothing is said. Raises InvalidInput for what is neither true nor false."""
    text = asked.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise InvalidInput(fields={name: ["Say true or false."]})
    return text == "true" if text else None


def _last_said(
    sessions: AgentOSSessionQuerySet, since: datetime | None, until: datetime | None
) -> AgentOSSessionQuerySet:
    if since is None and until is None:
        return sessions
    said = sessions.annotate(last_at=Coalesce("last_message_at", "created_at"))
    period = {"last_at__gte": since, "last_at__lt": until}
    return said.filter(**{name: moment for name, moment in period.items() if moment is not None})
