"""A tool's rows as sentences for a customer, in their language. Names of songs and albums are shown as they are."""

import re
from collections.abc import Callable
from decimal import Decimal

from apps.musicstore.bought_questions import title_and_artist
from apps.musicstore.calls import A_SONG, ALBUMS_OF, BY_DATE, BY_PRICE, EMPLOYEE, IN_GENRE, ON_ALBUM, SONGS_OF
from apps.musicstore.invoice_questions import Wanted
from apps.musicstore.money import amount_of, as_people_write, with_currency
from apps.musicstore.names import fold, squeeze
from apps.musicstore.phrases import Said, say, say_again
from apps.musicstore.tools.paging import Answer, Row

SHOWN = 10

# A row as a line, and the number of rows as what stands above them.
Line = Callable[[str, Row], str]
Head = Callable[[str, Answer], str]


def in_sentences(tool: str, answer: Answer, language: str = "en") -> str:
    """What the tool of this name answered, as a person would say it."""
    if answer.get("number_of_albums", 0) > 1:
        return _which_album(answer, language)
    rows = answer["rows"][:SHOWN]
    said = answer.get("message", "")
    if isinstance(said, Said) and said.key == "say_which_genre" and answer.get("nearest"):
        return say(language, "genres", names=", ".join(answer["nearest"]))
    # The title of the one album stands above its songs, and nobody has to say "the".
    is_plain = answer.get("albums") or (
        isinstance(said, Said) and said.key == "not_exact" and _is_the_same(**said.values)
    )
    message = "" if is_plain else say_again(language, said)
    if not rows and not answer.get("albums"):
        offered = say(language, "did_you_mean", names=", ".join(answer["nearest"])) if answer.get("nearest") else ""
        return " ".join(filter(None, (message, offered))) or say(language, "nothing_to_show")
    head, line = _SAID[tool]
    lines = [message] if message and rows else []
    lines += [head(language, answer), *(f"- {line(language, row)}" for row in rows)]
    left = answer["total"] - (answer["page"] - 1) * answer["page_size"] - len(rows)
    if left > 0:
        lines.append(say(language, "more", left))
    return "\n".join(lines)


def _is_the_same(asked: str, names: str) -> bool:
    """ "Rolling Stones" for "The Rolling Stones"."""
    return fold(asked).removeprefix("the ") == fold(names).removeprefix("the ")


def _which_album(answer: Answer, language: str) -> str:
    """Titles that fit as well as each other are asked about before the songs on all of them are shown."""
    albums = answer["albums"]
    lines = [say(language, "which_album", answer["number_of_albums"])]
    lines += [f"- {say(language, 'album_by', album=row['album'], name=row['artist'])}" for row in albums]
    if (left := answer["number_of_albums"] - len(albums)) > 0:
        lines.append(say(language, "more_invoices", left))
    return "\n".join([*lines, say(language, "which_of_them")])


def some_invoices(wanted: Wanted, rows: list[Row], language: str = "en") -> Answer:
    """Those of all of a customer's invoices (there are some, the newest first) that are wanted; `message` says them."""
    of_year = [row for row in rows if row["date"].startswith(f"{wanted.year}-")] if wanted.year else rows
    if not of_year:
        return _these(language, say(language, "none_of_year", year=wanted.year), [])
    if wanted.which in ("sum", "count"):
        return _these(language, _in_all(wanted, of_year, language), [])
    if wanted.which in ("number", "before"):
        return _by_number(wanted, rows, language)
    return _by_place(wanted, of_year, language)


def _by_place(wanted: Wanted, rows: list[Row], language: str) -> Answer:
    match wanted.which:
        case "first":
            head, chosen = say(language, "first"), rows[-1:]
        case "largest":
            head, chosen = say(language, "largest"), [max(rows, key=lambda row: amount_of(row["total"]))]
        case "last_but_one":
            head, chosen = say(language, "last_but_one" if rows[1:] else "only_one"), rows[1:2]
        case "when":
            head, chosen = say(language, "when_last", date=rows[0]["date"]), rows[:1]
        case "newest":
            chosen = rows[: wanted.value]
            head = say(language, "newest_some", len(chosen))
        case _:
            head, chosen = say(language, "of_year", len(rows), year=wanted.year), rows
    return _these(language, head, chosen)


def _in_all(wanted: Wanted, rows: list[Row], language: str) -> str:
    total = with_currency(sum((amount_of(row["total"]) for row in rows), Decimal(0)))
    values = {"total": as_people_write(total, language)} if wanted.which == "sum" else {}
    if wanted.year:
        return say(language, f"{wanted.which}_of_year", len(rows), year=wanted.year, **values)
    return say(language, wanted.which, len(rows), **values)


def _by_number(wanted: Wanted, rows: list[Row], language: str) -> Answer:
    """The invoice of this number, which is the customer's, or the one before it."""
    place = next((at for at, row in enumerate(rows) if row["invoice_id"] == wanted.value), None)
    if place is None:
        return _these(language, say(language, "no_invoice", invoice=wanted.value), [])
    if wanted.which == "number":
        return _these(language, say(language, "invoice_is", invoice=wanted.value), rows[place : place + 1])
    older = rows[place + 1 : place + 2]
    return _these(language, say(language, "before" if older else "none_before", invoice=wanted.value), older)


def _these(language: str, head: str, rows: list[Row]) -> Answer:
    shown = [f"- {_invoice(language, row)}" for row in rows[:SHOWN]]
    left = len(rows) - len(shown)
    lines = [head, *shown, *([say(language, "more_invoices", left)] if left else [])]
    return {"total": len(rows), "page": 1, "page_size": SHOWN, "rows": rows, "message": "\n".join(lines)}


def cheapest_first(rows: list[Row], language: str = "en") -> Answer:
    """All that a customer bought, which comes the dearest first, the other way round."""
    if not rows:
        return {"total": 0, "page": 1, "page_size": SHOWN, "rows": [], "message": say(language, "bought_nothing")}
    shown = [f"- {_item(language, row)}" for row in rows[::-1][:SHOWN]]
    left = len(rows) - len(shown)
    lines = [
        say(language, "cheapest_items", len(rows)),
        *shown,
        *([say(language, "more_invoices", left)] if left else []),
    ]
    return {"total": len(rows), "page": 1, "page_size": SHOWN, "rows": rows[::-1], "message": "\n".join(lines)}


def is_called_so(name: str, row: Row) -> bool:
    """Whether an item is a song of this name, or one by somebody of this name."""
    track, artist = str(row["track"]), str(row["artist"] or "")
    title, by = title_and_artist(name)
    is_both = bool(title) and _has_words(track, title) and _has_words(artist, by)
    return is_both or _is_named(track, name) or _is_named(artist, name)


def _is_named(name: str, said: str) -> bool:
    """Some words of a name are enough, and one is not: "missing" is no song that has it in its title."""
    plain = re.split(r"\s[(\[/-]", name)[0]
    return squeeze(said) in (squeeze(name), squeeze(plain)) or (" " in fold(said) and _has_words(name, said))


def _has_words(name: str, words: str) -> bool:
    return f" {fold(words)} " in f" {fold(name)} "


def items_called(name: str, rows: list[Row], language: str = "en") -> Answer:
    """What a customer has bought of that name, the newest first."""
    rows = sorted(rows, key=lambda row: str(row["date"]), reverse=True)
    head = say(language, "bought_of", len(rows), name=name) if rows else say(language, "bought_none_of", name=name)
    left = len(rows) - SHOWN
    lines = [head, *(f"- {_item(language, row)}" for row in rows[:SHOWN])]
    lines += [say(language, "more_invoices", left)] if left > 0 else []
    return {"total": len(rows), "page": 1, "page_size": SHOWN, "rows": rows, "message": "\n".join(lines)}


# --- lines -------------------------------------------------------------------------------------------


def _of_somebody(language: str, row: Row) -> str:
    return str(row["track"]) + (say(language, "by", name=row["artist"]) if row["artist"] else "")


def _track(language: str, row: Row) -> str:
    album = say(language, "from", album=row["album"]) if row["album"] else ""
    return f"{_of_somebody(language, row)}{album}{_length_and_price(language, row)}"


def _length_and_price(language: str, row: Row) -> str:
    return f" ({row['length']}, {as_people_write(row['price'], language)})"


def _on_album(language: str, row: Row) -> str:
    return f"{row['track']}{_length_and_price(language, row)}"


def _album(language: str, row: Row) -> str:
    return say(language, "album_by", album=row["album"], name=row["artist"])


def _invoice(language: str, row: Row) -> str:
    left = row["number_of_items"] - len(row["items"])
    items = "; ".join([*row["items"], *([say(language, "and_items", left)] if left else [])])
    total = as_people_write(row["total"], language)
    return say(language, "invoice", invoice=row["invoice_id"], date=row["date"], total=total, items=items)


def _item(language: str, row: Row) -> str:
    return say(
        language,
        "item",
        track=_of_somebody(language, row),
        price=as_people_write(row["unit_price"], language),
        quantity=row["quantity"],
        invoice=row["invoice_id"],
        date=row["date"],
    )


def _employee(_: str, row: Row) -> str:
    title = f", {row['title']}" if row["title"] else ""
    email = f": {row['email']}" if row["email"] else ""
    return f"{row['employee']}{title}{email}"


# --- heads -------------------------------------------------------------------------------------------


def _of(key: str, many: str, name: str) -> Head:
    """With whose they are, where all are somebody's of exactly that name."""

    def head(language: str, answer: Answer) -> str:
        names = {row[name] for row in answer["rows"]}
        if "message" in answer or len(names) != 1:
            return say(language, key, answer["total"])
        return say(language, many, answer["total"], name=names.pop())

    return head


def _counted(key: str) -> Head:
    return lambda language, answer: say(language, key, answer["total"])


def _one_album(language: str, answer: Answer) -> str:
    (album,) = answer["albums"]
    key = "songs_on" if answer["total"] else "no_songs_on"
    number = answer["total"] or None
    return say(language, key, number, album=album["album"], name=album["artist"])


def _invoices(language: str, answer: Answer) -> str:
    if answer["page_size"] == 1 < answer["total"]:
        return say(language, "newest" if answer["page"] == 1 else "next_newest", answer["total"])
    return say(language, "invoices", answer["total"])


_SAID: dict[str, tuple[Head, Line]] = {
    ALBUMS_OF: (_of("albums", "albums_by", "artist"), _album),
    SONGS_OF: (_of("songs", "songs_by", "artist"), _track),
    IN_GENRE: (_of("songs", "songs_in", "genre"), _track),
    A_SONG: (_counted("songs"), _track),
    ON_ALBUM: (_one_album, _on_album),
    BY_DATE: (_invoices, _invoice),
    BY_PRICE: (_counted("items"), _item),
    EMPLOYEE: (_counted("employee"), _employee),
}
