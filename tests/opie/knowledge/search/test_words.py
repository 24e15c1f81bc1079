"""What `opie_words` makes of a text: the words that rank, those that are left out, and the index's own name."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from apps.opie.knowledge.search.words import index_lexeme
from apps.opie.models.knowledge import Language

INDEX = UUID("019ac000-0000-7000-8000-00000000abcd")


def words(language: str, heading: str, body: str) -> tuple[dict[str, Any], int]:
    """Each lexeme with its weights (None where it has no positions), and how many words rank."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.lexeme, w.weights, opie_length(made) FROM opie_words(%s::regconfig, %s, %s, %s) made, unnest(made) w",
            [language, INDEX, heading, body],
        )
        rows = cursor.fetchall()
    return {lexeme: weights for lexeme, weights, _ in rows}, rows[0][2]


@pytest.mark.django_db
def test_a_heading_weighs_more_and_left_out_words_have_no_place() -> None:
    found, length = words("english", "Wings", "Who flies with wings flies")
    assert found == {
        "wing": ["A", "D"],
        "fli": ["D", "D"],
        "who": None,
        "with": None,
        index_lexeme(INDEX): None,
    }
    assert length == 4


@pytest.mark.django_db
def test_a_text_of_nothing_still_belongs_to_its_index() -> None:
    assert words("english", "", " … ") == ({index_lexeme(INDEX): None}, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("language", Language.values)
def test_every_language_is_there(language: str) -> None:
    found, length = words(language, "2026", "2026 опыт Erfahrung تجربة")
    assert found["2026"] == ["A", "D"]
    assert length == 5


@pytest.mark.django_db
def test_no_text_can_name_an_index() -> None:
    name = index_lexeme(INDEX)
    for body in (name, f"'{name}'", name.replace(" ", ""), name.replace(" ", "-"), f"{name}:1A"):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT %s = ANY(tsvector_to_array(to_tsvector('simple', %s)) || tsvector_to_array(to_tsvector('english', %s)))",
                [name, body, body],
            )
            assert cursor.fetchone() == (False,)
