"""Which models a tier stands for, here and for this team: one table, in which a team may put its own choices."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from apps.accounts.principal import Principal
from apps.opie.models.platforms import AIPlatform
from apps.opie.models.tiers import ModelTier, Tier
from apps.opie.providers.catalogue import TIERS

Choice = tuple[AIPlatform, str]
Source = Literal["table", "installation", "team"]


@dataclass(frozen=True, slots=True)
class TierChoices:
    """What a tier stands for, best first, and who said so. An empty model is the platform's default one."""

    tier: str
    source: Source
    choices: tuple[Choice, ...]


def tier_choices(tier: str, principal: Principal, platforms: Iterable[AIPlatform]) -> TierChoices:
    """The tier as the person's team has it, else as the installation has it, else as the table that comes with Opie
    says, on whichever of `platforms` serves that. Sync: it reads rows."""
    rows = list(ModelTier.objects.visible_to(principal).filter(tier=tier).select_related("platform"))
    own = [row for row in rows if row.team_id is not None]
    if chosen := own or rows:
        source: Source = "team" if own else "installation"
        return TierChoices(tier, source, tuple((row.platform, row.model) for row in chosen))
    return TierChoices(tier, "table", tuple(_from_table(tier, platforms)))


def chain_of(tier: str, principal: Principal, platforms: list[AIPlatform]) -> Iterator[Choice]:
    """The tier's models, then those of the fallback tier, then every other platform with its default model."""
    seen: set[tuple[UUID, str]] = set()
    named = [
        choice for name in (tier, Tier.FALLBACK.value) for choice in tier_choices(name, principal, platforms).choices
    ]
    for platform, model in [*named, *((platform, "") for platform in platforms)]:
        key = (platform.pk, model or platform.default_model)
        if key not in seen:
            seen.add(key)
            yield platform, model


def model_of_table(tier: str, platform: AIPlatform) -> str | None:
    """The model that the table names for this platform; None where the tier is another vendor's.

    An address of one's own leads to a gateway or a mock, which need not know the vendor's newest names: whoever set it
    up said with the default model what is there.
    """
    named = TIERS[Tier(tier)]
    if platform.api_type != named.api_type:
        return None
    of_vendor = {model.model for model in TIERS.values() if model.api_type == platform.api_type}
    if platform.base_url and platform.default_model not in of_vendor:
        return platform.default_model
    return named.model


def _from_table(tier: str, platforms: Iterable[AIPlatform]) -> Iterator[Choice]:
    for platform in platforms:
        model = model_of_table(tier, platform)
        if model is not None:
            yield platform, model
