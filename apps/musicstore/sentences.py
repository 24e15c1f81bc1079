"""A tool's rows as sentences for a customer."""

from collections.abc import Callable

from apps.musicstore.tools.paging import Answer, Row

SHOWN = 10


def in_sentences(tool: str, answer: Answer) -> str:
    """What the tool of this name answered, as a person would say it. Names of songs and albums are shown as they are."""
    rows = answer["rows"]
    if not rows:
        return answer.get("message", "").replace("The customer has", "You have") or "There is nothing to show."
    head, line = _SAID[tool]
    lines = [answer["message"]] if "message" in answer else []
    lines.append(head(answer["total"]))
    lines += [f"- {line(row)}" for row in rows[:SHOWN]]
    left = answer["total"] - (answer["page"] - 1) * answer["page_size"] - len(rows[:SHOWN])
    if left > 0:
        lines.append(f"There {'is' if left == 1 else 'are'} {left:,} more. Say “more” to see the next.")
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"


def _track(row: Row) -> str:
    by = f" by {row['artist']}" if row["artist"] else ""
    album = f", from {row['album']}" if row["album"] else ""
    return f"{row['track']}{by}{album} ({row['length']}, {row['price']})"


def _invoice(row: Row) -> str:
    more = row["number_of_items"] - len(row["items"])
    items = "; ".join(row["items"]) + (f"; and {more} more" if more else "")
    return f"Invoice {row['invoice_id']} of {row['date']}, total {row['total']}: {items}"


def _item(row: Row) -> str:
    by = f" by {row['artist']}" if row["artist"] else ""
    return f"{row['track']}{by}: {row['unit_price']} each, {row['quantity']} on invoice {row['invoice_id']} of {row['date']}"


def _employee(row: Row) -> str:
    title = f", {row['title']}" if row["title"] else ""
    email = f": {row['email']}" if row["email"] else ""
    return f"{row['employee']}{title}{email}"


_SONGS_FOUND: tuple[Callable[[int], str], Callable[[Row], str]] = (
    lambda total: f"The store has {_count(total, 'song')}:",
    _track,
)
_SAID: dict[str, tuple[Callable[[int], str], Callable[[Row], str]]] = {
    "get_albums_by_artist": (
        lambda total: f"The store has {_count(total, 'album')}:",
        lambda row: f"{row['album']} by {row['artist']}",
    ),
    "get_tracks_by_artist": _SONGS_FOUND,
    "get_songs_by_genre": _SONGS_FOUND,
    "check_for_songs": _SONGS_FOUND,
    "get_invoices_by_customer_sorted_by_date": (
        lambda total: f"You have {_count(total, 'invoice')}, the newest first:",
        _invoice,
    ),
    "get_invoices_sorted_by_unit_price": (
        lambda total: f"You have bought {_count(total, 'item')}, the most expensive first:",
        _item,
    ),
    "get_employee_by_invoice_and_customer": (lambda _: "This is who looks after you:", _employee),
}
