"""Trying a platform out: one real question through the metered model, in the ledger like any other call."""

from typing import Any
from uuid import UUID

from apps.accounts.principal import Principal
from apps.api.errors import OpieError
from apps.api.ids import uuid7
from apps.opie import rows
from apps.opie.models import AgentOSUsage, AIPlatform
from apps.opie.providers.completion import complete
from apps.opie.providers.requests import CompletionRequest
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot
from apps.opie.scope import RunScope, current_scope

QUESTION = "Answer with the single word: ready"
PURPOSE = "test"
MOST_TOKENS = 64


async def try_platform(principal: Principal, platform: AIPlatform, model: str = "") -> dict[str, Any]:
    """Ask the platform's model one question. Answers what came back, latency, tokens and cost; a failure is an answer
    too, with the error that a person would have been shown."""
    snapshot = await rows.run(PlatformSnapshot.of, platform)
    candidate = Candidate(snapshot, model or platform.default_model, min(platform.max_tokens, MOST_TOKENS), 0.0)
    before = uuid7()
    token = current_scope.set(RunScope(principal, purpose=PURPOSE))
    content, error = "", None
    try:
        # One that rests is asked, too: that is how one finds out that it is well again.
        request = CompletionRequest((candidate,), (("user", QUESTION),), respects_rest=False)
        content = (await complete(request)).content
    except OpieError as failed:
        error = {"code": failed.code, "message": failed.message}
    finally:
        current_scope.reset(token)
    figures = await rows.run(_figures, principal, platform.pk, before)
    return {"ok": error is None, "model": candidate.model, "content": content, "error": error, **figures}


def _figures(principal: Principal, platform_id: UUID, before: UUID) -> dict[str, Any]:
    """The row of the call that was just made, and of no earlier one."""
    calls = AgentOSUsage.objects.filter(user_id=principal.user_id, platform_id=platform_id, purpose=PURPOSE)
    call = calls.filter(id__gt=before).order_by("-id").first()
    if call is None:
        return {}
    return {
        "latency_ms": call.latency_ms,
        "time_to_first_token_ms": call.time_to_first_token_ms,
        "usage": {"input_tokens": call.input_tokens, "output_tokens": call.output_tokens},
        "cost": None if call.cost is None else format(call.cost.normalize(), "f"),
        "currency": call.currency,
    }
