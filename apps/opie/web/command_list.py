"""The list of commands: what was asked for, what is shown of it, and who answers each."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page as PageOfRows
from django.core.paginator import Paginator
from django.db.models import F, Func, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from apps.accounts.principal import Principal
from apps.opie.library.registry import LONGEST_TASK, CommandRegistry
from apps.opie.models import Agent, CommandTemplate
from apps.opie.models.agents import AgentKind
from apps.opie.web.views import page_number

PAGE_SIZE = 60
LONGEST_FILTER = 64
MOST_RECOMMENDED = 5


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for."""

    q: str = ""
    category: str = ""
    capability: str = ""
    favourites: bool = False
    mine: bool = False

    @classmethod
    def of(cls, asked: QueryDict) -> "Filters":
        def text(name: str, longest: int) -> str:
            return asked.get(name, "").replace("\x00", "").strip()[:longest]

        return cls(
            text("q", LONGEST_TASK),
            text("category", LONGEST_FILTER),
            text("capability", LONGEST_FILTER),
            bool(asked.get("favourites")),
            bool(asked.get("mine")),
        )

    @property
    def narrows(self) -> bool:
        return self != Filters()

    @property
    def as_query(self) -> str:
        """These filters as the end of an address."""
        return self._query(self)

    @property
    def without_category(self) -> str:
        return self._query(replace(self, category=""))

    @property
    def for_export(self) -> str:
        """The same narrowing as the REST API has it."""
        asked = {"search": self.q, "category": self.category, "capability": self.capability}
        asked |= {"favourite": "true" if self.favourites else "", "own": "true" if self.mine else ""}
        return urlencode({name: value for name, value in asked.items() if value})

    def in_category(self, slug: str) -> str:
        return self._query(replace(self, category=slug))

    @staticmethod
    def _query(filters: "Filters") -> str:
        texts = {"q": filters.q, "category": filters.category, "capability": filters.capability}
        flags = {"favourites": filters.favourites, "mine": filters.mine}
        said = {name: value for name, value in texts.items() if value} | {name: "1" for name in flags if flags[name]}
        return urlencode(said)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command in the list. `words` are those of a task that it was recommended for."""

    command: CommandTemplate
    answers: str
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """Commands under one heading; without a title when there is only one group."""

    title: str
    category: str
    lines: list[CommandLine]


@dataclass(frozen=True, slots=True)
class Category:
    slug: str
    title: str
    count: int
    query: str


@dataclass(frozen=True, slots=True)
class CommandList:
    """One page of the list."""

    filters: Filters
    total: int
    page: PageOfRows[Any]
    groups: list[Group]
    recommended: list[CommandLine]
    categories: list[Category]


def commands_shown(principal: Principal, filters: Filters, page: str = "") -> CommandList:
    """What the filters let through; when a search finds nothing, what fits its words best as a task."""
    registry = CommandRegistry(principal)
    found = _narrowed(registry, filters).defer("template", "parameters", "example_usage")
    if not filters.q:
        found = found.order_by(F("is_favourite").desc(), "category", "name", "slug", "pk")
    rows = Paginator(found, PAGE_SIZE).get_page(page_number(page))
    recommended = registry.recommend(filters.q, MOST_RECOMMENDED) if filters.q and not rows.object_list else []
    names = _names_of_agents(principal, [*rows, *(one.command for one in recommended)])
    return CommandList(
        filters,
        rows.paginator.count,
        rows,
        list(_grouped(rows, names, is_flat=bool(filters.q or filters.category))),
        [
            CommandLine(one.command, who_answers(one.command, names), _as_written(one.words, filters.q))
            for one in recommended
        ],
        [
            Category(row["category"], title_of(row["category"]), row["commands"], filters.in_category(row["category"]))
            for row in registry.categories()
            if row["category"]
        ],
    )


def capabilities_asked_for(principal: Principal) -> list[tuple[str, str]]:
    """The capabilities that commands name, each with its title."""
    named = CommandTemplate.objects.visible_to(principal).order_by()
    codes = named.annotate(code=Func(F("required_capabilities"), function="unnest")).values_list("code", flat=True)
    return [(code, title_of(code)) for code in sorted(set(codes.distinct()))]


def who_answers(command: CommandTemplate, names: dict[Any, str]) -> str:
    """In a word; `names` are those of the agents that this person can talk to."""
    if name := names.get(command.recommended_agent_id):
        return name
    if command.required_capabilities:
        skills = ", ".join(title_of(code).lower() for code in command.required_capabilities)
        return _("Whoever knows %(skills)s") % {"skills": skills}
    return _("Whoever fits best")


def title_of(code: str) -> str:
    """product-research and PRODUCT_RESEARCH as one reads them."""
    words = code.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:].lower() if words else _("Other")


def _narrowed(registry: CommandRegistry, filters: Filters) -> QuerySet[CommandTemplate]:
    return registry.search(
        filters.q,
        category=filters.category,
        capabilities=[filters.capability] if filters.capability else [],
        favourite=filters.favourites or None,
        own=filters.mine or None,
    )


def _names_of_agents(principal: Principal, commands: Iterable[CommandTemplate]) -> dict[Any, str]:
    wanted = {command.recommended_agent_id for command in commands if command.recommended_agent_id}
    served = Agent.objects.served_to(principal).filter(pk__in=wanted).exclude(kind=AgentKind.AUTO)
    return dict(served.order_by().values_list("pk", "name"))


def _as_written(stems: list[str], task: str) -> list[str]:
    """The words of the task that have these stems, as they stand in it."""
    words = list(dict.fromkeys(re.findall(r"[^\W_]+", task.lower())))
    return [word for word in words if any(word.startswith(stem) for stem in stems)]


def _grouped(commands: Iterable[CommandTemplate], names: dict[Any, str], *, is_flat: bool) -> Iterator[Group]:
    groups: dict[tuple[str, str], list[CommandLine]] = {}
    for command in commands:
        if is_flat:
            heading = ("", "")
        elif command.is_favourite:  # type: ignore[attr-defined] # annotated by the registry
            heading = (_("Favourites"), "")
        else:
            heading = (title_of(command.category), command.category)
        groups.setdefault(heading, []).append(CommandLine(command, who_answers(command, names)))
    for (title, category), lines in groups.items():
        yield Group(title, category, lines)
