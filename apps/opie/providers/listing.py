"""Which models a platform offers, as it says itself; and which of those that are configured here it does not offer any
more. Vendors retire models: whoever manages platforms learns it from a mail and not from agents that fail.
"""

import asyncio
import logging
import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.permissions import Permission
from apps.opie import rows
from apps.opie.ledger.notices import tell_managers
from apps.opie.models import AgentModel, AIPlatform, ModelTier, PlatformListing
from apps.opie.models.platforms import UnreadableKey
from apps.opie.models.tiers import Tier
from apps.opie.providers.clients import client_for
from apps.opie.providers.failures import vendor_error
from apps.opie.providers.registry import get_registry
from apps.opie.providers.snapshot import PlatformSnapshot
from apps.opie.providers.tiers import model_of_table

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 60
MOST_MODELS = 5000
LONGEST_NAME = 200
# A name without a date stands for the latest one with it: claude-x for claude-x-20260101, gpt-x for gpt-x-2026-01-01.
DATED = re.compile(r"-\d{4}-?\d{2}-?\d{2}")


async def look_for_retired_models() -> None:
    """Ask every platform that can be asked for its list, and write down what is configured and not on it."""
    for platform in await rows.run(_platforms):
        await look_at(platform)


async def look_at(platform: PlatformSnapshot) -> bool:
    """The same for one. False when it gave no list: then nothing is concluded."""
    adapter = get_registry()[platform.api_type]
    if adapter.list_models is None:
        return False
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), client_for(platform, adapter) as client:
            listed = await adapter.list_models(client)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises: many gateways have no list, and that is no fault
        logger.info("%s gave no list of its models: %s", platform.platform_name, vendor_error(error))
        return False
    if not listed:
        return False
    await rows.run(_note, platform, sorted({name[:LONGEST_NAME] for name in listed})[:MOST_MODELS])
    return True


def is_listed(model: str, listed: Iterable[str]) -> bool:
    """Whether a model of this name is among those listed; under a date, or as Ollama's `latest`, too."""
    plain = model.removesuffix("-latest").removesuffix(":latest")
    for name in listed:
        rest = name.removeprefix(plain)
        if name in (model, plain) or (rest != name and (rest in (":latest", "-latest") or DATED.fullmatch(rest))):
            return True
    return False


def not_offered_since(listing: PlatformListing | None, model: str) -> datetime | None:
    """Since when the platform does not list this model; None when it does, or was never asked."""
    if listing is None or not listing.models_listed or is_listed(model, listing.models_listed):
        return None
    since = listing.missing.get(model)
    return datetime.fromisoformat(since) if since else listing.listed_at


def not_offered(platforms: Iterable[AIPlatform]) -> dict[UUID, dict[str, datetime]]:
    """Of each platform the models that are configured and not offered any more, and since when. Sync: it reads rows."""
    platforms = list(platforms)
    listings = PlatformListing.objects.in_bulk([platform.pk for platform in platforms])
    found: dict[UUID, dict[str, datetime]] = {}
    for platform_id, models in configured(platforms).items():
        listing = listings.get(platform_id)
        since = {model: not_offered_since(listing, model) for model in sorted(models)}
        found[platform_id] = {model: moment for model, moment in since.items() if moment is not None}
    return found


def _platforms() -> list[PlatformSnapshot]:
    registry = get_registry()
    found = []
    for platform in AIPlatform.objects.filter(is_enabled=True):
        adapter = registry.get(platform.api_type)
        if adapter is None or adapter.list_models is None or isinstance(platform.api_key, UnreadableKey):
            continue
        snapshot = PlatformSnapshot.of(platform)
        if adapter.is_usable(snapshot):
            found.append(snapshot)
    return found


def configured(platforms: list[AIPlatform]) -> dict[UUID, set[str]]:
    """The models that somebody may be answered by: defaults, those of the tiers, and those that agents name. Sync."""
    models = {
        platform.pk: {platform.default_model} | {model_of_table(tier, platform) or "" for tier in Tier}
        for platform in platforms
    }
    for chosen in (ModelTier, AgentModel):
        for platform_id, model in chosen.objects.filter(platform__in=models).values_list("platform_id", "model"):
            models[platform_id].add(model)
    return {platform_id: names - {""} for platform_id, names in models.items()}


def _note(snapshot: PlatformSnapshot, listed: list[str]) -> None:
    try:
        with transaction.atomic():
            platform = AIPlatform.objects.select_for_update(of=("self",)).filter(pk=snapshot.id).first()
            if platform is None:
                return  # deleted while it was asked
            _write(platform, listed, timezone.now())
    except IntegrityError:
        logger.info("%s went while its list was written down", snapshot.platform_name)


def _write(platform: AIPlatform, listed: list[str], now: datetime) -> None:
    known = PlatformListing.objects.filter(pk=platform.pk).first()
    before = known.missing if known else {}
    gone = sorted(model for model in configured([platform])[platform.pk] if not is_listed(model, listed))
    missing = {model: before.get(model) or now.isoformat() for model in gone}
    PlatformListing.objects.update_or_create(
        platform=platform, defaults={"models_listed": listed, "missing": missing, "listed_at": now}
    )
    if news := [model for model in gone if model not in before]:
        _tell(platform, news)


def _tell(platform: AIPlatform, models: list[str]) -> None:
    names = ", ".join(models)
    logger.warning("%s does not list %s any more", platform.platform_name, names)
    tell_managers(
        platform.team_id,
        permission=Permission.MANAGE_PLATFORMS,
        subject=f"{platform.platform_name} does not offer {names} any more",
        text=f"{platform.platform_name} does not list these models any more: {names}. Agents that ask for them are answered "
        "by what comes next in their list, or not at all. Choose other models: of the platform, of the tiers "
        "(/api/v1/model-tiers/) or of the agents that name them.",
    )
