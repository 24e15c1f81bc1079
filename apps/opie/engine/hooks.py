"""What a host does before and after each run, wherever it runs: registered once, when the host's app is ready.

A hook that fails, or takes too long, is logged and recorded, and the run goes on without it. A hook before a run may
change what the model is asked, by answering other words, and may refuse, by raising one of Opie's errors. Sync hooks
run beside the loop, where tools do, so that they may touch rows.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from agno.exceptions import redact_secrets
from django.db import DatabaseError
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import OpieError
from apps.opie import rows
from apps.opie.engine.outcome import RunResult
from apps.opie.metrics.errors import RunError, record_error
from apps.opie.models import Agent, AgentOSRun
from apps.opie.registering import problem_of_function

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
HOOK_FAILED = "hook_failed"


@dataclass(frozen=True, slots=True)
class RunAtHand:
    """What a hook is told of a run. `text` is the question; a task's may have been made from its input data."""

    run_id: UUID
    session_id: UUID | None
    agent: Agent
    principal: Principal
    text: str

    @property
    def agent_id(self) -> str:
        return self.agent.agent_id


Before = Callable[[RunAtHand], str | Awaitable[str | None] | None]
After = Callable[[RunAtHand, RunResult], Awaitable[None] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """As it was registered; `remove` takes it away again."""

    before: Before | None
    after: After | None
    agent_id: str | None
    timeout: float
    # Made by another registration, which says itself what is wrong with it.
    is_opies: bool = False

    def remove(self) -> None:
        if self in _hooks:
            _hooks.remove(self)

    def concerns(self, run: RunAtHand) -> bool:
        return self.agent_id is None or self.agent_id == run.agent_id


_hooks: list[Hook] = []


def register_hook(
    *,
    before: Before | None = None,
    after: After | None = None,
    agent_id: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
    is_opies: bool = False,
) -> Hook:
    """Have `before` called before each run and `after` once it has ended, or for one agent only. They are called in the
    order they were registered in. `after` is not told of runs that wait for approval, until they have ended, nor of runs
    whose process died. What is registered wrongly is said by the system check opie.E012."""
    hook = Hook(before, after, agent_id, timeout, is_opies)
    _hooks.append(hook)
    return hook


def registered() -> tuple[Hook, ...]:
    return tuple(_hooks)


def problems() -> Iterator[str]:
    """What is wrong with the registrations, in words for whoever wrote them."""
    for hook in _hooks:
        if hook.is_opies:
            continue
        if hook.before is None and hook.after is None:
            yield "register_hook: a hook does something before or after a run. Give before= or after=."
        if hook.before is not None and (problem := problem_of_function(hook.before, "run", may_be_async=True)):
            yield f"register_hook: before {problem}."
        if hook.after is not None and (problem := problem_of_function(hook.after, "run", "result", may_be_async=True)):
            yield f"register_hook: after {problem}."
        if isinstance(hook.timeout, bool) or not isinstance(hook.timeout, int | float) or not hook.timeout > 0:
            yield "register_hook: timeout is a number of seconds, more than 0."


async def run_before(run: RunAtHand) -> str:
    """What the model is asked after all. Raises the OpieError of a hook that refuses."""
    for hook, before in [(one, one.before) for one in _hooks if one.before is not None and one.concerns(run)]:
        try:
            changed = await _call(hook, before, run)
        except OpieError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a host's code raises, the run goes on
            await _note(before, run, error)
        else:
            if isinstance(changed, str) and changed.strip():
                run = replace(run, text=changed)
    return run.text


async def run_after(run: RunAtHand, result: RunResult) -> None:
    """Tell the hooks what a run came to. Whatever they do, it stays as it is."""
    for hook, after in [(one, one.after) for one in _hooks if one.after is not None and one.concerns(run)]:
        try:
            await _call(hook, after, run, result)
        except Exception as error:  # noqa: BLE001 - as above
            await _note(after, run, error)


def any_after(run: RunAtHand) -> bool:
    """Whether there is anybody to be told."""
    return any(hook.after is not None and hook.concerns(run) for hook in _hooks)


async def _call(hook: Hook, function: Callable[..., Any], *given: Any) -> Any:
    async with asyncio.timeout(hook.timeout):
        if inspect.iscoroutinefunction(function):
            return await function(*given)
        # A thread cannot be stopped: one that takes too long is left behind, where only tools wait for it.
        answered = await rows.run_tool(function, *given)
        return await answered if inspect.isawaitable(answered) else answered


async def _note(function: Callable[..., Any], run: RunAtHand, error: Exception) -> None:
    name = f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    logger.error("the hook %s failed for run %s", name, run.run_id, exc_info=error)
    told = "A hook of this installation's failed; the run went on without it."
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    try:
        await rows.run(_record, run.run_id, RunError(HOOK_FAILED, told, name, redact_secrets(detail)))
    except DatabaseError:
        logger.exception("it could not be recorded")


def _record(run_id: UUID, failure: RunError) -> None:
    row = AgentOSRun.objects.filter(pk=run_id).first()
    if row is not None:
        record_error(row, failure, timezone.now())
