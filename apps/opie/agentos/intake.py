"""What comes with a request to AgentOS: read once, checked field by field, and written anew for AgentOS.

Because AgentOS gets what is built here and never the caller's bytes, there is nothing that two parsers could read
in two ways.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.conf import settings
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from apps.accounts.principal import Principal
from apps.api.errors import Fields, InvalidInput, NotFound, TooLarge
from apps.api.serializers import UNKNOWN_FIELD, UNSTORABLE
from apps.opie.agentos.decisions import UnreadableDecisions, read_decisions
from apps.opie.agentos.letin import Kind, Route
from apps.opie.engine.approvals import CallDecision

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

LONGEST_TEXT = 100_000
LONGEST_TITLE = 200
MOST_FIELDS = 40
MOST_IDS = 200
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_TYPES = ("agent", "team")


@dataclass
class Intake:
    """The checked values of one request, and the ids in them that must be the caller's own."""

    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    sessions: list[UUID] = field(default_factory=list)
    memories: list[UUID] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    # For Opie alone: Agno gets nothing of it.
    decisions: list[CallDecision] = field(default_factory=list)

    @property
    def names_session(self) -> bool:
        return "session_id" in self.body

    def query_string(self) -> bytes:
        return urlencode(self.query).encode()

    def encoded_body(self, route: Route) -> tuple[bytes, bytes]:
        """The body that AgentOS gets, and its content type."""
        if route.body_type == "form":
            return urlencode({name: _as_text(value) for name, value in self.body.items()}).encode(), (
                b"application/x-www-form-urlencoded"
            )
        if route.body_type == "json":
            return json.dumps(self.body).encode(), b"application/json"
        return b"", b""


async def take_in(
    route: Route, path_ids: Mapping[str, str], scope: Mapping[str, Any], receive: Receive, principal: Principal
) -> Intake:
    """Everything of the request that is let in.

    Raises InvalidInput naming each field that is not, TooLarge, and NotFound for an id that cannot be one of ours.
    """
    intake = Intake()
    problems: Fields = {}
    _take_path(intake, path_ids)
    query = _pairs(scope["query_string"])
    intake.query = _checked(query, route.query, intake, principal, problems)
    if route.body_type != "none":
        sent = _without_nulls(await _read_body(route, scope, receive), route)
        intake.body = _checked(sent, route.body, intake, principal, problems)
    for name in [name for name, kind in route.body.items() if kind == "decisions"]:
        intake.body.pop(name, None)
    for name in route.required - {*intake.query, *intake.body, *problems}:
        problems[name] = ["This field is required."]
    if problems:
        raise InvalidInput(fields=problems)
    return intake


def _take_path(intake: Intake, path_ids: Mapping[str, str]) -> None:
    for name, value in path_ids.items():
        if name == "session_id":
            intake.sessions.append(_own_id(value))
        elif name == "memory_id":
            intake.memories.append(_own_id(value))
        elif name in ("agent_id", "team_id"):
            intake.agents.append(value)


def _pairs(query_string: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidInput("The query could not be read.", code="malformed") from error
    return _once(pairs)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise InvalidInput(fields={name: ["Send this field once."]})
        values[name] = value
    return values


def _without_nulls(sent: dict[str, Any], route: Route) -> dict[str, Any]:
    may_be_null = route.null_is_absent | route.body.keys()
    return {name: value for name, value in sent.items() if value is not None or name not in may_be_null}


def _checked(
    sent: Mapping[str, Any], allowed: Mapping[str, Kind], intake: Intake, principal: Principal, problems: Fields
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in sent.items():
        if name not in allowed:
            problems[name] = [UNKNOWN_FIELD]
            continue
        try:
            values[name] = _check(allowed[name], value, intake, principal)
        except (_Unfit, UnreadableDecisions) as unfit:
            problems[name] = [str(unfit)]
    return values


class _Unfit(ValueError):  # noqa: N818 - it reads as what happened
    """A value that cannot be used; its text tells the caller why."""


def _check(kind: Kind, value: Any, intake: Intake, principal: Principal) -> Any:  # noqa: C901 - one line a kind
    match kind:
        case "text":
            return _text(value, LONGEST_TEXT)
        case "title":
            return _text(value, LONGEST_TITLE)
        case "words":
            return [_text(word, LONGEST_TITLE) for word in _list(value)]
        case "flag":
            return _flag(value)
        case "number":
            return _number(value)
        case "type":
            return _one_of(value, _TYPES)
        case "order":
            return _one_of(value, ("asc", "desc"))
        case "own_user":
            return _own_user(value, principal)
        case "own_session":
            return _note(intake.sessions, value)
        case "own_sessions":
            return [_note(intake.sessions, one) for one in _list(value)]
        case "own_memories":
            return [_note(intake.memories, one) for one in _list(value)]
        case "decisions":
            intake.decisions = read_decisions(value)
            return None
        case "agent" | "team":
            name = _text(value, LONGEST_TITLE)
            intake.agents.append(name)
            return name


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Unfit("Write some text.")
    if len(value) > longest:
        raise _Unfit(f"At most {longest} characters.")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _Unfit(UNSTORABLE)
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    raise _Unfit("Send true or false.")


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    raise _Unfit("Send a whole number.")


def _one_of(value: Any, choices: tuple[str, ...]) -> str:
    if value in choices:
        return str(value)
    raise _Unfit(f"Choose one of: {', '.join(choices)}.")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_IDS:
        raise _Unfit(f"Send a list of at most {MOST_IDS}.")
    return value


def _own_user(value: Any, principal: Principal) -> str:
    if value != str(principal.user_id):
        raise _Unfit("You can only act as yourself. Leave this out.")
    return str(value)


def _note(ids: list[UUID], value: Any) -> str:
    ids.append(_own_id(value))
    return str(ids[-1])


def _own_id(value: Any) -> UUID:
    # What cannot be an id of ours answers like one that is not there.
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise NotFound from error


def _as_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


async def _read_body(route: Route, scope: Mapping[str, Any], receive: Receive) -> dict[str, Any]:
    raw = await _read_all(receive)
    headers = Headers(raw=list(scope["headers"]))
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json" or (route.body_type == "json" and not content_type):
        return _from_json(raw)
    if route.body_type == "json":
        raise InvalidInput("Send the body as application/json.", code="malformed")
    form = await _form(content_type, headers, raw)
    try:
        return _once([(name, _no_file(name, value)) for name, value in form.multi_items()])
    finally:
        await form.close()


async def _read_all(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInput("The body broke off.", code="malformed")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(chunks)


def _from_json(raw: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(raw or b"{}", object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body could not be read. Send valid JSON.", code="malformed") from error
    if not isinstance(sent, dict):
        raise InvalidInput("Send a JSON object.", code="malformed")
    return sent


async def _form(content_type: str, headers: Headers, raw: bytes) -> FormData:
    async def stream() -> Any:
        yield raw
        yield b""

    try:
        if content_type == "multipart/form-data":
            return await MultiPartParser(headers, stream(), max_files=MOST_FIELDS, max_fields=MOST_FIELDS).parse()
        if content_type == "application/x-www-form-urlencoded":
            return await FormParser(headers, stream()).parse()
    except (MultiPartException, FormParserError, UnicodeDecodeError, KeyError) as error:
        raise InvalidInput("The form could not be read.", code="malformed") from error
    raise InvalidInput("Send a form, or JSON.", code="malformed")


def _no_file(name: str, value: Any) -> str:
    if isinstance(value, UploadFile):
        raise InvalidInput(fields={name: ["Files cannot be sent here."]})
    return str(value)
