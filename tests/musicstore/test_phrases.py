"""The team's phrases in five languages, and which of them somebody writes in."""

import string
from typing import Any

import pytest

from apps.musicstore.languages import language_of_talk, language_of_text
from apps.musicstore.phrases import PHRASES, say

FIELDS = string.Formatter()


def test_every_language_says_the_same() -> None:
    english = PHRASES["en"]
    for language, phrases in PHRASES.items():
        assert phrases.keys() == english.keys(), language
        for key, phrase in phrases.items():
            named = {field for _, field, _, _ in FIELDS.parse(phrase) if field}
            assert named == {field for _, field, _, _ in FIELDS.parse(english[key]) if field}, (language, key)
            assert ("|" in phrase) <= ("{n}" in phrase), (language, key)


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("en", 1, "The store has 1 song:"),
        ("en", 1297, "The store has 1,297 songs:"),
        ("de", 1, "Wir haben 1 Lied:"),
        ("de", 1297, "Wir haben 1.297 Lieder:"),
        ("es", 2, "Tenemos 2 canciones:"),
        ("fr", 0, "Nous avons 0 chanson :"),
        ("pt", 1, "Temos 1 música:"),
    ],
)
def test_one_and_many(language: str, number: int, said: str) -> None:
    assert say(language, "songs", number) == said


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("albums by Queen", "en"),
        ("Do you have the album Prenda Minha by Caetano Veloso?", "en"),
        ("Habt ihr was von Metallica?", "de"),
        ("Meine letzte Rechnung bitte, Kunde 5", "de"),
        ("¿Qué compré la última vez?", "es"),
        ("canciones de Metallica", "es"),
        ("Quels albums de Miles Davis avez-vous ?", "fr"),
        ("Combien ai-je dépensé ?", "fr"),
        ("Vocês têm João Gilberto?", "pt"),
        ("músicas de Djavan", "pt"),
        *((text, None) for text in ("6", "Nevermind", "", "AC/DC", "no", "cliente 6")),
    ],
)
def test_the_language_of_a_text(text: str, language: Any) -> None:
    assert language_of_text(text) == language


def test_a_word_alone_does_not_change_the_language_of_a_talk() -> None:
    assert language_of_talk(["Nevermind album", "Welche Alben habt ihr von Queen?"]) == "de"
    assert language_of_talk(["6", "Show me my invoices"]) == "en"
    assert language_of_talk(["¿Qué compré la última vez?", "Show me my invoices"]) == "es"
    assert language_of_talk(["mais", "6"]) == "pt"
