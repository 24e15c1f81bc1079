"""How an answer ended, as the platform said it: what Agno's models do not pass on."""

from typing import Any

from apps.opie.ledger.tokens import TokenCounts


class TellsItsEnd:
    """Mixed into the platforms' models. One instance makes one call, so what it heard is kept on it."""

    is_finished = False  # it said that the answer is complete
    has_refused = False  # it would not answer because of the content
    billed_at_start: TokenCounts | None = None  # what it counts before the first token


def is_finished(model: Any) -> bool:
    """Whether the platform said that the answer is complete. Models without a wire end by ending."""
    return model.is_finished if isinstance(model, TellsItsEnd) else True


def has_said_all(model: Any) -> bool:
    """Whether the end of the answer was heard: an error after it takes nothing away."""
    return isinstance(model, TellsItsEnd) and model.is_finished


def has_refused(model: Any) -> bool:
    return isinstance(model, TellsItsEnd) and model.has_refused


def billed_at_start(model: Any) -> TokenCounts | None:
    return model.billed_at_start if isinstance(model, TellsItsEnd) else None
