"""Local models that are switched on and off (LLMModel): what that makes of an agent's chain. Sync: it reads rows.

A model that is on answers first, before everything the chain holds; one that is off is taken out of every chain, whoever
named it. What there is no row for stays as the platforms, tiers and agents say. docs/local-models.md tells operators.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from apps.accounts.principal import Principal
from apps.opie.models import Agent, AIPlatform, LLMModel
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

_Key = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Switches:
    """The models that answer first for an agent, in their order, and those that answer for nobody."""

    on: tuple[LLMModel, ...]
    off: frozenset[_Key]

    def left_of(self, choices: Iterable[tuple[AIPlatform, str]]) -> Iterator[tuple[AIPlatform, str]]:
        """The chain's own choices without what is switched off, and without what is asked before them anyway."""
        gone = self.off | {_key(row.platform, row.name) for row in self.on if not has_own_server(row)}
        for platform, model in choices:
            if _key(platform, model) not in gone:
                yield platform, model


def switches_for(agent: Agent, principal: Principal) -> Switches:
    """What is on and off for this agent and this person's team."""
    decided: dict[tuple[str, _Key], LLMModel] = {}
    rows = LLMModel.objects.visible_to(principal).of_their_kind().select_related("platform")
    # Where the team and the installation have the same model, the team's row decides.
    for row in sorted(rows, key=lambda row: row.team_id is None):
        own_server = row.base_url if has_own_server(row) else ""
        decided.setdefault((own_server, _key(row.platform, row.name)), row)
    on = [row for row in decided.values() if row.is_active and _answers_for(row, agent)]
    off = (key for (own_server, key), row in decided.items() if not row.is_active and not own_server)
    return Switches(tuple(sorted(on, key=lambda row: (row.position, row.name))), frozenset(off))


def tuned(candidate: Candidate, row: LLMModel, agent: Agent) -> Candidate:
    """The candidate as the row's parameters want it. An agent's own temperature counts before the model's."""
    said = row.parameters
    temperature = candidate.temperature if agent.temperature is not None else said.get("temperature")
    return replace(
        candidate,
        platform=_at_its_server(candidate.platform, row),
        max_tokens=min(candidate.max_tokens, said.get("max_tokens", candidate.max_tokens)),
        temperature=candidate.temperature if temperature is None else temperature,
    )


def server_of(row: LLMModel) -> PlatformSnapshot:
    """Where this model is asked. Raises KeyMissing where the platform's key cannot be read."""
    return _at_its_server(PlatformSnapshot.of(row.platform), row)


def has_own_server(row: LLMModel) -> bool:
    """Whether the model is served elsewhere than the rest of its platform."""
    return bool(row.base_url) and row.base_url.rstrip("/") != row.platform.base_url.rstrip("/")


def what_is_off(principal: Principal) -> str:
    """A sentence for a person whom nobody can answer; empty where nothing is switched off."""
    names = LLMModel.objects.visible_to(principal).filter(is_active=False).values_list("name", flat=True)
    found = ", ".join(dict.fromkeys(names))
    return f" Local models that are switched off: {found}." if found else ""


def _at_its_server(platform: PlatformSnapshot, row: LLMModel) -> PlatformSnapshot:
    """The platform's key was entered for another address, and goes to no other. Only superusers enter this one."""
    if not has_own_server(row):
        return platform
    return replace(platform, base_url=row.base_url, api_key="", must_be_public=False, llm_model_id=row.pk)


def _answers_for(row: LLMModel, agent: Agent) -> bool:
    """Those it names; where it names none, every agent whose owner chose no models for it."""
    named = row.parameters.get("agents")
    return agent.agent_id in named if named else not agent.models.all()


def _key(platform: AIPlatform, model: str) -> _Key:
    """Ollama's `latest` is what it serves under the plain name."""
    return platform.pk, (model or platform.default_model).removesuffix(":latest")
