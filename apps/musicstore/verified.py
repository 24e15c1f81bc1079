"""The customer of a conversation: recognised in what the person writes, bound by Opie, and put into the invoice tools.

Neither a model nor a message names a customer to a tool: the one that the conversation is bound to is the first argument.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings

from apps.musicstore.customers import recognise
from apps.musicstore.models import AskedForCustomer, Customer
from apps.musicstore.routing import INVOICE_AGENT, SUPERVISOR, is_about_catalogue, is_about_purchases
from apps.opie.extend import (
    NOBODY,
    NotAllowed,
    Recognised,
    RunAtHand,
    RunScope,
    Verification,
    VerificationStep,
    register_verification,
    require_verified,
    verification_of,
)

KIND = "customer"
LONGEST_NUMBER = 9


def register_customers() -> VerificationStep:
    """Once, when the app is ready. Whether a code is asked for is the operator's to say."""
    return register_verification(
        KIND,
        recognise=recognise_customer,
        agent_ids=[SUPERVISOR, INVOICE_AGENT],
        code_to=address_of if settings.MUSICSTORE_EMAIL_CODE else None,
        subject_of=number_of,
    )


def recognise_customer(run: RunAtHand) -> Recognised | None:
    """Whoever is named beyond doubt. A number alone is one where it was asked for, and not where a code was."""
    asks = verification_of(run.session_id, KIND).state in ("wanted", "expired")
    asked = asks and was_asked(run.session_id)
    found = recognise(run.text if asked else _without_titles(run.text), asked=asked)
    if found.customer is not None:
        return Recognised(str(found.customer.pk))
    return None if found.outcome == "nothing_said" else NOBODY


def _without_titles(text: str) -> str:
    """The text without what is asked of the catalogue alone: “the song My id is 7” is nobody's id."""
    sentences = re.split(r"(?<=[.!?\n])\s+", text)
    return " ".join(one for one in sentences if not is_about_catalogue(one) or is_about_purchases(one))


def number_of(said: str) -> str | None:
    """The customer's number as the store writes it, of what a key or the page around a widget says; None for what is none."""
    is_number = said.isascii() and said.isdigit() and len(said) <= LONGEST_NUMBER
    return str(int(said)) if is_number and int(said) > 0 else None


def address_of(subject: str) -> str | None:
    """Where a customer's code goes: to the address on record, whatever the message says."""
    customer = Customer.objects.filter(pk=int(subject)).first()
    return customer.email or None if customer is not None else None


def for_verified(tool: Callable[..., Any]) -> Callable[..., Any]:
    """The tool with the verified customer as its first argument, which the model is not told of."""

    def call(scope: RunScope, **arguments: Any) -> Any:
        return tool(customer_of(scope), **arguments)

    first, *rest = inspect.signature(tool).parameters.values()
    assert first.name == "customer_id"  # noqa: S101 - a tool of the invoice agent
    own = inspect.Parameter("scope", inspect.Parameter.KEYWORD_ONLY, annotation=RunScope)
    others = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in rest]
    call.__signature__ = inspect.Signature([own, *others])  # type: ignore[attr-defined]
    call.__annotations__ = {one.name: one.annotation for one in (own, *others)}
    call.__name__ = call.__qualname__ = tool.__name__
    call.__doc__ = tool.__doc__
    return call


def customer_of(scope: RunScope) -> int:
    """The verified customer's id. Raises NotAllowed, and remembers that the person will be asked."""
    try:
        return int(require_verified(scope, KIND))
    except NotAllowed:
        note_asked(scope)
        raise


def note_asked(scope: RunScope) -> None:
    """That the person is asked who they are: what they write next is the team's to read, and no dispatcher's."""
    scope.notes["asks_for"] = KIND
    if scope.session_id is not None:
        AskedForCustomer.objects.update_or_create(conversation_id=scope.session_id)


def was_asked(session_id: Any) -> bool:
    return AskedForCustomer.objects.filter(conversation_id=session_id).exists()


def state_of(scope: RunScope) -> Verification:
    return verification_of(scope.session_id, KIND)
