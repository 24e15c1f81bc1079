"""The store's own tools as they are called without a model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.musicstore.tools import catalogue, invoices
from apps.musicstore.tools.paging import Answer

# More of a message is not looked at.
LONGEST_MESSAGE = 500

CATALOGUE: Mapping[str, Callable[..., Answer]] = {
    tool.__name__: tool
    for tool in (
        catalogue.get_albums_by_artist,
        catalogue.get_tracks_by_artist,
        catalogue.get_songs_by_genre,
        catalogue.check_for_songs,
        catalogue.get_tracks_by_album,
    )
}
INVOICES: Mapping[str, Callable[..., Answer]] = {
    tool.__name__: tool
    for tool in (
        invoices.get_invoices_by_customer_sorted_by_date,
        invoices.get_invoices_sorted_by_unit_price,
        invoices.get_employee_by_invoice_and_customer,
    )
}
ALBUMS_OF, SONGS_OF, IN_GENRE, A_SONG, ON_ALBUM = CATALOGUE
BY_DATE, BY_PRICE, EMPLOYEE = INVOICES
# What a tool of the catalogue is told the name as.
NAMED: Mapping[str, str] = {
    ALBUMS_OF: "artist",
    SONGS_OF: "artist",
    IN_GENRE: "genre",
    A_SONG: "song_title",
    ON_ALBUM: "album",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A tool and what it is given; never the customer. `by` is the artist whose rows are wanted where the tool is not told. What is
    not `sure` is only meant if it finds something."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    sure: bool = True
