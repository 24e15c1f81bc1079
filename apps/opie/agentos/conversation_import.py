"""Conversations from a file that conversation_export.py wrote, as one person's in one team. Sync.

Every conversation comes whole or not at all; one that is there already is left as it is, so that a file can be brought
in again. Ids are new. Nothing in a file makes a customer verified, and no run or cost comes with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.fields.json import KT

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.agentos.conversation_export import IMPORTED_FROM
from apps.opie.agentos.conversation_file import ConversationInFile, MessageInFile, read_sent
from apps.opie.limits.windows import lock_number
from apps.opie.models import Agent, AgentOSMessage, AgentOSSession, MessageReaction

AT_A_TIME, MESSAGES_AT_A_TIME = 100, 500
# Numbers beyond it are given anew, so that there is room for what is said afterwards.
LAST_NUMBER = 10**9
_NOT_OF_THE_ROW = {"id", "parent_id", "number", "agent_id", "created_at", "reaction"}
# When each was said: Django gives new rows the time of now, and writes other times with one CASE for each row.
_TIMES = """
    UPDATE opie_agentosmessage AS message SET created_at = said.moment
    FROM unnest(%s::uuid[], %s::timestamptz[]) AS said(id, moment) WHERE message.id = said.id
"""


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
    return BroughtIn([one for piece in import_in_pieces(principal, read_sent(body)) for one in piece])


def import_in_pieces(principal: Principal, conversations: Sequence[ConversationInFile]) -> Iterator[list[Imported]]:
    """Make the conversations this person's, in the team they act for, but for those that are there already; a piece of
    them is written at once. Raises NotAllowed for somebody without a team."""
    team_id = principal.acting_team
    for start in range(0, len(conversations), AT_A_TIME):
        yield _import_piece(principal, team_id, conversations[start : start + AT_A_TIME])


@transaction.atomic
def _import_piece(principal: Principal, team_id: UUID, piece: Sequence[ConversationInFile]) -> list[Imported]:
    with connection.cursor() as cursor:  # so that the same file, brought in twice at once, comes once
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(f"import:{principal.user_id}:{team_id}")])
    known = _known(principal, {data.id for data in piece})
    made = _Import(principal, team_id, [data for data in piece if data.id not in known]).run()
    return [made[data.id] if data.id in made else Imported(data.id, known[data.id], is_new=False) for data in piece]


def _known(principal: Principal, ids: set[UUID]) -> dict[UUID, UUID]:
    """The person's session for each of these that is there already: itself, or what an earlier import made of it."""
    own = AgentOSSession.objects.visible_to(principal).annotate(before=KT(f"metadata__{IMPORTED_FROM}"))
    found = own.filter(Q(pk__in=ids) | Q(before__in=[str(one) for one in ids])).values_list("pk", "before")
    known = {UUID(before): pk for pk, before in found if before and UUID(before) in ids}
    return known | {pk: pk for pk, _ in found if pk in ids}


class _Import:
    """Conversations on their way into rows."""

    def __init__(self, principal: Principal, team_id: UUID, conversations: Sequence[ConversationInFile]) -> None:
        self._principal = principal
        self._team_id = team_id
        self._conversations = conversations
        named = {agent_id for data in conversations for agent_id in _agents_in(data)}
        found = Agent.objects.visible_to(principal).filter(agent_id__in=named)
        self._agents = dict(found.values_list("agent_id", "pk"))
        # By place, for an id in a file is the file's alone: two conversations may use the same.
        self._ids = [{message.id: uuid7() for message in data.messages} for data in conversations]

    def run(self) -> dict[UUID, Imported]:
        """What came of each, by its id in the file."""
        sessions = AgentOSSession.objects.bulk_create(self._session(data) for data in self._conversations)
        said = [
            (self._row(session, ids, message, number), message)
            for session, data, ids in zip(sessions, self._conversations, self._ids, strict=True)
            for number, message in zip(_numbers(data), data.messages, strict=True)
        ]
        for start in range(0, len(said), MESSAGES_AT_A_TIME):
            _store(self._principal, said[start : start + MESSAGES_AT_A_TIME])
        for session, data, ids in zip(sessions, self._conversations, self._ids, strict=True):
            session.head_id = ids.get(data.head_id) if data.head_id else None
            # Django gives new rows the time of now, whatever they say.
            session.created_at, session.updated_at = data.created_at, data.updated_at
        AgentOSSession.objects.bulk_update(sessions, ["head", "created_at", "updated_at"])
        return {
            data.id: Imported(data.id, session.pk, is_new=True, missing_agents=_agents_in(data) - self._agents.keys())
            for session, data in zip(sessions, self._conversations, strict=True)
        }

    def _session(self, data: ConversationInFile) -> AgentOSSession:
        return AgentOSSession(
            user_id=self._principal.user_id,
            team_id=self._team_id,
            agent_id=self._agent(data.agent_id),
            title=data.title,
            is_archived=data.is_archived,
            when_busy=data.when_busy,
            speaks_for_others=data.speaks_for_others,
            metadata=data.metadata | {IMPORTED_FROM: str(data.id)},
            message_count=max(_numbers(data), default=0),
            last_message_at=data.last_message_at,
        )

    def _row(
        self, session: AgentOSSession, ids: Mapping[UUID, UUID], message: MessageInFile, number: int
    ) -> AgentOSMessage:
        same = message.model_dump(mode="json", exclude=_NOT_OF_THE_ROW)
        return AgentOSMessage(
            id=ids[message.id],
            session=session,
            number=number,
            parent_id=ids[message.parent_id] if message.parent_id else None,
            agent_id=self._agent(message.agent_id),
            **same,
        )

    def _agent(self, agent_id: str | None) -> UUID | None:
        return self._agents.get(agent_id) if agent_id else None


def _numbers(data: ConversationInFile) -> list[int]:
    numbers = [message.number for message in data.messages]
    return numbers if not numbers or numbers[-1] <= LAST_NUMBER else list(range(1, len(numbers) + 1))


def _agents_in(data: ConversationInFile) -> set[str]:
    return {agent_id for agent_id in (data.agent_id, *(one.agent_id for one in data.messages)) if agent_id}


def _store(principal: Principal, said: Sequence[tuple[AgentOSMessage, MessageInFile]]) -> None:
    AgentOSMessage.objects.bulk_create([row for row, _ in said])
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, [[row.pk for row, _ in said], [message.created_at for _, message in said]])
    thought = [(row.pk, message.reaction) for row, message in said if message.reaction is not None]
    reactions = MessageReaction.objects.bulk_create(
        MessageReaction(message_id=pk, user_id=principal.user_id, reaction=one.reaction, reason=one.reason)
        for pk, one in thought
    )
    for reaction, (_, one) in zip(reactions, thought, strict=True):
        reaction.created_at, reaction.updated_at = one.created_at, one.updated_at
    MessageReaction.objects.bulk_update(reactions, ["created_at", "updated_at"])
