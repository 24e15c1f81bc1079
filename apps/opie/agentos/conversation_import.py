"""Conversations from a file that conversation_export.py wrote, as one person's in one team. Sync.

Every conversation comes whole or not at all; one that is there already is left as it is, so that a file can be brought
in again. Ids are new. Nothing in a file makes a customer verified, and no run or cost comes with it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.api.ids import uuid7
from apps.opie.agentos.conversation_export import FORMAT, IMPORTED_FROM, VERSION
from apps.opie.engine.storable import clean_json
from apps.opie.limits.windows import lock_number
from apps.opie.models import Agent, AgentOSMessage, AgentOSSession, MessageReaction
from apps.opie.models.reactions import LONGEST_REASON

AT_A_TIME = 500
Short = Annotated[str, Field(max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReactionInFile(_Strict):
    reaction: Literal["thumbs_up", "thumbs_down"]
    reason: str = Field("", max_length=LONGEST_REASON)
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ToolCallInFile(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    name: str
    arguments: Any


class MessageInFile(_Strict):
    """The fields of the row. Its parent comes before it."""

    id: UUID
    parent_id: UUID | None = None
    number: int = Field(ge=1, le=2**31 - 1)
    role: Literal["user", "assistant", "tool"]
    is_answer: bool = False
    status: Literal["complete", "failed", "cancelled", "interrupted"] = "complete"
    agent_id: str | None = None
    content: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCallInFile] = []
    tool_call_id: Short = ""
    tool_name: Short = ""
    tool_failed: bool = False
    tool_duration_ms: int | None = Field(None, ge=0, le=2**31 - 1)
    citations: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    created_at: AwareDatetime
    reaction: ReactionInFile | None = None

    @model_validator(mode="after")
    def fits_its_role(self) -> Self:
        if (self.is_answer or self.tool_calls) and self.role != "assistant":
            raise ValueError("Only an assistant's message is an answer or calls tools.")
        if self.reaction is not None and not self.is_answer:
            raise ValueError("Only an answer has a reaction.")
        return self


class ConversationInFile(_Strict):
    """A conversation with all its branches. `user` and `team` say whose it was, and are not heeded."""

    id: UUID
    user: str = ""
    team: str = ""
    agent_id: str | None = None
    title: Short = ""
    is_archived: bool = False
    when_busy: Literal["queue", "steer", "refuse"] = "queue"
    metadata: dict[str, Any] = {}
    head_id: UUID | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    last_message_at: AwareDatetime | None = None
    messages: list[MessageInFile] = []

    @model_validator(mode="after")
    def is_a_tree(self) -> Self:
        seen: set[UUID] = set()
        number = 0
        for message in self.messages:
            if message.id in seen or message.number <= number:
                raise ValueError(f"Message {message.id}: ids are unique, and numbers go up.")
            if message.parent_id is not None and message.parent_id not in seen:
                raise ValueError(f"Message {message.id}: what it follows has to come before it.")
            seen.add(message.id)
            number = message.number
        if self.head_id is not None and self.head_id not in seen:
            raise ValueError("The head is not one of the messages.")
        return self


@dataclass(slots=True)
class Imported:
    """What came of one conversation: new, or there already; and agents that are not there for the person."""

    session_id: UUID
    is_new: bool
    missing_agents: set[str] = field(default_factory=set)


def read_conversations(text: str) -> list[ConversationInFile]:
    """What is in a file, all of it checked. Raises InvalidInput that names each place."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("The file is no JSON. Only the export's format json can be brought in.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        raise InvalidInput(f"This is no export of conversations: format {FORMAT}, version {VERSION} is needed.")
    found = data.get("conversations")
    if not isinstance(found, list):
        raise InvalidInput("The file has no list of conversations.")
    problems: dict[str, list[str]] = {}
    read = []
    for place, one in enumerate(found):
        try:
            read.append(ConversationInFile.model_validate_json(json.dumps(clean_json(one))))
        except ValidationError as error:
            problems |= dict(_problems(place, error))
    if problems:
        raise InvalidInput(fields=problems)
    return read


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
            return Imported(known.pk, is_new=False)
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
        return Imported(session.pk, is_new=True, missing_agents=self._missing)

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


def _problems(place: int, error: ValidationError) -> Iterator[tuple[str, list[str]]]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(str(part) for part in ("conversations", place, *one["loc"]))
        yield path, [one["msg"].removeprefix("Value error, ")]
