"""What commands there are for a person: found by words as they are typed, by category, tags and capabilities; recommended
for a task; counted."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import connection
from django.db.models import Case, Count, Exists, F, FloatField, OuterRef, Q, QuerySet, TextField, Value, When

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_for
from apps.api.errors import InvalidInput
from apps.opie.models import CommandExecution, CommandFavourite, CommandTemplate
from apps.opie.models.runs import RunStatus

MOST_WORDS = 12
MOST_RECOMMENDED = 20
LONGEST_TASK = 5_000
# Of a task, the words that the fewest commands have say the most.
TELLING_WORDS = 8
MOST_LOOKED_AT = 1_500
_WORD = re.compile(r"[^\W_]+")
ORDERINGS = {
    "name": "name",
    "uses": "uses",
    "success_rate": "success_rate",
    "avg_execution_time": "avg_execution_time",
    "updated_at": "updated_at",
    "created_at": "created_at",
}
# What a word found is worth, by where it stands: example, description, category and tags, name.
_WEIGHTS = [0.1, 0.2, 0.6, 1.0]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A command for a task, how well it fits (0 to 1), and the words of the task that it was found by."""

    command: CommandTemplate
    score: float
    words: list[str]


@dataclass(frozen=True, slots=True)
class _Telling:
    """A word of a task: how many commands have it, and how much it tells."""

    count: int
    weight: float


class CommandRegistry:
    """Acts for one person: a User (in their default team) or a Principal."""

    def __init__(self, user: User | Principal) -> None:
        self.principal = user if isinstance(user, Principal) else principal_for(user)

    def visible(self) -> QuerySet[CommandTemplate]:
        """All commands of this person's, each with `is_favourite` and `uses`."""
        favourites = CommandFavourite.objects.filter(user=self.principal.user_id, command=OuterRef("pk"))
        return (
            CommandTemplate.objects.visible_to(self.principal)
            .with_agents()
            .annotate(is_favourite=Exists(favourites), uses=F("total_successes") + F("total_failures"))
        )

    def search(
        self,
        text: str = "",
        *,
        category: str = "",
        tags: Sequence[str] = (),
        capabilities: Sequence[str] = (),
        favourite: bool | None = None,
        own: bool | None = None,
        ordering: str = "",
    ) -> QuerySet[CommandTemplate]:
        """The commands that have all of it; by relevance when there is text, else by name. Raises InvalidInput for
        an ordering that is not known."""
        found = self.visible()
        if category:
            found = found.filter(category=category)
        if tags:
            found = found.filter(tags__contains=[tag.strip().lower() for tag in tags])
        if capabilities:
            found = found.filter(required_capabilities__contains=list(capabilities))
        if favourite is not None:
            found = found.filter(Q(is_favourite=favourite))
        if own is not None:
            mine = Q(owner=self.principal.user_id, team=self.principal.team_id)
            found = found.filter(mine if own else ~mine)
        by = ["name", "slug"]
        if text.strip():
            found, by = _with_words(found, words_of(text))
        if ordering:
            by = [*_order(ordering), *by]
        return found.order_by(*by, "pk")

    def recommend(self, task: str, limit: int = 5) -> list[Recommendation]:
        """The commands that fit a task best, by the words they share with it, rare ones first; how well they have
        worked decides between those that fit alike. None when nothing is shared."""
        telling = self._telling_words(task)
        if not telling:
            return []
        asked = SearchQuery(" | ".join(f"'{word}'" for word in _rarest(telling)), config="simple", search_type="raw")
        shares = [_share(word, one.weight) for word, one in telling.items()]
        fit = sum(shares[1:], shares[0])
        most = sum(one.weight for one in telling.values())
        found = self.visible().filter(words=asked).annotate(fit=fit).order_by("-fit", "pk")
        rated = [(self._score(command, most), command) for command in found[: max(limit, 10)]]
        rated.sort(key=lambda pair: (-pair[0], pair[1].slug))
        best = rated[: min(limit, MOST_RECOMMENDED)]
        words = _words_found([command for _, command in best], list(telling))
        return [Recommendation(command, round(score, 4), words[command.pk]) for score, command in best]

    def most_used(self, limit: int = 10) -> list[CommandTemplate]:
        """Commands that were run, most often first."""
        return list(self.visible().filter(Q(uses__gt=0)).order_by(F("uses").desc(), "name")[:limit])

    def categories(self) -> list[dict[str, Any]]:
        """Each category with how many commands it has."""
        counted = CommandTemplate.objects.visible_to(self.principal).order_by("category").values("category")
        return [dict(row) for row in counted.annotate(commands=Count("pk"))]

    def statistics(self) -> dict[str, Any]:
        """How many commands there are, and what came of running them: one's own runs, or the team's for those who may
        see its metrics."""
        executions = CommandExecution.objects.visible_to(self.principal)
        return {
            "commands": CommandTemplate.objects.visible_to(self.principal).count(),
            "favourites": CommandFavourite.objects.filter(user=self.principal.user_id).count(),
            "categories": self.categories(),
            "executions": _outcomes(executions),
            "most_used": [
                {"slug": one.slug, "address": one.address, "name": one.name, **figures_of(one)}
                for one in self.most_used()
            ],
        }

    def statistics_of(self, command: CommandTemplate) -> dict[str, Any]:
        """A command's figures over everybody's runs, and the outcomes and days of the runs this person may see."""
        executions = CommandExecution.objects.visible_to(self.principal).filter(command=command)
        return {
            "slug": command.slug,
            "address": command.address,
            "figures": figures_of(command),
            "executions": _outcomes(executions),
            "versions": [
                dict(row)
                for row in executions.values("version")
                .annotate(total=Count("pk"), completed=Count("pk", filter=Q(outcome=RunStatus.COMPLETED)))
                .order_by("-version")[:20]
            ],
        }

    def _telling_words(self, task: str) -> "dict[str, _Telling]":
        """The rarest words of the task that commands have, as stems, the rarest first."""
        mine = CommandTemplate.objects.visible_to(self.principal).order_by()
        statement, arguments = mine.values("pk", "words").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(_COUNT_WORDS.format(mine=statement), [*arguments, task[:LONGEST_TASK]])
            found = [(word, count) for word, count in cursor.fetchall() if count]
        every = max((count for _, count in found), default=0)
        rarest = sorted(found, key=lambda pair: (pair[1], pair[0]))[:TELLING_WORDS]
        return {word: _Telling(count, 1 + math.log((every + 1) / count)) for word, count in rarest}

    def _score(self, command: CommandTemplate, most: float) -> float:
        rate = 0.5 if command.success_rate is None else command.success_rate
        fit = min(1.0, command.fit / most) if most else 0.0  # type: ignore[attr-defined] # annotated above
        return 0.9 * fit + 0.1 * rate


class _Typed(SearchQuery):
    """Words that are being typed, as the database looks for them (migration 0015)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.function = "opie_query_of_commands"


def words_of(text: str) -> list[str]:
    """The words that are looked for, at most a dozen."""
    return [word.lower() for word in _WORD.findall(text)][:MOST_WORDS]


def figures_of(command: CommandTemplate) -> dict[str, Any]:
    """What runs have made of a command."""
    cost = command.estimated_cost
    return {
        "total_runs": command.total_runs,
        "total_successes": command.total_successes,
        "total_failures": command.total_failures,
        "success_rate": _rounded(command.success_rate),
        "avg_execution_time": _rounded(command.avg_execution_time),
        "estimated_cost": None if cost is None else format(cost.normalize(), "f"),
    }


def _with_words(found: QuerySet[CommandTemplate], words: list[str]) -> tuple[QuerySet[CommandTemplate], list[str]]:
    if not words:
        return found.none(), []
    asked = _Typed(Value(words, output_field=ArrayField(TextField())), search_type="raw")
    rank = SearchRank(F("words"), asked, weights=_WEIGHTS)
    return found.filter(words=asked).annotate(rank=rank), ["-rank", "-uses", "name"]


def _order(ordering: str) -> list[Any]:
    field = ORDERINGS.get(ordering.removeprefix("-"))
    if field is None:
        raise InvalidInput(fields={"ordering": [f"Choose one of: {', '.join(ORDERINGS)}; with - for the most first."]})
    return [F(field).desc(nulls_last=True) if ordering.startswith("-") else F(field).asc(nulls_last=True)]


def _rarest(telling: dict[str, _Telling]) -> list[str]:
    """The words that commands are looked for by; the common ones then only say which of those fit better."""
    chosen: list[str] = []
    looked_at = 0
    for word, one in telling.items():
        looked_at += one.count
        if chosen and looked_at > MOST_LOOKED_AT:
            break
        chosen.append(word)
    return chosen


def _share(word: str, weight: float) -> Any:
    """What one word adds to how well a command fits: by where it stands, and how rare it is."""
    places = [
        (SearchQuery(f"'{word}':{letter}", config="simple", search_type="raw"), worth)
        for letter, worth in zip("ABCD", reversed(_WEIGHTS), strict=True)
    ]
    return Case(
        *(When(words=query, then=Value(weight * worth)) for query, worth in places),
        default=Value(0.0),
        output_field=FloatField(),
    )


def _words_found(commands: list[CommandTemplate], words: list[str]) -> dict[Any, list[str]]:
    """Which of the words each command has."""
    with connection.cursor() as cursor:
        cursor.execute(_WORDS_FOUND, [words, [command.pk for command in commands]])
        return {pk: list(found) for pk, found in cursor.fetchall()}


def _outcomes(executions: QuerySet[CommandExecution]) -> dict[str, int]:
    counts = {name: Count("pk", filter=Q(outcome=name)) for name in ("completed", "failed", "interrupted", "cancelled")}
    return {name: count or 0 for name, count in executions.aggregate(total=Count("pk"), **counts).items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


# The stems of a text, and how many of the commands have each. Words that are no stems of English stand for themselves.
_COUNT_WORDS = """
    WITH mine AS ({mine}), asked AS (SELECT lexeme FROM unnest(to_tsvector('english', %s)) LIMIT 200)
    SELECT lexeme, (SELECT COUNT(*) FROM mine WHERE mine.words @@ quote_literal(lexeme)::tsquery) FROM asked
"""
_WORDS_FOUND = """
    SELECT id, ARRAY(SELECT word FROM unnest(%s::text[]) word WHERE word = ANY(tsvector_to_array(words)))
    FROM opie_commandtemplate WHERE id = ANY(%s)
"""
