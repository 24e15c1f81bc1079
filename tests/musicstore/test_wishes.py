"""What a short message asks for: to go on, yes, a person."""

import pytest

from apps.musicstore.wishes import next_page, says_yes, wants_person


@pytest.mark.parametrize(
    ("text", "page"),
    [
        *(
            (text, 3)
            for text in ("more", "show the next ones", "More, please!", "more songs please", "ok next page please")
        ),
        *((text, 3) for text in ("Mehr, bitte", "weiter", "más por favor", "la suite s'il vous plaît", "mais")),
        ("page 7", 7),
        *(
            (text, None)
            for text in ("more than a feeling", "no more", "more of Queen and AC/DC", "page", "what is more")
        ),
    ],
)
def test_going_on(text: str, page: int | None) -> None:
    assert next_page(text, 2) == page


@pytest.mark.parametrize(
    "text", ["yes", "Yes, please!", "sure", "ok do that", "ja bitte", "oui", "sí, por favor", "sim"]
)
def test_a_yes(text: str) -> None:
    assert says_yes(text)


@pytest.mark.parametrize("text", ["no", "yes but later", "not sure", "", "yesterday"])
def test_no_yes(text: str) -> None:
    assert not says_yes(text)


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to a person?",
        "I need a real human being",
        "human please",
        "let me speak with someone from your staff",
        "connect me to an agent",
        "Ich möchte mit einem Menschen sprechen",
        "quiero hablar con una persona",
        "je veux parler à quelqu'un",
        "quero falar com uma pessoa",
    ],
)
def test_a_person_is_wanted(text: str) -> None:
    assert wants_person(text)


@pytest.mark.parametrize(
    "text", ["Who is the person on the album?", "the song Human", "I am a person", "people are strange"]
)
def test_no_person_is_wanted(text: str) -> None:
    assert not wants_person(text)
