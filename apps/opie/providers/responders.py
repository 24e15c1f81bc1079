"""Which agents a host answers for by rule when no platform can. Known without Agno."""

from collections.abc import Awaitable, Callable

from apps.opie.scope import RunScope

# (on whose behalf, the person's words) → the answer. Sync ones may use rows.
Responder = Callable[[RunScope, str], str | Awaitable[str]]

_responders: dict[str, Responder] = {}


def register_responder(agent_id: str, responder: Responder) -> None:
    """Have `responder` answer for this agent in the offline responder's place: the last link of its chain.

    Another one for the same agent raises ValueError; the same one twice is fine.
    """
    if _responders.setdefault(agent_id, responder) is not responder:
        raise ValueError(f"A responder for {agent_id!r} is registered already.")


def responder_for(agent_id: str) -> Responder | None:
    return _responders.get(agent_id)
