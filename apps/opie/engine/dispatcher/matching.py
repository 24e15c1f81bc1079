"""How well agents fit a task: by what they can do and what is said of them. Pure: no rows, no calls.

Words are those of the capabilities' vocabulary and of the agent's own name, description and starters. Where there are
vectors, the task is compared with examples of tasks too: what means the same in other words is found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.opie.engine.dispatcher.vocabulary import Capability, Phrase, capabilities
from apps.opie.engine.dispatcher.words import spelled, words_of

# docs/dispatcher.md says how these were found.
FITS = 0.3
FITS_WITH_VECTORS = 0.25
NEAR_THE_BEST = 0.8
BESIDE_ITS_NAME = 0.7
# What is read of a long task: what is wanted stands before or behind what it is wanted for.
READ_FIRST, READ_LAST = 4_000, 1_000
LONGEST_PHRASE = 6
MOST_WORDS_SHOWN = 6
NOTHING_SAID = frozenset(
    words_of(
        "the a an and or of to in on for with is are be it this that we i you our my your can do how what which who please"
        " write make give help need want from at by as into not me us about should was were has have had there they"
        " day days week weeks month months year years one two three der die das und ist ein eine ich wir mir mich für mit"
        " von zu den dem im el la los las un una y de que para con por es en mi me في من على إلى ما هو هي"
    )
)


@dataclass(frozen=True, slots=True)
class Profile:
    """An agent as the dispatcher knows it."""

    agent_id: str
    name: str
    about: str = ""
    codes: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def capabilities(self) -> tuple[tuple[Capability, float], ...]:
        """What it can do, and how much that is its own: what only a code says is less so for an agent whose name says
        something else."""
        name = self.name.casefold()
        called = {one.code for one in capabilities().values() if any(named in name for named in one.named)}
        return tuple(
            (one, 1.0 if one.code in called or not called else BESIDE_ITS_NAME)
            for one in capabilities().values()
            if one.code in self.codes or one.code in called
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """Examples of what it is asked; of an agent that has none, what is said of it."""
        of_codes = (example for one, share in self.capabilities if share == 1.0 for example in one.examples)
        return (*self.examples, *of_codes) or (f"{self.name}. {self.about}",)


@dataclass(frozen=True, slots=True)
class Match:
    """How well one agent fits, from 0 to 1, and why: the words that spoke for it, and how alike it is to what the
    agent is asked."""

    agent_id: str
    fit: float
    words: tuple[str, ...] = ()
    likeness: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A task taken apart: its words that say something, as they are compared and as they were written, and everything
    it says in up to LONGEST_PHRASE of them."""

    words: Mapping[str, str]
    phrases: frozenset[Phrase]


def hear(task: str) -> Heard:
    """What a task says, without regard to order beyond that of a phrase."""
    read = task if len(task) <= READ_FIRST + READ_LAST else f"{task[:READ_FIRST]}\n{task[-READ_LAST:]}"
    written = spelled(read)
    words = [word for word, _ in written]
    phrases = {
        tuple(words[at : at + length])
        for length in range(1, LONGEST_PHRASE + 1)
        for at in range(len(words) - length + 1)
    }
    return Heard({word: text for word, text in written if word not in NOTHING_SAID}, frozenset(phrases))


def candidates(found: Sequence[Match], *, with_vectors: bool) -> list[Match]:
    """Those that fit the task, and about as well as the best. Empty where nobody does."""
    enough = FITS_WITH_VECTORS if with_vectors else FITS
    if not found or found[0].fit < enough:
        return []
    return [match for match in found if match.fit >= max(enough, NEAR_THE_BEST * found[0].fit)]
