"""Many agents, made ready so that a task is compared with all of them at once. Pure: no rows, no calls."""

from collections.abc import Sequence
from functools import cached_property
from math import log

from apps.opie.engine.dispatcher.matching import MOST_WORDS_SHOWN, NOTHING_SAID, Heard, Match, Profile, hear
from apps.opie.engine.dispatcher.vocabulary import Capability, Phrase, Term
from apps.opie.engine.dispatcher.words import words_of

# docs/dispatcher.md says how these were found. Words that weigh HALF make half a fit.
FROM_WORDS = 0.6
FROM_OWN_WORDS = 0.5
HALF = 10.0
UNLIKE, ALIKE = 0.15, 0.6

_Abilities = tuple[tuple[Capability, float], ...]
# How much, and in which words: each with how much it says.
_Said = tuple[float, list[str]]


class Index:
    """A set of agents: which of them say a word, and which can do the same."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self.profiles = tuple(profiles)
        abilities = [profile.capabilities for profile in self.profiles]
        self._keys = [tuple((one.code, share) for one, share in some) for some in abilities]
        self._abilities = dict(zip(self._keys, abilities, strict=True))
        self._sayers = _sayers(self.profiles)

    @cached_property
    def examples(self) -> tuple[tuple[str, ...], ...]:
        """Of each agent, examples of what it is asked."""
        return tuple(profile.tasks for profile in self.profiles)

    def matches(self, task: str, likeness: Sequence[float] | None = None) -> list[Match]:
        """Every agent with its fit, the best first, ties by agent_id. `likeness` is, for each profile, how alike the
        task is to examples of what it is asked."""
        heard = hear(task)
        own = self._said_of_themselves(heard)
        said = {key: _said_by(abilities, heard) for key, abilities in self._abilities.items()}
        found = [
            _match(profile.agent_id, said[key], own[at], None if likeness is None else likeness[at])
            for at, (profile, key) in enumerate(zip(self.profiles, self._keys, strict=True))
        ]
        return sorted(found, key=lambda match: (-match.fit, match.agent_id))

    def _said_of_themselves(self, heard: Heard) -> list[_Said]:
        """For each agent, how much of the task it says of itself; what many say says little."""
        weights = [0.0] * len(self.profiles)
        words: list[list[str]] = [[] for _ in self.profiles]
        spread = {word: self._sayers[word] for word in heard.words.keys() & self._sayers.keys()}
        for word, sayers in sorted(spread.items(), key=lambda one: (len(one[1]), one[0])):
            weight = log(1 + len(weights) / len(sayers))
            for at in sayers:
                weights[at] += weight
                words[at].append(heard.words[word])
        return list(zip(weights, words, strict=True))


def _sayers(profiles: Sequence[Profile]) -> dict[str, list[int]]:
    """Of each word, who says it of itself."""
    sayers: dict[str, list[int]] = {}
    for at, one in enumerate(profiles):
        for word in set(words_of(" ".join([one.name, one.about, *one.examples]))) - NOTHING_SAID:
            sayers.setdefault(word, []).append(at)
    return sayers


def _said_by(abilities: _Abilities, heard: Heard) -> _Said:
    """How much the task says of these capabilities, and in which words, those that say most first."""
    spoke: dict[Phrase, Term] = {}
    for capability, share in abilities:
        for phrase in heard.phrases & capability.terms.keys():
            term = capability.terms[phrase]
            if phrase not in spoke or spoke[phrase].weight < share * term.weight:
                spoke[phrase] = Term(term.text, share * term.weight)
    terms = sorted(spoke.values(), key=lambda term: (-term.weight, term.text))
    return sum(term.weight for term in terms), [term.text for term in terms]


def _match(agent_id: str, said: _Said, of_itself: _Said, alike: float | None) -> Match:
    weight = said[0] + FROM_OWN_WORDS * of_itself[0]
    fit = weight / (weight + HALF)
    words = tuple(dict.fromkeys([*said[1], *of_itself[1]]))[:MOST_WORDS_SHOWN]
    if alike is None:
        return Match(agent_id, round(fit, 4), words)
    scaled = min(1.0, max(0.0, (alike - UNLIKE) / (ALIKE - UNLIKE)))
    return Match(agent_id, round(FROM_WORDS * fit + (1 - FROM_WORDS) * scaled, 4), words, round(alike, 4))
