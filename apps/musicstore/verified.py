"""The customer of a conversation: recognised in what the person writes, bound by Opie, and put into the invoice tools.

Neither a model nor a message names a customer to a tool: the one that the conversation is bound to is the first argument.
"""

import inspect
from collections.abc import Callable
from typing import Any

from apps.musicstore.customers import Recognised, recognise
from apps.musicstore.models import AskedForCustomer
from apps.opie.extend import (
    Conflict,
    NotAllowed,
    RunAtHand,
    RunScope,
    Verification,
    bind_subject,
    note_failed_try,
    require_verified,
    verification_of,
)

KIND = "customer"


def recognise_customer(run: RunAtHand) -> None:
    """Before the model sees a message: whoever is named in it beyond doubt is who the conversation is about from now on.
    A claim that leads to nobody is a try; the third ends it."""
    if run.session_id is None or verification_of(run.session_id, KIND).state in ("verified", "given_up"):
        return
    found = recognise(run.text, asked=was_asked(run.session_id))
    if found.customer is not None:
        _bind(run, found)
    elif found.outcome != "nothing_said":
        note_failed_try(run.principal, run.session_id, KIND)


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
    if scope.session_id is not None:
        AskedForCustomer.objects.update_or_create(conversation_id=scope.session_id)


def was_asked(session_id: Any) -> bool:
    return AskedForCustomer.objects.filter(conversation_id=session_id).exists()


def state_of(scope: RunScope) -> Verification:
    return verification_of(scope.session_id, KIND)


def _bind(run: RunAtHand, found: Recognised) -> None:
    assert found.customer is not None  # noqa: S101 - the caller has looked
    assert run.session_id is not None  # noqa: S101 - as above
    try:
        bind_subject(run.principal, run.session_id, KIND, str(found.customer.pk))
    except Conflict as error:
        # Another customer needs another conversation: this one stays with whom it is about, and shows nothing while it is
        # expired.
        if error.code != "bound_to_another":
            raise
