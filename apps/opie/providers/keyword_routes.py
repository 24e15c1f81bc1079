"""Which member of a host's team a message is for, by its words: the way that is left when no model can be asked."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from apps.opie.providers.responders import responder_for


@dataclass(frozen=True)
class KeywordRoute:
    """The words that are one member's. Whole words count, singular or plural, in any case; `idioms` do not."""

    member: str
    words: Sequence[str]
    idioms: Sequence[str]

    @cached_property
    def _word(self) -> re.Pattern[str]:
        words = "|".join(re.escape(word) for word in self.words)
        return re.compile(rf"(?<![\w@])(?:{words})(?:['’]?s['’]?)?(?![\w@])", re.IGNORECASE)

    @cached_property
    def _idiom(self) -> re.Pattern[str] | None:
        phrases = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in self.idioms)
        return re.compile(rf"\b(?:{phrases})\b", re.IGNORECASE) if phrases else None

    def is_meant(self, message: str) -> bool:
        """Whether one of the words is in the message."""
        return self._word.search(self._idiom.sub(" ", message) if self._idiom else message) is not None


ROUTES: dict[str, list[KeywordRoute]] = {}


def register_keyword_route(team: str, member: str, words: Collection[str], *, idioms: Collection[str] = ()) -> None:
    """When no platform can answer for `team`, have the responder of `member` answer what has one of the words; what has
    words of none, or of two, is answered by the team's own. Whole words, singular or plural; `idioms` ("in order to")
    are no words. A member without a responder, or twice, is said by `manage.py check` (opie.E010)."""
    ROUTES.setdefault(team, []).append(KeywordRoute(member, _each(words), _each(idioms)))


def _each(words: Collection[str]) -> Sequence[str]:
    """A text stays one, and is told of: it must not become its letters."""
    return words if isinstance(words, str) else tuple(words)


def members_meant(team: str, message: str) -> list[str]:
    """Every member whose words are in the message."""
    return [route.member for route in ROUTES.get(team, ()) if route.is_meant(message)]


def keyword_route(team: str, message: str) -> str | None:
    """The one member whose words are in the message; None where there are those of none, or of two."""
    meant = members_meant(team, message)
    return meant[0] if len(meant) == 1 else None


def problems_of_routes() -> Iterator[str]:
    """What was registered wrongly, in words."""
    for team, routes in ROUTES.items():
        members = [route.member for route in routes]
        for route in routes:
            for name, words in (("words", route.words), ("idioms", route.idioms)):
                if isinstance(words, str) or not all(isinstance(word, str) and word.strip() for word in words):
                    yield f"The keyword route of {team} to {route.member}: {name} is a list of texts, such as ['order']."
            if not route.words:
                yield f"The keyword route of {team} to {route.member} has no words."
            if responder_for(route.member) is None:
                yield f"The keyword route of {team} leads to {route.member}, for whom no responder is registered."
            if members.count(route.member) > 1:
                yield f"There are two keyword routes of {team} to {route.member}."
