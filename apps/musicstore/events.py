"""What the shop tells of by webhook: an order becomes an invoice, a customer's question a conversation with the team."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.db.models.functions import Lower
from django.utils import timezone
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
    model_validator,
)

from apps.musicstore.finding import find
from apps.musicstore.models import Customer, Invoice, InvoiceLine, Track
from apps.musicstore.routing import SUPERVISOR
from apps.musicstore.verified import KIND
from apps.opie.extend import (
    IncomingEvent,
    InvalidInput,
    NotFound,
    VerificationMethod,
    bind_subject,
    register_webhook_event,
)

MOST_LINES = 200
MOST_OF_ONE = 100
_LARGEST_ID = 2**31 - 1

Id = Annotated[int, Field(ge=1, le=_LARGEST_ID)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=60)]
Billing = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]

# Under a name of its own: within the model `date` is a field.
When = AwareDatetime | date
# A date without a time may be tomorrow's already where the shop is.
CLOCKS_DIFFER = timedelta(days=1)


def _with_example(data: dict[str, JsonValue]) -> ConfigDict:
    """What somebody is shown who wants to try the webhook out."""
    return ConfigDict(json_schema_extra={"examples": [data]})


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrderLine(_Told):
    """A track, by its id or its name, at the price of the list unless it was sold at another."""

    track_id: Id | None = None
    track: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)] = 1
    unit_price: Annotated[Decimal, Field(ge=0, le=1000, decimal_places=2)] | None = None

    @model_validator(mode="after")
    def _one_track(self) -> "OrderLine":
        if (self.track_id is None) == (self.track is None):
            raise ValueError("Say which track: track_id, or track with its name.")
        return self


class NewOrder(_Told):
    """An order that was paid. Unless said, it was now, and is billed to where the customer lives."""

    model_config = _with_example({"customer_id": 1, "lines": [{"track": "Rehab", "quantity": 2}]})

    customer_id: Id | None = None
    email: Email | None = None
    lines: Annotated[list[OrderLine], Field(min_length=1, max_length=MOST_LINES)]
    date: When | None = None
    billing_address: Annotated[str, StringConstraints(strip_whitespace=True, max_length=70)] | None = None
    billing_city: Billing | None = None
    billing_state: Billing | None = None
    billing_country: Billing | None = None
    billing_postal_code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10)] | None = None

    @field_validator("date")
    @classmethod
    def _not_to_come(cls, said: When | None) -> When | None:
        if said is not None and _moment(said, timezone.now()) > timezone.now() + CLOCKS_DIFFER:
            raise ValueError("The order was paid: its date cannot be in the future.")
        return said

    @model_validator(mode="after")
    def _somebody(self) -> "NewOrder":
        if self.customer_id is None and self.email is None:
            raise ValueError("Say whose order it is: customer_id or email.")
        return self


class CustomerQuery(_Told):
    """A question of somebody whom the shop knows, or of a visitor; in a thread that an earlier query began, or a new one."""

    model_config = _with_example({"customer_id": 1, "message": "Which invoices do I have?"})

    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    customer_id: Id | None = None
    email: Email | None = None
    thread_id: UUID | None = None


def register_events() -> None:
    """Once, when the app is ready."""
    register_webhook_event("new_order", take_order, schema=NewOrder)
    register_webhook_event("customer_query", take_query, schema=CustomerQuery)


def take_order(event: IncomingEvent) -> dict[str, Any]:
    """Write the invoice. Raises NotFound for a customer or track that the store does not have, InvalidInput where two things
    are said of whose order it is, or a name is that of several tracks."""
    order: NewOrder = event.data
    customer = _customer(order.customer_id, order.email)
    if customer is None:
        raise NotFound("The store has no customer with this e-mail address.")
    lines = [_line(number, line) for number, line in enumerate(order.lines)]
    invoice = Invoice.objects.create(
        customer=customer,
        invoice_date=_moment(order.date, event.received_at),
        total=sum((line.amount for line in lines), Decimal(0)),
        **_billing(order, customer),
    )
    for line in lines:
        line.invoice = invoice
    InvoiceLine.objects.bulk_create(lines)
    return {"invoice_id": invoice.pk, "customer_id": customer.pk, "total": str(invoice.total)}


def take_query(event: IncomingEvent) -> dict[str, Any]:
    """Ask the team, in the name of whom the webhook acts for. The shop's word on who the customer is counts: it has signed.

    An e-mail address that nobody has is a visitor's. Raises NotFound for a customer or thread that is not there, and
    Conflict for a thread that is about another customer.
    """
    from apps.opie.extend import AgentOSService  # here, because it brings all of the engine along

    query: CustomerQuery = event.data
    customer = _customer(query.customer_id, query.email)
    team = AgentOSService(event.principal)
    if query.thread_id:
        session_id = event.own_session(query.thread_id)
    else:
        # The customer is not the one whom the webhook acts for, and neither is the next who writes.
        session_id = team.create_session(SUPERVISOR, speaks_for_others=True).pk
    if customer is not None:
        bind_subject(event.principal, session_id, KIND, str(customer.pk), method=VerificationMethod.HOST)
    run_id = team.leave_message(SUPERVISOR, query.message, session_id)
    return {
        "session_id": str(session_id),
        "run_id": str(run_id) if run_id else None,  # None: a person has the conversation
        "customer_id": customer.pk if customer else None,
    }


def _customer(customer_id: int | None, email: str | None) -> Customer | None:
    """The one who is meant; None for an address that nobody has, and for nobody."""
    by_email = None
    if email is not None:
        by_email = Customer.objects.alias(lowered=Lower("email")).filter(lowered=email.lower()).first()
    if customer_id is None:
        return by_email
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(f"The store has no customer {customer_id}.")
    if email is not None and by_email != customer:
        raise InvalidInput(fields={"data.email": [f"This is not the address of customer {customer_id}."]})
    return customer


def _line(number: int, line: OrderLine) -> InvoiceLine:
    track = _track(number, line)
    price = track.unit_price if line.unit_price is None else line.unit_price
    return InvoiceLine(track=track, unit_price=price, quantity=line.quantity)


def _track(number: int, line: OrderLine) -> Track:
    """Raises NotFound, and InvalidInput for a name of several. What is only like a name is no order for it."""
    where = f"Line {number + 1}:"
    if line.track_id is not None:
        track = Track.objects.filter(pk=line.track_id).first()
        if track is None:
            raise NotFound(f"{where} the store has no track {line.track_id}.")
        return track
    found = find(Track.objects.all(), line.track or "")
    if not found.exact:
        near = _named(found.nearest or [row.name for row in found.rows])
        raise NotFound(f"{where} the store has no track called “{line.track}”.{near}")
    if len(found.rows) > 1:
        ids = ", ".join(str(row.pk) for row in found.rows)
        raise InvalidInput(f"{where} several tracks are called “{line.track}” ({ids}). Say which, by track_id.")
    return found.rows[0]


def _named(names: Sequence[str]) -> str:
    return f" Its name is like: {', '.join(names[:5])}." if names else ""


def _moment(said: datetime | date | None, received: datetime) -> datetime:
    if said is None:
        return received
    return said if isinstance(said, datetime) else datetime.combine(said, time(), UTC)


def _billing(order: NewOrder, customer: Customer) -> dict[str, str]:
    """An address that is said at all is said as a whole."""
    names = ("address", "city", "state", "country", "postal_code")
    said = {name: getattr(order, f"billing_{name}") for name in names}
    if all(value is None for value in said.values()):
        said = {name: getattr(customer, name) for name in names}
    return {f"billing_{name}": value or "" for name, value in said.items()}
