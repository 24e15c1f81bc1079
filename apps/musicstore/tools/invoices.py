"""The tools of the invoice agent. `customer_id` is the verified customer's, and comes from whoever wraps these functions, never
from a model: every statement begins with it, and nothing else that is given can reach another customer's rows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import F

from apps.musicstore.models import Invoice, InvoiceLine
from apps.musicstore.money import with_currency
from apps.musicstore.phrases import Said
from apps.musicstore.tools.paging import Answer, Row, nothing, page_of

INVOICES_ON_A_PAGE = 10
LINES_ON_A_PAGE = 20
MOST_ITEMS = 30
_LARGEST_ID = 2**31 - 1


def get_invoices_by_customer_sorted_by_date(
    customer_id: int, page: int = 1, page_size: int = INVOICES_ON_A_PAGE
) -> Answer:
    """List the verified customer's own invoices (purchases, orders), the newest first, with what was bought on each.

    The answer has one page of rows, the total number of invoices, and in "more" how to get the next page.

    Args:
        page: Which page, from 1.
        page_size: Invoices on a page, 25 at most.
    """
    invoices = Invoice.objects.filter(customer_id=customer_id).order_by("-invoice_date", "-id")

    def show(rows: Sequence[Row]) -> Iterable[Row]:
        items = _items(customer_id, [row["id"] for row in rows])
        for row in rows:
            bought = items[row["id"]]
            yield {
                "invoice_id": row["id"],
                "date": f"{row['invoice_date']:%Y-%m-%d}",
                "total": with_currency(row["total"]),
                "items": bought[:MOST_ITEMS],
                "number_of_items": len(bought),
            }

    answer = page_of(invoices.values("id", "invoice_date", "total"), page, page_size, show)
    return _said_if_none(answer)


def get_invoices_sorted_by_unit_price(customer_id: int, page: int = 1, page_size: int = LINES_ON_A_PAGE) -> Answer:
    """List what the verified customer bought, the most expensive first: one row for each item, with its unit price and invoice.

    The answer has one page of rows, the total number of items, and in "more" how to get the next page.

    Args:
        page: Which page, from 1.
        page_size: Items on a page, 25 at most.
    """
    lines = InvoiceLine.objects.filter(invoice__customer_id=customer_id)
    ordered = lines.order_by("-unit_price", "-invoice__invoice_date", "-invoice_id", "id").values(
        *("invoice_id", "unit_price", "quantity"),
        date=F("invoice__invoice_date"),
        name=F("track__name"),
        by=F("track__album__artist__name"),
    )

    def show(rows: Sequence[Row]) -> Iterable[Row]:
        for row in rows:
            yield {
                "invoice_id": row["invoice_id"],
                "date": f"{row['date']:%Y-%m-%d}",
                "track": row["name"],
                "artist": row["by"],
                "unit_price": with_currency(row["unit_price"]),
                "quantity": row["quantity"],
            }

    return _said_if_none(page_of(ordered, page, page_size, show))


def get_employee_by_invoice_and_customer(customer_id: int, invoice_id: int) -> Answer:
    """Tell which employee looks after the verified customer, for one of the customer's own invoices: name, title, e-mail.

    Args:
        invoice_id: The number of the invoice.
    """
    # Asked as it is, a number that no column can hold would be the database's error.
    own = Invoice.objects.filter(customer_id=customer_id, pk=min(max(invoice_id, 0), _LARGEST_ID))
    found = own.values(
        first=F("customer__support_rep__first_name"),
        last=F("customer__support_rep__last_name"),
        title=F("customer__support_rep__title"),
        email=F("customer__support_rep__email"),
    ).first()
    if found is None:
        return nothing(Said(f"The customer has no invoice {invoice_id}.", "no_invoice", invoice=invoice_id))
    if found["first"] is None:
        return nothing(Said(f"Nobody in particular looks after invoice {invoice_id}.", "nobody", invoice=invoice_id))
    name = f"{found['first']} {found['last']}"
    row = {"invoice_id": invoice_id, "employee": name, "title": found["title"], "email": found["email"]}
    return {"total": 1, "page": 1, "page_size": 1, "rows": [row]}


def _items(customer_id: int, invoice_ids: Sequence[int]) -> dict[int, list[str]]:
    lines = InvoiceLine.objects.filter(invoice__customer_id=customer_id, invoice_id__in=invoice_ids).order_by("id")
    items = defaultdict(list)
    for invoice, track, artist in lines.values_list("invoice_id", "track__name", "track__album__artist__name"):
        items[invoice].append(f"{track} – {artist}" if artist else track)
    return items


def _said_if_none(answer: Answer) -> Answer:
    if not answer["total"]:
        answer["message"] = Said("The customer has bought nothing yet.", "bought_nothing")
    return answer
