"""The circuit breaker: a platform that keeps failing is left alone for a while, by all processes, and tried by one.

What is wrong with which platform is in rows (PlatformHealth), read together at most every second and a half; rows of
platforms that are well are neither read nor written.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Case, OuterRef, Q, Subquery, When
from django.utils import timezone

from apps.accounts.permissions import Permission
from apps.opie import rows
from apps.opie.ledger.notices import tell_managers
from apps.opie.models.platform_health import PlatformHealth
from apps.opie.models.platforms import AIPlatform
from apps.opie.providers.failures import Failure, Then, in_short
from apps.opie.providers.snapshot import PlatformSnapshot

logger = logging.getLogger(__name__)

KEY_UNREADABLE = "platform_key_unreadable"
FAILURES_UNTIL_REST = 5
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)
# A key does not mend itself.
REST_UNTIL_SEEN_TO = timedelta(minutes=10)
TELL_AGAIN_AFTER = timedelta(days=1)
# Whoever took the probe and was not heard of since is gone.
LONGEST_PROBE = timedelta(minutes=2)
SECONDS_BETWEEN_READINGS = 1.5
SECONDS_TO_WAIT_FOR_A_PROBE = 5.0
# Its key, perhaps: it need not rest any longer, and is tried. Not a join: Django would put an update's whole condition into
# a subselect, which PostgreSQL does not look at again after waiting for the row, so that two would claim one probe.
CHANGED_SINCE = Q(
    last_failure_at__lt=Subquery(AIPlatform.objects.filter(pk=OuterRef("platform_id")).values("updated_at"))
)


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether a platform may be asked now. `wait` is how many seconds it still rests."""

    may_ask: bool
    is_probe: bool = False
    wait: float = 0.0
    why: str = ""


ASK = Permit(may_ask=True)


@dataclass(slots=True)
class _Known:
    """What this process knows of the platforms that are not well: until when they rest, and why."""

    unwell: dict[UUID, tuple[datetime | None, str]]
    read_at: float


_known = _Known({}, float("-inf"))


def read_if_old() -> None:
    """Look at the rows, unless that was done a moment ago. Sync: it reads rows."""
    if _is_old():
        _read()


async def permit_for(platform: PlatformSnapshot) -> Permit:
    """Whether this platform may be asked. Of all who ask after its rest, one gets the probe."""
    if _is_old():
        await rows.run(_read)
    rested_until, reason = _known.unwell.get(platform.id, (None, ""))
    if rested_until is None:
        return ASK
    wait = (rested_until - timezone.now()).total_seconds()
    if wait > 0:
        return Permit(may_ask=False, wait=wait, why=in_short(reason))
    if await rows.run(_claim_probe, platform.id):
        return Permit(may_ask=True, is_probe=True)
    return Permit(may_ask=False, wait=SECONDS_TO_WAIT_FOR_A_PROBE, why=in_short(reason))


async def note_success(platform: PlatformSnapshot) -> None:
    """It answered: it is well. Nothing is written when it was before."""
    if platform.id in _known.unwell:
        await rows.run(_heal, platform.id)
        _known.unwell.pop(platform.id, None)


async def note_failure(platform: PlatformSnapshot, failure: Failure) -> None:
    """Count a failure that says something about the platform; enough of them, or one that only a person can mend,
    and it rests."""
    if failure.is_sickness or failure.then is Then.REST:
        _known.unwell[platform.id] = await rows.run(record_failure, platform, failure)


async def give_probe_back(platform: PlatformSnapshot) -> None:
    """The probe came to nothing; somebody else may try."""
    await rows.run(_give_probe_back, platform.id)


def record_failure(platform: PlatformSnapshot, failure: Failure) -> tuple[datetime | None, str]:
    """Write a failure down; returns until when the platform rests, if it does, and why. A deleted one is let go."""
    try:
        with transaction.atomic():
            PlatformHealth.objects.bulk_create([PlatformHealth(platform_id=platform.id)], ignore_conflicts=True)
            health = PlatformHealth.objects.select_for_update().get(pk=platform.id)
            _count(health, platform, failure, timezone.now())
            health.save()
    except (IntegrityError, PlatformHealth.DoesNotExist):
        return None, ""
    return health.rested_until, health.reason


def note_unreadable_key(platform_id: UUID) -> None:
    """Show on the dashboard that a platform's key cannot be decrypted; its row is written once."""
    read_if_old()
    if platform_id not in _known.unwell:
        until = timezone.now() + REST_UNTIL_SEEN_TO
        PlatformHealth.objects.update_or_create(
            platform_id=platform_id,
            defaults={"rested_until": until, "reason": KEY_UNREADABLE, "last_failure_at": timezone.now()},
        )
        _known.unwell[platform_id] = until, KEY_UNREADABLE


def _is_old() -> bool:
    return time.monotonic() - _known.read_at > SECONDS_BETWEEN_READINGS


def _read() -> None:
    if _known.read_at > float("-inf"):
        _known.read_at = time.monotonic()  # first, so that many callers make one reading, and go on with what is known
    unwell = PlatformHealth.objects.filter(Q(failures_in_a_row__gt=0) | ~Q(rested_until=None))
    found = unwell.annotate(changed=Case(When(CHANGED_SINCE, then=True), default=False)).values_list(
        "platform_id", "rested_until", "reason", "changed"
    )
    now = timezone.now()
    _known.unwell = {
        platform_id: (min(now, rested_until) if rested_until and changed else rested_until, reason)
        for platform_id, rested_until, reason, changed in found
    }
    _known.read_at = time.monotonic()


def _count(health: PlatformHealth, platform: PlatformSnapshot, failure: Failure, now: datetime) -> None:
    health.failures_in_a_row += 1
    health.last_failure_at = now
    if health.rested_until is not None and health.rested_until > now:
        return  # calls that were under way when it was laid to rest
    needs_a_person = failure.then is Then.REST
    if needs_a_person:
        health.rested_until = now + REST_UNTIL_SEEN_TO
        if _is_to_be_told(health, failure, now):
            _tell(platform, failure)
            health.told_at = now
    elif health.failures_in_a_row >= FAILURES_UNTIL_REST or health.rests_in_a_row:
        health.rested_until = now + min(LONGEST_REST, FIRST_REST * 2 ** min(health.rests_in_a_row, 10))
    else:
        return
    health.reason, health.probed_at = failure.code, None
    health.rests_in_a_row += 1
    logger.warning("%s rests until %s: %s", platform.platform_name, health.rested_until, failure.code)


def _is_to_be_told(health: PlatformHealth, failure: Failure, now: datetime) -> bool:
    """Once for as long as it lasts, and again every day."""
    return health.told_at is None or health.reason != failure.code or health.told_at < now - TELL_AGAIN_AFTER


def _tell(platform: PlatformSnapshot, failure: Failure) -> None:
    what = failure.message.format(platform=platform.platform_name, model="", limit="")
    tell_managers(
        platform.team_id,
        permission=Permission.MANAGE_PLATFORMS,
        subject=f"{platform.platform_name} {failure.in_short}",
        text=f"{what} Until then other platforms answer in its place, where agents have any.",
    )


def _claim_probe(platform_id: UUID) -> bool:
    now = timezone.now()
    is_free = Q(probed_at=None) | Q(probed_at__lt=now - LONGEST_PROBE)
    over = PlatformHealth.objects.filter(is_free, Q(rested_until__lte=now) | CHANGED_SINCE, pk=platform_id)
    return over.update(probed_at=now) == 1


def _give_probe_back(platform_id: UUID) -> None:
    PlatformHealth.objects.filter(pk=platform_id).update(probed_at=None)


def _heal(platform_id: UUID) -> None:
    PlatformHealth.objects.filter(pk=platform_id).update(
        failures_in_a_row=0,
        rests_in_a_row=0,
        rested_until=None,
        reason="",
        probed_at=None,
        told_at=None,
        last_success_at=timezone.now(),
    )
