"""What AgentOS answers, as it leaves: errors in our shape without internals, and no system prompts."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from apps.api.errors import (
    OPIE_ERROR,
    Conflict,
    Fields,
    Internal,
    InvalidInput,
    LimitExceeded,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OpieError,
    TooLarge,
    Unavailable,
    render_error,
)
from apps.opie.agentos.admission import Admission

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_BY_STATUS: dict[int, type[OpieError]] = {
    400: InvalidInput,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    405: NotFound,
    409: Conflict,
    413: TooLarge,
    422: InvalidInput,
    429: LimitExceeded,
    503: Unavailable,
}
_GENERIC = Internal.message
SILENT_SECONDS = 10.0
_KEPT_HEADERS = frozenset({b"content-type", b"cache-control"})
_UNSEEN_ROLES = frozenset({"system", "developer"})


async def send_error(send: Send, error: BaseException, request_id: str) -> None:
    """One error as a whole answer."""
    rendered = render_error(error)
    headers = [(name.lower().encode(), value.encode()) for name, value in rendered.headers.items()]
    await send_json(send, rendered.status, rendered.body, request_id, headers)


async def send_json(
    send: Send, status: int, body: Any, request_id: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    raw = json.dumps(body).encode()
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": [*start, *_own_headers(request_id)]})
    await send({"type": "http.response.body", "body": raw})


class Answer:
    """Stands between AgentOS and the client for one request. `send` is what AgentOS is given."""

    def __init__(self, send: Send, admission: Admission, request_id: str) -> None:
        self._send = send
        self._admission = admission
        self._request_id = request_id
        self._start: Message | None = None
        self._held = b""
        self.started = False
        self.ended = False
        self._streams = False
        self._lock = asyncio.Lock()
        self._sent_at = time.monotonic()

    async def send(self, message: Message) -> None:
        async with self._lock:
            if self.ended:
                return
            if message["type"] == "http.response.start":
                self._start = message
                self._streams = message["status"] < HTTPStatus.BAD_REQUEST and _is_event_stream(message)
                if self._streams:
                    await self._begin()
            elif message["type"] == "http.response.body":
                await self._body(message.get("body", b""), more=bool(message.get("more_body")))

    async def end_early(self, error: OpieError) -> None:
        """Nothing more of AgentOS's answer leaves: an error instead of it, or the end of the stream."""
        async with self._lock:
            if self.ended:
                return
            self.ended = True
            if not self.started:
                await send_error(self._send, error, self._request_id)
                return
            event = {"event": "RunError", "error_type": error.code, "content": error.message}
            await self._send({"type": "http.response.body", "body": _frame("RunError", event), "more_body": False})

    async def keep_alive(self) -> None:
        """A comment in a stream that says nothing, so that nobody between takes it for dead."""
        async with self._lock:
            if self._streams and not self.ended and time.monotonic() - self._sent_at > SILENT_SECONDS:
                self._sent_at = time.monotonic()
                await self._send({"type": "http.response.body", "body": b": waiting\n\n", "more_body": True})

    async def _begin(self) -> None:
        assert self._start is not None  # noqa: S101 - ASGI: the start comes first
        self.started = True
        headers = [(name, value) for name, value in self._start["headers"] if name.lower() in _KEPT_HEADERS]
        start = {"type": "http.response.start", "status": self._start["status"]}
        await self._send({**start, "headers": [*headers, *_own_headers(self._request_id)]})

    async def _body(self, chunk: bytes, *, more: bool) -> None:
        self._held += chunk
        if self._streams:
            await self._pass_frames(more=more)
        elif not more:
            await self._whole()

    async def _pass_frames(self, *, more: bool) -> None:
        whole, separator, self._held = self._held.rpartition(b"\n\n")
        if not more:
            whole, separator, self._held = whole + separator + self._held, b"", b""
        if whole or not more:
            self.ended, self._sent_at = not more, time.monotonic()
            safe = b"\n\n".join(safe_frame(frame) for frame in whole.split(b"\n\n")) + separator
            await self._send({"type": "http.response.body", "body": safe, "more_body": more})

    async def _whole(self) -> None:
        assert self._start is not None  # noqa: S101
        self.ended = self.started = True
        status = self._start["status"]
        if self._admission.refusal is not None:
            await send_error(self._send, self._admission.refusal, self._request_id)
        elif status >= HTTPStatus.BAD_REQUEST:
            await send_error(self._send, error_for(status, self._held), self._request_id)
        elif self._held:
            await send_json(self._send, status, without_hidden(json.loads(self._held)), self._request_id)
        else:
            headers = _own_headers(self._request_id)
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
            await self._send({"type": "http.response.body", "body": b""})


def error_for(status: int, body: bytes) -> OpieError:
    """AgentOS's error as one of ours. Nothing of its text is kept but which fields were wrong."""
    kind = _BY_STATUS.get(status, Internal if status >= HTTPStatus.INTERNAL_SERVER_ERROR else InvalidInput)
    if kind is InvalidInput:
        return InvalidInput(fields=_fields_in(body))
    return kind()


def _fields_in(body: bytes) -> Fields:
    try:
        detail = json.loads(body).get("detail")
    except (ValueError, AttributeError):
        return {}
    if not isinstance(detail, list):
        return {}
    named = [str(one["loc"][-1]) for one in detail if isinstance(one, dict) and one.get("loc")]
    return {name: ["This value cannot be used."] for name in named}


def without_hidden(value: Any) -> Any:
    """JSON without what is meant for the model only: messages of the system, wherever a run carries them."""
    if isinstance(value, list):
        return [without_hidden(one) for one in value if not _is_unseen(one)]
    if isinstance(value, dict):
        return {name: without_hidden(inner) for name, inner in value.items()}
    return value


def _is_unseen(value: Any) -> bool:
    return isinstance(value, dict) and value.get("role") in _UNSEEN_ROLES and "content" in value


def safe_frame(frame: bytes) -> bytes:
    """One server-sent event, safe to leave: errors keep their text only where it is ours."""
    if b"Error" not in frame and b'"role"' not in frame:
        return frame
    lines = []
    for line in frame.split(b"\n"):
        if line.startswith(b"data: "):
            try:
                line = b"data: " + json.dumps(_safe_event(json.loads(line[6:]))).encode()
            except ValueError:
                continue
        lines.append(line)
    return b"\n".join(lines)


def _safe_event(event: Any) -> Any:
    if not isinstance(event, dict):
        return event
    if str(event.get("event", "")).endswith("RunError"):
        # Ours carry a code; what Agno caught itself has none, and its text is whatever was raised.
        code = event.get("error_type")
        event = {
            **{name: value for name, value in event.items() if name not in ("traceback", "additional_data")},
            "error_type": str(code).removeprefix(OPIE_ERROR) if code else Internal.code,
            "content": event.get("content") if code else _GENERIC,
        }
    return without_hidden(event)


def _frame(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _is_event_stream(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in start["headers"]
    )


def _own_headers(request_id: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"cache-control", b"no-store"),
    ]
