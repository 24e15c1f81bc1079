"""How text is cut, whatever it is: by properties over any sections, and by the cases that people meet."""

import hashlib
import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.opie.knowledge.chunking import LONGEST, TARGET, Chunk, Chunker, chunks_of
from apps.opie.knowledge.reading.section import Location, Section

WORDS = st.sampled_from(
    [
        "a",
        "chunk",
        "is",
        "long.",
        "Really?",
        "\n",
        "\n\n",
        "第三章。",
        "สวัสดี",
        "ครับ",
        "مرحبا",
        "؟",
        "e\u0301",
        "👩‍👧",
        " " * 90,
        "x" * 700,
    ]
)
TEXTS = st.lists(WORDS, max_size=200).map(" ".join) | st.text(max_size=3000)
PLACES = st.builds(
    Location,
    page=st.none() | st.integers(1, 3),
    heading=st.sampled_from(["", "A", "A › B", "A › B › C", "B", "B › C"]),
    row=st.none() | st.integers(1, 3),
)
SECTIONS = st.lists(st.builds(Section, TEXTS, PLACES), max_size=8)
SENTENCE = "This sentence has about sixty characters, as sentences have it. "


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def fresh(chunk: Chunk) -> str:
    return chunk.text[chunk.overlap :]


def paged(*texts: str) -> list[Section]:
    return [Section(text, Location(page=page)) for page, text in enumerate(texts, start=1)]


@given(st.lists(st.builds(Section, TEXTS, st.builds(Location, page=st.integers(1, 2))), max_size=8))
@settings(deadline=None, max_examples=150)
def test_nothing_is_lost_and_nothing_is_new(sections: list[Section]) -> None:
    found = "".join(fresh(chunk) for chunk in chunks_of(sections))
    assert squeezed(found) == squeezed("".join(section.text for section in sections))


@given(SECTIONS)
@settings(deadline=None, max_examples=150)
def test_chunks_of_anything(sections: list[Section]) -> None:
    chunks = list(chunks_of(sections, "A title"))
    assert chunks == list(chunks_of(sections, "A title"))
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert 0 < len(chunk.text) <= LONGEST
        assert fresh(chunk).strip()
        assert chunk.digest == hashlib.sha256(chunk.searched_text.encode("utf-8", "replace")).hexdigest()
        assert chunk.location.page in {section.location.page for section in sections}
    for before, after in pairwise(chunks):
        assert squeezed(before.text).endswith(squeezed(after.text[: after.overlap]))
        assert not after.overlap or before.location.page == after.location.page


@given(SECTIONS)
@settings(deadline=None, max_examples=100)
def test_the_words_of_a_section_are_under_its_outermost_heading(sections: list[Section]) -> None:
    under: dict[tuple[object, ...], str] = {}
    for section in sections:
        place = (section.location.page, *section.location.headings[:1])
        under[place] = under.get(place, "") + squeezed(section.text)
    found: dict[tuple[object, ...], int] = {}
    for chunk in chunks_of(sections):
        place = (chunk.location.page, *chunk.location.headings[:1])
        found[place] = found.get(place, 0) + len(squeezed(fresh(chunk)))
    # Headings of an introduction's neighbours are added to the text, so there may be more, never less.
    assert found.keys() == {place for place, text in under.items() if text}
    assert all(found[place] >= len(under[place]) for place in found)


@given(SECTIONS)
@settings(deadline=None, max_examples=50)
def test_one_by_one_is_the_same_as_all_at_once(sections: list[Section]) -> None:
    chunker = Chunker("T")
    one_by_one = [chunk for section in sections for chunk in chunker.add(section)] + chunker.finish()
    assert one_by_one == list(chunks_of(sections, "T"))


def test_a_long_text_is_cut_after_sentences_and_each_chunk_begins_with_the_last_of_the_one_before() -> None:
    chunks = list(chunks_of([Section(SENTENCE * 100)]))
    assert all(0.4 * TARGET < len(chunk.text) <= 1.2 * TARGET for chunk in chunks)
    assert all(chunk.text.startswith("This") and chunk.text.endswith("it.") for chunk in chunks)
    assert all(len(SENTENCE) <= chunk.overlap <= 0.2 * TARGET for chunk in chunks[1:])


def test_cuts_between_paragraphs_come_before_cuts_between_sentences() -> None:
    first, second = SENTENCE * 10, SENTENCE * 12
    chunks = list(chunks_of([Section(f"{first}\n\n{second}")]))
    assert chunks[0].text == first.strip()


def test_no_scrap_is_left_at_the_end() -> None:
    for sentences in range(14, 60):
        chunks = list(chunks_of([Section(SENTENCE * sentences)]))
        assert min(len(fresh(chunk)) for chunk in chunks) > 200, sentences


def test_small_sections_of_one_page_are_joined_and_pages_are_not() -> None:
    sections = [*paged("One.", "Two."), Section("Three.", Location(page=2))]
    assert [(chunk.text, chunk.location.page) for chunk in chunks_of(sections)] == [("One.", 1), ("Two.\n\nThree.", 2)]


def test_rows_are_lines_and_the_chunk_is_where_its_first_row_is() -> None:
    rows = [Section(f"Name: {n} | Text: {'x' * 90}", Location(sheet="S", row=n)) for n in range(1, 31)]
    chunks = list(chunks_of([*rows, Section("Other", Location(sheet="T", row=1))]))
    assert all(line in {row.text for row in rows} for chunk in chunks[:-1] for line in chunk.text.split("\n"))
    for chunk in chunks[:-1]:
        assert fresh(chunk).startswith(f"Name: {chunk.location.row} |")
    assert (chunks[-1].text, chunks[-1].location) == ("Other", Location(sheet="T", row=1))


def test_headings_are_beside_the_text_and_in_what_is_searched() -> None:
    [chunk] = chunks_of([Section("Press the button.", Location(heading="Guide › Set up"))], "The machine")
    assert (chunk.text, chunk.heading) == ("Press the button.", "Guide › Set up")
    assert chunk.searched_text == "The machine › Guide › Set up\nPress the button."
    [untitled] = chunks_of([Section("Press.", Location(heading="The machine › Use"))], "The machine")
    assert untitled.searched_text == "The machine › Use\nPress."


def test_a_short_introduction_goes_with_what_it_introduces() -> None:
    sections = [
        Section("In short:", Location(heading="Guide")),
        Section("Press the button.", Location(heading="Guide › Set up")),
        Section("Then wait.", Location(heading="Other")),
    ]
    assert [(chunk.heading, chunk.text) for chunk in chunks_of(sections)] == [
        ("Guide", "In short:\n\nSet up\nPress the button."),
        ("Other", "Then wait."),
    ]


def test_sections_under_neighbouring_headings_stay_apart() -> None:
    sections = [Section("One.", Location(heading="A › B")), Section("Two.", Location(heading="A › C"))]
    assert [(chunk.heading, chunk.text) for chunk in chunks_of(sections)] == [("A › B", "One."), ("A › C", "Two.")]


def test_writing_without_spaces_is_cut_after_its_sentences_and_shorter() -> None:
    sentence = "这是一个没有空格的句子，它有二十多个汉字那么长。"
    chunks = list(chunks_of([Section(sentence * 100)]))
    assert all(chunk.text.startswith("这是") and chunk.text.endswith("。") for chunk in chunks)
    assert max(len(chunk.text) for chunk in chunks) <= 0.6 * TARGET
    assert all(chunk.overlap for chunk in chunks[1:])


def test_vowel_signs_stay_with_their_letters() -> None:
    letter = "ก" + "ำ" + "\u0e49"
    for chunk in chunks_of([Section(letter * 2000)]):
        assert chunk.text.startswith("ก")


def test_arabic_sentences() -> None:
    sentence = "هل هذه جملة طويلة بما يكفي لتكون مثالا جيدا؟ "
    chunks = list(chunks_of([Section(sentence * 80)]))
    assert all(chunk.text.endswith("؟") and chunk.text.startswith("هل") for chunk in chunks)


def test_another_title_heading_or_text_is_another_digest() -> None:
    one = Section("Text.", Location(heading="A"))
    others = [chunks_of([one]), chunks_of([one], "T"), chunks_of([Section("Text.")]), chunks_of([Section("Text!")])]
    assert len({chunk.digest for [chunk] in map(list, others)}) == 4


def test_the_place_is_not_in_the_digest() -> None:
    [first], [second] = (list(chunks_of([Section("Text.", Location(page=page))])) for page in (1, 2))
    assert first.digest == second.digest
