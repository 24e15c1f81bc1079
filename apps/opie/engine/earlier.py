"""What was said before in a conversation, for a host's code that answers by itself. Sync."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.opie.models import AgentOSMessage, AgentOSRun
from apps.opie.models.messages import MessageRole
from apps.opie.scope import RunScope

MOST_TURNS = 50


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """A question and its answer, each empty where there was none, and what a host's code noted of the answer then."""

    question: str
    answer: str
    notes: Mapping[str, Any]


def earlier_turns(scope: RunScope, most: int = 10) -> list[EarlierTurn]:
    """The latest turns of the branch before the question that is being answered, the newest last; at most 50. Two
    statements; none, and nothing, for a task without a session."""
    if scope.session_id is None or scope.run_id is None:
        return []
    run = AgentOSRun.objects.filter(pk=scope.run_id).values_list("question__parent", "parent__question__parent")
    before = next((own or of_caller for own, of_caller in run), None)
    if before is None:
        return []
    said = AgentOSMessage.objects.filter(session=scope.session_id).in_branch(before).shown()
    newest = said.order_by("-number").values_list("role", "content", "metadata")[: 2 * min(most, MOST_TURNS)]
    return _paired(list(newest)[::-1])[-most:]


def _paired(said: list[tuple[str, str, dict[str, Any]]]) -> list[EarlierTurn]:
    turns: list[EarlierTurn] = []
    for role, content, metadata in said:
        if role == MessageRole.USER:
            turns.append(EarlierTurn(content, "", {}))
            continue
        question = turns.pop().question if turns and not turns[-1].answer else ""
        turns.append(EarlierTurn(question, content, metadata.get("notes") or {}))
    return turns
