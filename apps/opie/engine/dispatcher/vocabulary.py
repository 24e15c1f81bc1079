"""What is said of each capability, from capabilities.yaml: words in several languages, and tasks as people write them."""

import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path

import yaml

from apps.opie.engine.dispatcher.words import phrase_of

FILE = Path(__file__).with_name("capabilities.yaml")
LANGUAGES = ("en", "de", "es", "ar")

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase that speaks for a capability: as it is written, and how much it says."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Capability:
    """One code. Its terms weigh more the fewer capabilities have them; agents named as in `named` have it too."""

    code: str
    label: str
    named: tuple[str, ...]
    terms: Mapping[Phrase, Term]
    examples: tuple[str, ...]


@functools.cache
def capabilities() -> Mapping[str, Capability]:
    """All of them by code. Raises ValueError for a file that cannot be used."""
    stored = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    terms = {code: _terms(code, about) for code, about in stored.items()}
    spread = Counter(phrase for of_one in terms.values() for phrase in of_one)
    return {
        code: Capability(
            code,
            about["label"],
            tuple(name.strip() for name in about.get("named", "").split(",") if name.strip()),
            {
                phrase: Term(term.text, term.weight * log(1 + len(stored) / spread[phrase]))
                for phrase, term in terms[code].items()
            },
            tuple(about.get("examples", ())),
        )
        for code, about in stored.items()
    }


def _terms(code: str, about: Mapping[str, str]) -> dict[Phrase, Term]:
    found: dict[Phrase, Term] = {}
    for written in (term for language in LANGUAGES for term in about.get(language, "").split()):
        text = written.strip('"').rstrip("!").replace("_", " ")
        phrase = phrase_of(text)
        # A phrase says more than its words.
        term = Term(text, (2.0 if written.endswith("!") else 1.0) * (1 + len(phrase)) / 2)
        if phrase not in found or found[phrase].weight < term.weight:
            found[phrase] = term
    if not found:
        raise ValueError(f"{FILE.name}: {code} has no words.")
    return found
