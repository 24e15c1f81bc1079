"""One metered call outside an agent: for trying platforms out, for summaries, for titles."""

from dataclasses import replace
from typing import TYPE_CHECKING

from apps.opie.providers.requests import CompletionRequest, CompletionResponse
from apps.opie.providers.snapshot import Candidate

if TYPE_CHECKING:
    from apps.opie.providers.asking import Asking


async def complete(request: CompletionRequest) -> CompletionResponse:
    """Ask the candidates in turn until one answers, in the books of the scope that is set (apps.opie.scope).

    Raises NoRunScope without one, PlatformFailed, LimitExceeded and BudgetExceeded as a call of an agent does, and
    ValueError without candidates.
    """
    from apps.opie.ledger.calls import cost_of_call
    from apps.opie.providers.fallback import Fallback
    from apps.opie.providers.metered import answer_and_attempt
    from apps.opie.providers.redaction import guard_agno_logs

    if not request.candidates:
        raise ValueError("A completion needs at least one candidate.")
    guard_agno_logs()
    candidates = tuple(_as_asked(candidate, request) for candidate in request.candidates)
    response, attempt = await answer_and_attempt(
        Fallback(candidates, _asking(request), respects_rest=request.respects_rest)
    )
    assert attempt.opened is not None  # noqa: S101 - it has answered
    tokens, _ = attempt.tokens()
    return CompletionResponse(
        content=str(response.content or ""),
        platform=attempt.candidate.platform.platform_name,
        model=attempt.candidate.model,
        call_id=attempt.opened.id,
        tokens=tokens,
        cost=cost_of_call(attempt.opened.priced_as, tokens),
        tool_calls=tuple(response.tool_calls or ()),
    )


def _as_asked(candidate: Candidate, request: CompletionRequest) -> Candidate:
    return replace(
        candidate,
        temperature=candidate.temperature if request.temperature is None else request.temperature,
        max_tokens=request.max_tokens or candidate.max_tokens,
    )


def _asking(request: CompletionRequest) -> "Asking":
    from agno.metrics import MessageMetrics
    from agno.models.message import Message

    from apps.opie.providers.asking import Asking

    messages = [Message(role=role, content=content) for role, content in request.messages]
    said = Message(role="assistant", metrics=MessageMetrics())
    return Asking(messages, said, list(request.tools) or None)
