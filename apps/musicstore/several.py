"""Several names in one question: "songs by Kiss & AC/DC" is about two, "albums by Page & Plant" about one."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from apps.musicstore import finding
from apps.musicstore.calls import A_SONG, ALBUMS_OF, IN_GENRE, NAMED, SONGS_OF, Call
from apps.musicstore.models import Artist, Genre, Track
from apps.musicstore.names import are_as_good

# Answered at once, and looked at to find these.
MOST_NAMES, MOST_PARTS = 4, 8
_ROWS: Mapping[str, Callable[[], Any]] = {
    ALBUMS_OF: Artist.objects.all,
    SONGS_OF: Artist.objects.all,
    IN_GENRE: Genre.objects.all,
    A_SONG: Track.objects.all,
}
_BETWEEN = re.compile(
    r"(\s*(?:,\s*(?:and|or|und|oder|y|o|et|ou|e)\s+|[,;+]\s*|\s&\s*|\s(?:and|or|as\s+well\s+as|plus|und|oder|y|et|ou|e)\s+))",
    re.IGNORECASE,
)
_ALSO = re.compile(r"^(?:(?:also|both|by|from|of|von|de|auch|the\s+band)\s+)+", re.IGNORECASE)


def names_in(call: Call) -> list[str]:
    """The names that the call is about; one, unless `each_meant` found several."""
    said = call.arguments[NAMED[call.tool]]
    return [str(one) for one in said] if isinstance(said, list) else [str(said)]


def each_meant(call: Call) -> Call:
    """The same call with a list of names where several are meant: what is no name as a whole, and names the catalogue has when
    it is taken apart. One of them has to be spelled right, or nearly: of "Simon & Garfunkel" neither is."""
    if call.tool not in _ROWS or call.by:
        return call
    said = str(call.arguments[NAMED[call.tool]])
    parts = _BETWEEN.split(said)[: 2 * MOST_PARTS - 1]
    rows = _ROWS[call.tool]
    if len(parts) < 3 or finding.spelled(rows(), said).exists():
        return call
    names = list(_joined(parts, rows))
    found = [finding.find(rows(), name) for name in names]
    is_one = [one.exact for one in found]
    is_nearly = [any(are_as_good(name, row.name) for row in one.rows) for name, one in zip(names, found, strict=True)]
    known = sum(bool(one.rows) for one in found)
    if len(names) > 1 and (any(is_one) or (any(is_nearly) and known > 1)):
        return replace(call, arguments={**call.arguments, NAMED[call.tool]: names})
    return call


def _joined(parts: list[str], rows: Callable[[], Any]) -> Iterator[str]:
    """The names in what was taken apart (names and what is between them, by turns): as many parts together as are one name."""
    start = 0
    while start < len(parts):
        end = start + 1
        for longer in range(len(parts), start + 2, -2):
            together = finding.spelled(rows(), "".join(parts[start:longer])).first()
            if together is not None and together.exact:
                end = longer
                break
        if name := _ALSO.sub("", "".join(parts[start:end]).strip()):
            yield name
        start = end + 1
