"""A tool's rows as sentences for a customer."""

from collections.abc import Callable
from decimal import Decimal

from apps.musicstore.calls import BY_DATE
from apps.musicstore.invoice_questions import Wanted
from apps.musicstore.tools.paging import Answer, Row

SHOWN = 10


def in_sentences(tool: str, answer: Answer) -> str:
    """What the tool of this name answered, as a person would say it. Names of songs and albums are shown as they are."""
    rows = answer["rows"]
    if not rows:
        return _to_the_customer(answer.get("message", "")) or "There is nothing to show."
    head, line = _SAID[tool]
    lines = [_to_the_customer(answer["message"])] if "message" in answer else []
    is_newest = tool == BY_DATE and answer["page_size"] == answer["page"] == 1 < answer["total"]
    lines.append(f"The newest of your {answer['total']} invoices:" if is_newest else head(answer["total"]))
    lines += [f"- {line(row)}" for row in rows[:SHOWN]]
    left = answer["total"] - (answer["page"] - 1) * answer["page_size"] - len(rows[:SHOWN])
    if left > 0:
        lines.append(f"There {'is' if left == 1 else 'are'} {left:,} more. Say “more” to see the next.")
    return "\n".join(lines)


def some_invoices(wanted: Wanted, rows: list[Row]) -> Answer:
    """Those of all of a customer's invoices (there are some, the newest first) that are wanted; `message` says them."""
    match wanted.which:
        case "sum":
            total = sum(Decimal(row["total"]) for row in rows)
            return _these(f"Your {_count(len(rows), 'invoice')} come to {total} in all.", [])
        case "count":
            return _these(f"You have {_count(len(rows), 'invoice')}.", [])
        case "number":
            found = [row for row in rows if row["invoice_id"] == wanted.value]
            return _these(f"Invoice {wanted.value}:" if found else f"You have no invoice {wanted.value}.", found)
        case "year":
            found = [row for row in rows if row["date"].startswith(f"{wanted.value}-")]
            head = f"Of {wanted.value} you have {_count(len(found), 'invoice')}:"
            return _these(head if found else f"You have no invoice of {wanted.value}.", found)
        case "first":
            return _these("Your first invoice:", rows[-1:])
        case "largest":
            return _these("Your largest invoice:", [max(rows, key=lambda row: Decimal(row["total"]))])
        case "last_but_one":
            return _these("The one before your last:", rows[1:2]) if rows[1:] else _these("You have one invoice.", [])
        case "newest":
            return _these(f"Your newest {_count(len(rows[: wanted.value]), 'invoice')}:", rows[: wanted.value])


def _these(head: str, rows: list[Row]) -> Answer:
    shown = [f"- {_invoice(row)}" for row in rows[:SHOWN]]
    left = len(rows) - len(shown)
    more = [f"There are {left} more."] if left else []
    return {
        "total": len(rows),
        "page": 1,
        "page_size": SHOWN,
        "rows": rows,
        "message": "\n".join([head, *shown, *more]),
    }


def _to_the_customer(message: str) -> str:
    """What a tool tells the model, as it is told to whoever asked."""
    return message.replace("The customer has", "You have").replace("Did they mean", "Did you mean")


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
