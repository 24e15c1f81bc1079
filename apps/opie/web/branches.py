"""The branches of a session: which messages are shown, and what stands beside them.

A session's messages form a tree. What is shown is the way from one message up to the first.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.messages import MessageRole

PAGE_OF_MESSAGES = 120
MOST_MESSAGES = 100_000

_UPWARDS = """
WITH RECURSIVE branch (id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM opie_agentosmessage WHERE id = %s AND session_id = %s
    UNION ALL
    SELECT message.id, message.parent_id, branch.depth + 1
    FROM opie_agentosmessage AS message JOIN branch ON message.id = branch.parent_id WHERE branch.depth < %s
)
SELECT message.* FROM opie_agentosmessage AS message JOIN branch USING (id) ORDER BY branch.depth DESC
"""


@dataclass(frozen=True, slots=True)
class Versions:
    """One of several questions, or answers, in the same place. `previous` and `next` are messages to show instead."""

    message_id: UUID
    place: int
    count: int
    previous: UUID | None = None
    next: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages of one branch, oldest first. `earlier` is the number of the first when more stands before it."""

    rows: list[AgentOSMessage]
    earlier: int | None = None


def stretch_of(session: AgentOSSession, tip: UUID | None, before: int | None = None) -> Stretch:
    """The last messages of the branch that ends with `tip`, or those before a message's number. One or two queries."""
    start = tip if before is None else session.messages.filter(number=before).values_list("parent", flat=True).first()
    if start is None:
        return Stretch([])
    rows = list(AgentOSMessage.objects.raw(_UPWARDS, [start, session.pk, PAGE_OF_MESSAGES + 1]))
    if len(rows) <= PAGE_OF_MESSAGES:
        return Stretch(rows)
    rows = rows[1:]
    # A stretch begins with a question: what stands before the first one is part of an earlier answer.
    first = next((index for index, row in enumerate(rows) if row.role == MessageRole.USER), 0)
    return Stretch(rows[first:], rows[first].number)


def whole_branch(session: AgentOSSession) -> Stretch:
    """All of the branch that is shown, in one query: for taking it away, not for showing it."""
    return Stretch(list(AgentOSMessage.objects.raw(_UPWARDS, [session.head_id, session.pk, MOST_MESSAGES])))


def versions_of(session: AgentOSSession, rows: Sequence[AgentOSMessage]) -> dict[UUID, Versions]:
    """For each message in `rows` that has siblings, its place among them. One query."""
    asked = [row for row in rows if row.role == MessageRole.USER]
    parents = {row.parent_id for row in asked} | {row.pk for row in asked}
    here = Q(parent__in=parents - {None}) | (Q(parent=None, role=MessageRole.USER) if None in parents else Q())
    if not asked:
        return {}
    begun = AgentOSRun.objects.filter(question=OuterRef("pk"), started_at__isnull=False)
    unasked = Q(role=MessageRole.USER) & ~Exists(begun) & Q(children=None)
    found = session.messages.filter(here).exclude(unasked & ~Q(pk__in=[row.pk for row in asked]))
    siblings: dict[UUID | None, list[UUID]] = defaultdict(list)
    for pk, parent_id in found.order_by("number").values_list("pk", "parent_id"):
        siblings[parent_id].append(pk)
    return {pk: versions for family in siblings.values() if len(family) > 1 for pk, versions in _placed(family)}


def _placed(family: list[UUID]) -> list[tuple[UUID, Versions]]:
    before, after = [None, *family[:-1]], [*family[1:], None]
    return [
        (pk, Versions(pk, place, len(family), left, right))
        for place, (pk, left, right) in enumerate(zip(family, before, after, strict=True), start=1)
    ]
