"""A document of each format, from the stored file to the passage that answers a question about it."""

from typing import Any

import pytest

from apps.opie.knowledge.search import search
from apps.opie.scope import RunScope, current_scope
from tests.opie.knowledge import documents as made
from tests.opie.knowledge.conftest import HandIn
from tests.opie.people import Person

RETURNS = "A record may be returned within thirty days, unopened and with its receipt."
SHIPPING = "Parcels leave the warehouse on Mondays and Thursdays before noon."
PARTS = [made.Part("Returns", [RETURNS]), made.Part("Shipping", [SHIPPING])]
ROWS = [["Topic", "Rule"], ["Returns", RETURNS], ["Shipping", SHIPPING]]

FILES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("rules.pdf", made.pdf(PARTS), {"page": 1}),
    ("rules.docx", made.docx(PARTS), {"heading": "Returns"}),
    ("rules.pptx", made.pptx(PARTS), {"slide": 1}),
    ("rules.xlsx", made.xlsx({"Rules": ROWS}), {"sheet": "Rules"}),
    ("rules.html", made.html(PARTS), {"heading": "Returns"}),
    ("rules.md", made.markdown(PARTS), {"heading": "Returns"}),
    ("rules.txt", made.text(PARTS), {}),
    ("rules.csv", made.csv(ROWS), {}),
    ("rules.json", made.json([{"topic": topic, "rule": rule} for topic, rule in ROWS[1:]]), {}),
]


@pytest.mark.parametrize(("name", "content", "place"), FILES, ids=[name for name, _, _ in FILES])
async def test_each_format_answers(
    hand_in: HandIn, person: Person, name: str, content: bytes, place: dict[str, Any]
) -> None:
    document = await hand_in(content, name)
    assert (document.status, document.reason) == ("ready", "")
    current_scope.set(RunScope(person.principal))
    hits = await search(person.principal, "How long may records be returned?", base_ids=[document.base_id], limit=1)
    assert "thirty days" in hits[0].text
    assert place.items() <= hits[0].location.items()
    assert "\x00" not in hits[0].text
