"""Conversations from a file that conversation_export.py wrote, as one person's in one team. Sync.

Every conversation comes whole or not at all; one that is there already is left as it is, so that a file can be brought
in again. Ids are new. Nothing in a file makes a customer verified, and no run or cost comes with it.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.agentos.conversation_export import IMPORTED_FROM
from apps.opie.agentos.conversation_file import ConversationInFile, MessageInFile, read_sent
from apps.opie.limits.windows import lock_number
from apps.opie.models import Agent, AgentOSMessage, AgentOSSession, MessageReaction

AT_A_TIME = 500


@dataclass(slots=True)
class Imported:
    """What came of one conversation: new, or there already; and agents that are not there for the person."""

    id_in_file: UUID
    session_id: UUID
    is_new: bool
    missing_agents: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """What came of a file, conversation by conversation."""

    conversations: list[Imported]

    @property
    def new(self) -> list[UUID]:
        """The sessions that were made."""
        return [one.session_id for one in self.conversations if one.is_new]

    @property
    def known(self) -> int:
        """How many were there already."""
        return sum(not one.is_new for one in self.conversations)

    @property
    def missing_agents(self) -> list[str]:
        """The agents that are not there for the person, by name."""
        return sorted(set().union(*(one.missing_agents for one in self.conversations)))

    def as_json(self) -> dict[str, Any]:
        return {
            "imported": len(self.new),
            "already_there": self.known,
            "missing_agents": self.missing_agents,
            "conversations": [
                {"id_in_file": str(one.id_in_file), "id": str(one.session_id), "is_new": one.is_new}
                for one in self.conversations
            ],
        }


def import_sent(principal: Principal, body: bytes) -> BroughtIn:
    """Bring a file in that somebody sent. Raises TooLarge, InvalidInput, and NotAllowed for somebody without a team."""
    return BroughtIn([import_conversation(principal, one) for one in read_sent(body)])


def import_conversation(principal: Principal, data: ConversationInFile) -> Imported:
    """Make the conversation this person's, in the team they act for, unless it is there already. Raises NotAllowed for
    somebody without a team."""
    team_id = principal.acting_team
    with transaction.atomic():
        with connection.cursor() as cursor:  # so that the same file, brought in twice at once, comes once
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(f"import:{principal.user_id}:{team_id}")])
        same = Q(pk=data.id) | Q(**{f"metadata__{IMPORTED_FROM}": str(data.id)})
        known = AgentOSSession.objects.visible_to(principal).filter(same).first()
        if known is not None:
            return Imported(data.id, known.pk, is_new=False)
        return _Import(principal, data).run(team_id)


class _Import:
    """One conversation on its way into rows."""

    def __init__(self, principal: Principal, data: ConversationInFile) -> None:
        self._principal = principal
        self._data = data
        named = {agent_id for agent_id in (data.agent_id, *(one.agent_id for one in data.messages)) if agent_id}
        found = Agent.objects.visible_to(principal).filter(agent_id__in=named)
        self._agents = dict(found.values_list("agent_id", "pk"))
        self._missing = named - set(self._agents)
        self._ids = {message.id: uuid7() for message in data.messages}

    def run(self, team_id: UUID) -> Imported:
        data = self._data
        session = AgentOSSession.objects.create(
            user_id=self._principal.user_id,
            team_id=team_id,
            agent_id=self._agent(data.agent_id),
            title=data.title,
            is_archived=data.is_archived,
            when_busy=data.when_busy,
            speaks_for_others=data.speaks_for_others,
            metadata=data.metadata | {IMPORTED_FROM: str(data.id)},
            message_count=max((message.number for message in data.messages), default=0),
        )
        for start in range(0, len(data.messages), AT_A_TIME):
            self._store(session, data.messages[start : start + AT_A_TIME])
        AgentOSSession.objects.filter(pk=session.pk).update(
            head=self._ids.get(data.head_id) if data.head_id else None,
            created_at=data.created_at,
            updated_at=data.updated_at,
            last_message_at=data.last_message_at,
        )
        return Imported(data.id, session.pk, is_new=True, missing_agents=self._missing)

    def _store(self, session: AgentOSSession, said: list[MessageInFile]) -> None:
        rows = AgentOSMessage.objects.bulk_create([self._row(session, message) for message in said])
        # Django gives new rows the time of now, whatever they say.
        for row, message in zip(rows, said, strict=True):
            row.created_at = message.created_at
        AgentOSMessage.objects.bulk_update(rows, ["created_at"])
        thought = [(self._ids[message.id], message.reaction) for message in said if message.reaction is not None]
        reactions = MessageReaction.objects.bulk_create(
            MessageReaction(message_id=pk, user_id=self._principal.user_id, reaction=one.reaction, reason=one.reason)
            for pk, one in thought
        )
        for reaction, (_, one) in zip(reactions, thought, strict=True):
            reaction.created_at, reaction.updated_at = one.created_at, one.updated_at
        MessageReaction.objects.bulk_update(reactions, ["created_at", "updated_at"])

    def _row(self, session: AgentOSSession, message: MessageInFile) -> AgentOSMessage:
        same = message.model_dump(mode="json", exclude={"id", "parent_id", "agent_id", "created_at", "reaction"})
        return AgentOSMessage(
            id=self._ids[message.id],
            session=session,
            parent_id=self._ids[message.parent_id] if message.parent_id else None,
            agent_id=self._agent(message.agent_id),
            **same,
        )

    def _agent(self, agent_id: str | None) -> UUID | None:
        return self._agents.get(agent_id) if agent_id else None
