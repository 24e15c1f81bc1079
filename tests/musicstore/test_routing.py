"""Which member of the team a message is for, by its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.musicstore.routing import INVOICE_AGENT, MUSIC_AGENT, WORDS, route


@pytest.mark.parametrize(
    ("message", "member"),
    [
        ("Which songs do you have?", MUSIC_AGENT),
        ("ALBUMS by AC/DC", MUSIC_AGENT),
        ("the artist's records", MUSIC_AGENT),
        ("the artists’ names", MUSIC_AGENT),
        ("What genre is this?", MUSIC_AGENT),
        ("(track)", MUSIC_AGENT),
        ("In order to find a song, what do I do?", MUSIC_AGENT),
        ("my last invoice, please", INVOICE_AGENT),
        ("my purchases", INVOICE_AGENT),
        ("Orders!", INVOICE_AGENT),
        ("billing", INVOICE_AGENT),
        ("a payment/refund", INVOICE_AGENT),
        ("I lost track of my payments", INVOICE_AGENT),
        ("which songs are on my invoice", None),
        ("hello", None),
        ("", None),
        ("songbirds, albumen, trackless, ordering, bordering", None),
        ("write to song@example.com", None),
        ("Show me something in order to relax", None),
    ],
)
def test_by_whole_words(message: str, member: str | None) -> None:
    assert route(message) == member


@given(st.sampled_from([(member, word) for member, words in WORDS.items() for word in words]), st.booleans())
def test_every_word_leads_to_its_member_and_with_one_of_the_others_to_nobody(
    chosen: tuple[str, str], many: bool
) -> None:
    member, word = chosen
    said = f"About the {word}{'s' if many else ''}?"
    assert route(said) == route(said.upper()) == member
    for other, words in WORDS.items():
        if other != member:
            assert all(route(f"{said} {one}") is None for one in words)


@given(st.text(max_size=200))
def test_any_text_is_routed_or_not(message: str) -> None:
    assert route(message) in (MUSIC_AGENT, INVOICE_AGENT, None)
