"""Which agents a host answers for by rule when no platform can. Known without Agno."""

from collections.abc import Awaitable, Callable, Iterator

from apps.opie.registering import problem_of_function
from apps.opie.scope import RunScope

# (on whose behalf, the person's words) → the answer. Sync ones may use rows.
Responder = Callable[[RunScope, str], str | Awaitable[str]]

_responders: dict[str, Responder] = {}
# The agents for which a second one was registered.
_taken: list[str] = []


def register_responder(agent_id: str, responder: Responder) -> None:
    """Have `responder` answer for this agent in the offline responder's place: the last link of its chain.

    Another one for the same agent, or what cannot be called so, is said by the system check opie.E012; the same one twice
    is fine.
    """
    if _responders.setdefault(agent_id, responder) is not responder:
        _taken.append(agent_id)


def responder_for(agent_id: str) -> Responder | None:
    return _responders.get(agent_id)


def agents_answered_for() -> list[str]:
    return list(_responders)


def problems_of_responders() -> Iterator[str]:
    """What was registered wrongly, in words."""
    for agent_id in _taken:
        yield f"There are two responders for {agent_id}. Keep one."
    for agent_id, responder in _responders.items():
        if problem := problem_of_function(responder, "scope", "text", may_be_async=True):
            yield f"The responder for {agent_id} {problem}."
