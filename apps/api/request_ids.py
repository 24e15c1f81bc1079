"""The id of the request that is being answered, for log lines, error answers and audit entries."""

import re
from contextvars import ContextVar

from apps.api.ids import uuid7

_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_current: ContextVar[str] = ContextVar("request_id", default="")

set_request_id = _current.set
reset_request_id = _current.reset


def current_request_id() -> str:
    """The id of the request this code runs for, or an empty string outside of one."""
    return _current.get()


def request_id_from(header: str | None) -> str:
    """The caller's own id when it is sane (8 to 64 letters, digits, `.`, `_`, `-`), else a new one."""
    return header if header and _SANE.fullmatch(header) else str(uuid7())
