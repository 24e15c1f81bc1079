"""What an export of conversations in JSON has to be to be brought in: everything is checked before anything is written.

A file comes from anybody, and may be made to do harm: to fill the memory, to break the pages that show it, or to have a
vendor asked about somebody else's things. What a vendor left for itself in an answer is therefore not taken from a file.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from agno.db.base import SessionType
from django.conf import settings
from django.utils import timezone
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    model_validator,
)

from apps.api.errors import InvalidInput, TooLarge
from apps.opie.agentos.conversation_export import FORMAT, PROVIDER_DATA, VERSION
from apps.opie.agentos.session_rows import MOST_AGNO_DATA
from apps.opie.agentos.sessions_mapping import AGNO_KEY
from apps.opie.models.reactions import LONGEST_REASON
from apps.opie.storable import clean_json

# Of a file that somebody sends; an operator's may hold more of both. A million values are about 200 MB while they are
# read, and 40,000 messages.
MOST_CONVERSATIONS = 2000
MOST_VALUES = 1_000_000
DEEPEST = 100
MOST_PROBLEMS = 20
MOST_UNKNOWN = 20
LONGEST_NAME = 80
LARGEST_NUMBER = 2**31 - 1
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# The clock of where it was exported may be ahead.
AHEAD = timedelta(days=1)

# A string to its end, or to the end of the text: each character is looked at once.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]++")

Data = dict[str, Any]
Short = Annotated[str, Field(max_length=200)]


def _in_reach(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= timezone.now() + AHEAD:
        raise ValueError("A time lies between the year 1970 and now.")
    return moment


def _source(data: Data) -> Data:
    """A citation, as pages show it: what it leads to has to be a page or a passage."""
    url, chunk_id, number = data.get("url"), data.get("chunk_id"), data.get("number")
    if url and not (isinstance(url, str) and url.lower().startswith(("https://", "http://"))):
        raise ValueError("The url of a source begins with https:// or http://.")
    if chunk_id is not None:
        try:
            UUID(chunk_id)
        except (ValueError, AttributeError, TypeError):
            raise ValueError("The chunk_id of a source is a UUID.") from None
    fits = isinstance(data.get("location") or {}, dict) and isinstance(number, int | None)
    if not fits:
        raise ValueError("The location of a source is an object, and its number a number.")
    return data


def _notes_of_message(data: Data) -> Data:
    if any(not isinstance(data.get(name) or {}, dict) for name in ("error", "notes")):
        raise ValueError("error and notes are objects.")
    return {name: value for name, value in data.items() if name != PROVIDER_DATA}


def _notes_of_session(data: Data) -> Data:
    """What Agno keeps with a session is read by it as it stands."""
    kept = data.get(AGNO_KEY)
    if kept is None:
        return data
    if not isinstance(kept, dict) or kept.get("type", SessionType.AGENT) not in list(SessionType):
        raise ValueError(f"{AGNO_KEY} is an object with the type of a session.")
    parts_fit = all(isinstance(kept.get(name) or {}, dict) for name in ("session_data", "metadata"))
    if not parts_fit or not isinstance(kept.get("component_id"), str | None):
        raise ValueError(f"{AGNO_KEY} has objects as session_data and metadata, and a text as component_id.")
    if len(json.dumps(kept)) > MOST_AGNO_DATA:
        raise ValueError(f"{AGNO_KEY} takes at most {MOST_AGNO_DATA} bytes.")
    return data


Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def has_few_unknown_fields(cls, data: Any) -> Any:
        """Each of them would be an error of its own."""
        if isinstance(data, dict) and len(data.keys() - cls.model_fields.keys()) > MOST_UNKNOWN:
            raise ValueError(f"More than {MOST_UNKNOWN} fields are not known here.")
        return data


class ReactionInFile(_Strict):
    reaction: Literal["thumbs_up", "thumbs_down"]
    reason: str = Field("", max_length=LONGEST_REASON)
    created_at: Moment
    updated_at: Moment


class ToolCallInFile(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    name: str
    arguments: Any


class MessageInFile(_Strict):
    """The fields of the row. Its parent comes before it."""

    id: UUID
    parent_id: UUID | None = None
    number: int = Field(ge=1, le=LARGEST_NUMBER)
    role: Literal["user", "assistant", "tool"]
    is_answer: bool = False
    status: Literal["complete", "failed", "cancelled", "interrupted"] = "complete"
    agent_id: str | None = None
    content: str = ""
    reasoning: str = ""
    tool_calls: Annotated[list[ToolCallInFile], FailFast()] = []
    tool_call_id: Short = ""
    tool_name: Short = ""
    tool_failed: bool = False
    tool_duration_ms: int | None = Field(None, ge=0, le=2**31 - 1)
    citations: Annotated[list[Annotated[Data, AfterValidator(_source)]], FailFast()] = []
    metadata: Annotated[Data, AfterValidator(_notes_of_message)] = {}
    created_at: Moment
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
    speaks_for_others: bool = False
    metadata: Annotated[Data, AfterValidator(_notes_of_session)] = {}
    head_id: UUID | None = None
    created_at: Moment
    updated_at: Moment
    last_message_at: Moment | None = None
    messages: Annotated[list[MessageInFile], FailFast()] = []

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


def read_sent(body: bytes) -> list[ConversationInFile]:
    """What is in a file that somebody sent: bounded in size, and all of it checked. Raises TooLarge and InvalidInput."""
    largest: int = settings.OPIE_CONVERSATIONS_LARGEST_FILE
    if len(body) > largest:
        raise TooLarge(too_large(largest))
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("The file is no text in UTF-8.") from None
    return read_conversations(text, MOST_VALUES, MOST_CONVERSATIONS)


def too_large(largest: int) -> str:
    """What is said of a file that is larger than that."""
    return f"The file is too large: at most {largest / 1_000_000:g} MB. Export in parts, by time, and bring in each."


def read_conversations(
    text: str, most_values: int | None = None, most_conversations: int | None = None
) -> list[ConversationInFile]:
    """What is in a file, all of it checked. Raises TooLarge, and InvalidInput that names the first places."""
    _refuse_bombs(text, most_values)
    found = _conversations_in(text)
    if most_conversations is not None and len(found) > most_conversations:
        raise TooLarge(f"At most {most_conversations} conversations at a time. Export in parts, by time.")
    problems: dict[str, list[str]] = {}
    read: dict[UUID, ConversationInFile] = {}
    for place, one in enumerate(found):
        try:
            data = ConversationInFile.model_validate_json(json.dumps(clean_json(one)))
        except ValidationError as error:
            problems |= dict(_problems(place, error))
        else:
            if read.setdefault(data.id, data) is not data:
                problems[f"conversations.{place}.id"] = ["Another conversation in the file has this id."]
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise InvalidInput("The file cannot be brought in. Look at the places named here.", fields=problems)
    return list(read.values())


def _conversations_in(text: str) -> list[Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("The file is no JSON. Only the export's format json can be brought in.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        raise InvalidInput(f"This is no export of conversations: format {FORMAT}, version {VERSION} is needed.")
    found = data.get("conversations")
    if not isinstance(found, list):
        raise InvalidInput("The file has no list of conversations.")
    return found


def _refuse_bombs(text: str, most_values: int | None) -> None:
    """A few bytes of JSON become many of memory, and deep nesting breaks whoever walks it: looked at before it is read."""
    bare = _STRING.sub("", text)
    if most_values is not None and sum(bare.count(mark) for mark in ",[{") > most_values:
        raise TooLarge(f"The file has more than {most_values} values. Export in parts, by time, and bring in each.")
    depth = 0
    for bracket in _NO_BRACKET.sub("", bare):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise InvalidInput(f"The file is nested more than {DEEPEST} deep.")


def _problems(place: int, error: ValidationError) -> Iterator[tuple[str, list[str]]]:
    for one in error.errors(include_url=False, include_context=False, include_input=False)[:MOST_PROBLEMS]:
        parts = (str(part)[:LONGEST_NAME] for part in ("conversations", place, *one["loc"]))
        yield ".".join(parts), [one["msg"].removeprefix("Value error, ")]
