"""What is known of a failure beyond its code and its words: when to come back, and the causes for operators.

Agno carries an error on by its type and text alone. What it drops is kept here for the process that runs the run, from
the call to the end of the run; the last thousand are enough for that.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from apps.api.errors import OpieError

MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Afterword:
    """`retry_after` is the value of the header, `detail` what operators read."""

    retry_after: str = ""
    detail: str = ""


NOTHING = Afterword()

_kept: OrderedDict[UUID, Afterword] = OrderedDict()
_lock = threading.Lock()


def keep_afterword(run_id: UUID | None, error: OpieError) -> None:
    """Note what Agno will drop of this error."""
    if run_id is None:
        return
    with _lock:
        _kept[run_id] = Afterword(error.headers.get("Retry-After", ""), str(error.__cause__ or ""))
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)


def afterword_of(run_id: UUID) -> Afterword:
    return _kept.get(run_id, NOTHING)
