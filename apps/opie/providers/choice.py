"""Which platforms and models may answer for an agent, in order."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from apps.accounts.principal import Principal
from apps.api.errors import Unavailable
from apps.opie.models.agents import Agent
from apps.opie.models.platforms import AIPlatform, ApiType, UnreadableKey
from apps.opie.providers import health
from apps.opie.providers.local_models import switches_for, tuned, what_is_off
from apps.opie.providers.registry import get_registry
from apps.opie.providers.responders import responder_for
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot, without_offline
from apps.opie.providers.tiers import Choice, chain_of

if TYPE_CHECKING:
    from apps.opie.providers.metered import MeteredModel

logger = logging.getLogger(__name__)


def model_for(agent: Agent, principal: Principal) -> "MeteredModel":
    """The model that answers for this agent and this person. Sync: it reads rows.

    Raises Unavailable, with what to configure, when no platform may or can answer.
    """
    from apps.opie.providers.metered import MeteredModel

    candidates = candidates_for(agent, principal)
    if not candidates:
        raise Unavailable(_what_to_configure(agent) + what_is_off(principal), code="no_platform")
    return MeteredModel(candidates)


def candidates_for(agent: Agent, principal: Principal) -> tuple[Candidate, ...]:
    """Every (platform, model) that may answer, best first: local models that are switched on for the agent, then its own
    list, else its tier's models and after them all the person may use. What is switched off is left out.

    How the platforms are doing is looked at here too, so that the first call need not.
    """
    health.read_if_old()
    wishes = (principal.team_id, agent.kind, agent.tier, agent.temperature, agent.max_tokens, agent.local_only)
    if agent.worked_out is not None and (known := agent.worked_out.get(wishes)):
        return cast("tuple[Candidate, ...]", known)
    may = partial(_may_answer, agent, principal=principal)
    switches = switches_for(agent, principal)
    choices = list(switches.left_of(_choices(agent, principal)))
    ahead = (tuned(fit(agent, row.platform, row.name), row, agent) for row in switches.on if may(row.platform))
    asked = (*(row.platform for row in switches.on), *(platform for platform, _ in choices))
    found = (*ahead, *(fit(agent, platform, model) for platform, model in choices if may(platform)))
    if responder_for(agent.agent_id) is not None:
        found = (*without_offline(found), *_by_rule(agent))
    if agent.worked_out is not None and all(map(has_readable_key, asked)):
        agent.worked_out[wishes] = found
    return found


def fit(agent: Agent, platform: AIPlatform, model: str) -> Candidate:
    """The agent's wishes within the platform's limits."""
    return Candidate(
        platform=PlatformSnapshot.of(platform),
        model=model or platform.default_model,
        max_tokens=min(agent.max_tokens or platform.max_tokens, platform.max_tokens),
        temperature=agent.effective_temperature(),
    )


def _by_rule(agent: Agent) -> Iterator[Candidate]:
    """The last link of an agent that a host answers for: whatever platforms its row names."""
    offline = AIPlatform.objects.filter(api_type=ApiType.OFFLINE, team=None, is_enabled=True).first()
    if offline is not None:
        yield replace(fit(agent, offline, ""), responds_for=agent.agent_id)


def _choices(agent: Agent, principal: Principal) -> Iterator[Choice]:
    chosen = list(agent.models.all())
    if chosen:
        yield from ((one.platform, one.model) for one in chosen)
        return
    usable = list(AIPlatform.objects.visible_to(principal).usable())
    # The offline responder is for when nothing else is there, whatever its priority.
    usable.sort(key=lambda platform: platform.api_type == ApiType.OFFLINE)
    if agent.tier:
        yield from chain_of(agent.tier, principal, usable)
        return
    yield from ((platform, "") for platform in usable)


def _may_answer(agent: Agent, platform: AIPlatform, principal: Principal) -> bool:
    if not platform.is_enabled or (agent.local_only and not platform.is_local):
        return False
    if platform.team_id is not None and platform.team_id != principal.team_id:
        return False  # another team's key, named by a public agent
    adapter = get_registry().get(platform.api_type)
    return adapter is not None and has_readable_key(platform) and adapter.is_usable(PlatformSnapshot.of(platform))


def has_readable_key(platform: AIPlatform) -> bool:
    """One whose key cannot be decrypted is passed over: it must not take the others with it."""
    if not isinstance(platform.api_key, UnreadableKey):
        return True
    logger.error("the key of %s cannot be read: its encryption key is gone", platform.platform_name)
    health.note_unreadable_key(platform.pk)
    return False


def _what_to_configure(agent: Agent) -> str:
    if agent.local_only:
        return (
            f"{agent.name} may only use local platforms, and none is set up. Set OLLAMA_BASE_URL, LLAMACPP_BASE_URL or "
            "GPT4ALL_BASE_URL and run setup_platforms, or add one under platforms."
        )
    return (
        f"No platform that {agent.name} may use is set up. Set OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY or "
        "OLLAMA_BASE_URL and run setup_platforms, or add one under platforms."
    )
