"""What Agno's database interface has and Opie does not offer: refused with one clear error, never half-kept."""

import inspect
from abc import update_abstractmethods
from typing import Any, TypeVar

from agno.db.base import AsyncBaseDb

D = TypeVar("D", bound=type[AsyncBaseDb])


class NotOffered(NotImplementedError):  # noqa: N818 - it reads as what happened
    """This part of Agno's storage is not kept by Opie."""


def _refusal(name: str) -> Any:
    async def refuse(self: AsyncBaseDb, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        raise NotOffered(f"{name} is not offered: Opie keeps sessions, runs and memories for Agno, and nothing else.")

    refuse.__name__ = name
    return refuse


def refusing_what_is_left(cls: D) -> D:
    """Class decorator: every coroutine of AsyncBaseDb that the class does not define itself raises NotOffered.

    What a later Agno adds is refused by this too, until somebody decides about it.
    """
    own = {name for base in cls.__mro__ if base is not AsyncBaseDb for name in vars(base)}
    for name, member in vars(AsyncBaseDb).items():
        if inspect.iscoroutinefunction(member) and not name.startswith("_") and name not in own:
            setattr(cls, name, _refusal(name))
    update_abstractmethods(cls)
    return cls


class RefusingDb(AsyncBaseDb):
    """The abstract methods of AsyncBaseDb that Opie refuses, so that a subclass can be made."""

    get_metrics: Any = _refusal("get_metrics")
    calculate_metrics: Any = _refusal("calculate_metrics")
    delete_knowledge_content: Any = _refusal("delete_knowledge_content")
    get_knowledge_content: Any = _refusal("get_knowledge_content")
    get_knowledge_contents: Any = _refusal("get_knowledge_contents")
    upsert_knowledge_content: Any = _refusal("upsert_knowledge_content")
    create_eval_run: Any = _refusal("create_eval_run")
    delete_eval_runs: Any = _refusal("delete_eval_runs")
    get_eval_run: Any = _refusal("get_eval_run")
    get_eval_runs: Any = _refusal("get_eval_runs")
    rename_eval_run: Any = _refusal("rename_eval_run")
    update_eval_run_user_id: Any = _refusal("update_eval_run_user_id")
    upsert_trace: Any = _refusal("upsert_trace")
    get_trace: Any = _refusal("get_trace")
    get_traces: Any = _refusal("get_traces")
    get_trace_stats: Any = _refusal("get_trace_stats")
    create_span: Any = _refusal("create_span")
    create_spans: Any = _refusal("create_spans")
    get_span: Any = _refusal("get_span")
    get_spans: Any = _refusal("get_spans")
    get_span_stats: Any = _refusal("get_span_stats")
    get_learning: Any = _refusal("get_learning")
    upsert_learning: Any = _refusal("upsert_learning")
    delete_learning: Any = _refusal("delete_learning")
    get_learnings: Any = _refusal("get_learnings")
    update_learning: Any = _refusal("update_learning")
    reassign_session_owner: Any = _refusal("reassign_session_owner")
