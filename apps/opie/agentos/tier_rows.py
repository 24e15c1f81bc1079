"""What each tier stands for, and changing it: the use cases behind /api/v1/model-tiers/."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.audit import record
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie.agentos.platform_rows import is_operator
from apps.opie.models import AIPlatform, ModelTier, PlatformListing
from apps.opie.models.tiers import Tier
from apps.opie.providers.catalogue import TIERS
from apps.opie.providers.listing import not_offered_since
from apps.opie.providers.tiers import TierChoices, tier_choices


def tiers_shown(principal: Principal) -> list[dict[str, Any]]:
    """Every tier as it is for this person's team."""
    platforms = list(AIPlatform.objects.visible_to(principal).usable())
    return [_shown(tier_choices(tier.value, principal, platforms)) for tier in Tier]


def tier_shown(principal: Principal, tier: str) -> dict[str, Any]:
    """One tier. Raises NotFound for a name that is none."""
    _require_known(tier)
    platforms = AIPlatform.objects.visible_to(principal).usable()
    return _shown(tier_choices(tier, principal, platforms))


def set_tier(
    principal: Principal, tier: str, choices: list[dict[str, str]], *, for_installation: bool = False
) -> dict[str, Any]:
    """Put these in place of what the tier stood for in the team, or in the whole installation; none of them: back to what
    comes with Opie. Raises NotFound, NotAllowed, InvalidInput, Conflict."""
    _require_known(tier)
    team_id = _whose(principal, for_installation)
    rows = _rows(principal, tier, choices, team_id)
    try:
        with transaction.atomic():
            _replace(principal, tier, team_id, rows)
    except IntegrityError:
        # The positions of two lists that were written at once clash in the database.
        raise Conflict("Somebody else has just changed this tier. Look at it and try again.") from None
    return tier_shown(principal, tier)


def _replace(principal: Principal, tier: str, team_id: UUID | None, rows: list[ModelTier]) -> None:
    replaced = list(ModelTier.objects.filter(team=team_id, tier=tier).select_related("platform"))
    ModelTier.objects.filter(pk__in=[row.pk for row in replaced]).delete()
    ModelTier.objects.bulk_create(rows)
    if changed := [*rows, *replaced]:
        before, after = ({tier: [_entry(row.platform, row.model) for row in some]} for some in (replaced, rows))
        record(principal, "model_tier.changed", changed[0], before=before, after=after)


def _require_known(tier: str) -> None:
    if tier not in Tier.values:
        raise NotFound(f"There is no such tier. There are: {', '.join(Tier.values)}.", code="tier_not_found")


def _whose(principal: Principal, for_installation: bool) -> UUID | None:
    if not for_installation:
        if not principal.may(Permission.MANAGE_PLATFORMS):
            raise NotAllowed
        return principal.acting_team
    if not is_operator(principal):
        raise NotAllowed("Only a superuser can change the tiers of the whole installation.")
    return None


def _rows(principal: Principal, tier: str, choices: list[dict[str, str]], team_id: UUID | None) -> list[ModelTier]:
    usable = AIPlatform.objects.visible_to(principal) if team_id else AIPlatform.objects.filter(team=None)
    # Where the team and the installation use the same name, the team's.
    platforms = {row.platform_name: row for row in sorted(usable, key=lambda row: row.team_id is not None)}
    unknown = sorted({entry["platform"] for entry in choices} - platforms.keys())
    if unknown:
        raise InvalidInput(fields={"models": [f"There is no platform named {', '.join(unknown)}."]})
    return [
        ModelTier(
            team_id=team_id,
            tier=tier,
            position=position,
            platform=platforms[entry["platform"]],
            model=entry.get("model", ""),
        )
        for position, entry in enumerate(choices)
    ]


def _shown(found: TierChoices) -> dict[str, Any]:
    listings = PlatformListing.objects.in_bulk([platform.pk for platform, _ in found.choices])
    default = TIERS[Tier(found.tier)]
    models = []
    for platform, model in found.choices:
        entry = _entry(platform, model)
        since = not_offered_since(listings.get(platform.pk), entry["model"])
        models.append({**entry, "not_offered_since": since.isoformat() if since else None})
    return {
        "tier": found.tier,
        "source": found.source,
        "models": models,
        "default": {"api_type": str(default.api_type), "model": default.model},
    }


def _entry(platform: AIPlatform, model: str) -> dict[str, str]:
    return {"platform": platform.platform_name, "model": model or platform.default_model}
