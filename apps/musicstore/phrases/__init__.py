"""What the team says without a model, in five languages: the same keys in each, with "one|many" where numbers decide."""

from collections.abc import Mapping
from typing import Any

from apps.musicstore.phrases import english, french, german, portuguese, spanish

ENGLISH = english.PHRASES
PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": ENGLISH,
    "de": german.PHRASES,
    "es": spanish.PHRASES,
    "fr": french.PHRASES,
    "pt": portuguese.PHRASES,
}
# Of thousands.
_SEPARATORS = {"en": ",", "fr": "\u202f"}


class Said(str):
    """A sentence in English that knows what it says: to be said again to a customer, in another language."""

    key: str
    values: Mapping[str, Any]

    def __new__(cls, text: str, key: str, **values: Any) -> "Said":
        said = super().__new__(cls, text)
        said.key, said.values = key, values
        return said


def say(language: str, key: str, number: int | None = None, **values: Any) -> str:
    """The phrase in this language. With a `number`, which the phrase has as {n}, the form that is right for it."""
    phrase = PHRASES[language][key]
    if number is not None:
        one, _, many = phrase.partition("|")
        is_one = number == 1 or (number == 0 and language == "fr")
        phrase = one if is_one or not many else many
        values["n"] = f"{number:,}".replace(",", _SEPARATORS.get(language, "."))
    return phrase.format(**values) if values else phrase


def say_again(language: str, said: str) -> str:
    """What a tool said, to the customer; a text that is nothing else stays as it is."""
    return say(language, said.key, **said.values) if isinstance(said, Said) else said
