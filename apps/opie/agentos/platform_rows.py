"""Making and changing platforms: the use cases behind the REST API. Keys go in, and never come out."""

from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.db import IntegrityError, transaction

from apps.accounts.audit import record
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie.models import AIPlatform
from apps.opie.models.platforms import LOCAL_API_TYPES, ApiType
from apps.opie.providers.addresses import is_public

KEY_AGAIN = "Enter the key again: it was entered for another address."
PLAIN_FIELDS = (
    "api_type", "base_url", "default_model", "timeout", "max_tokens", "supports_vision", "supports_json_mode",
    "supports_image_generation", "is_enabled", "priority", "requests_per_minute", "tokens_per_minute",
)  # fmt: skip


def visible_platform(principal: Principal, platform_id: Any) -> AIPlatform:
    platform = AIPlatform.objects.visible_to(principal).filter(pk=platform_id).first()
    if platform is None:
        raise NotFound("There is no such platform.", code="platform_not_found")
    return platform


def create_platform(principal: Principal, body: dict[str, Any]) -> AIPlatform:
    """A platform of the person's team. Raises NotAllowed, InvalidInput, Conflict for a taken name."""
    if not principal.may(Permission.MANAGE_PLATFORMS):
        raise NotAllowed
    check_address(body.get("api_type", ""), body.get("base_url", ""), by_operator=is_operator(principal))
    platform = AIPlatform(team_id=principal.acting_team, platform_name=body["platform_name"])
    platform.may_be_private = is_operator(principal)
    try:
        with transaction.atomic():
            _write(platform, body)
            record(principal, "platform.created", platform, after=shown(platform))
    except IntegrityError as error:
        if "opie_platform_name" in str(error):
            raise Conflict(
                "Your team has a platform of this name. Choose another.", code="platform_name_taken"
            ) from None
        raise
    return platform


def change_platform(principal: Principal, platform: AIPlatform, changes: dict[str, Any]) -> AIPlatform:
    """Change a platform. A new address asks for the key again: a key that was entered for one place goes to no other."""
    require_may_manage(principal, platform)
    moves = "base_url" in changes and changes["base_url"] != platform.base_url
    moves = moves or ("api_type" in changes and changes["api_type"] != platform.api_type)
    if moves:
        check_address(
            changes.get("api_type", platform.api_type),
            changes.get("base_url", platform.base_url),
            by_operator=is_operator(principal),
        )
        if platform.api_key and "api_key" not in changes:
            raise InvalidInput(fields={"api_key": [KEY_AGAIN]})
        platform.may_be_private = is_operator(principal)
    with transaction.atomic():
        before = shown(platform)
        _write(platform, changes)
        after = shown(platform) | ({"api_key": "replaced"} if "api_key" in changes else {})
        record(principal, "platform.changed", platform, before=before, after=after)
    return platform


def delete_platform(principal: Principal, platform: AIPlatform) -> None:
    """Take a platform away; agents that name it go on with the rest of their list. Its calls stay in the ledger."""
    require_may_manage(principal, platform)
    with transaction.atomic():
        record(principal, "platform.deleted", platform, before=shown(platform))
        platform.delete()


def require_may_manage(principal: Principal, platform: AIPlatform) -> None:
    """The team's platforms are for its owners and admins, the installation's for superusers."""
    if platform.team_id is None:
        allowed = is_operator(principal)
    else:
        allowed = platform.team_id == principal.team_id and principal.may(Permission.MANAGE_PLATFORMS)
    if not allowed:
        raise NotAllowed("You can use this platform, but not change it.")


def is_operator(principal: Principal) -> bool:
    """A superuser in person: a key never is one."""
    return principal.is_operator


def shown(platform: AIPlatform) -> dict[str, Any]:
    """The platform as it may be seen: whether there is a key, never which."""
    return {
        "id": str(platform.pk),
        "platform_name": platform.platform_name,
        **{name: getattr(platform, name) for name in PLAIN_FIELDS},
        "has_key": bool(platform.api_key),
        "is_local": platform.is_local,
        "belongs_to": "team" if platform.team_id else "installation",
    }


def _write(platform: AIPlatform, body: dict[str, Any]) -> None:
    for name in (*PLAIN_FIELDS, "api_key"):
        if name in body:
            setattr(platform, name, body[name])
    if platform.api_type == ApiType.OPENAI_COMPATIBLE and not platform.base_url:
        raise InvalidInput(fields={"base_url": ["An OpenAI-compatible platform needs an address."]})
    platform.save()


def check_address(api_type: str, base_url: str, *, by_operator: bool) -> None:
    """Addresses within the operator's own network are for the operator: a superuser here, or setup_platforms.

    Raises InvalidInput. What a name resolves to is looked at now, and again whenever it is connected to
    (providers/connecting.py).
    """
    parts = _parts_of(base_url)
    if by_operator:
        return
    if api_type in LOCAL_API_TYPES:
        raise InvalidInput(fields={"api_type": ["Local platforms are set up by whoever runs this installation."]})
    if parts is None:
        return
    if parts.scheme != "https":
        raise InvalidInput(fields={"base_url": ["Use an https:// address."]})
    if not is_public(parts.hostname or ""):
        raise InvalidInput(fields={"base_url": ["This address is not on the public internet, or its name is unknown."]})


def _parts_of(base_url: str) -> SplitResult | None:
    """What an address consists of; None when there is none. One with a user name in it would show a password."""
    if not base_url:
        return None
    try:
        parts = urlsplit(base_url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        is_usable = False
    if not is_usable or "\\" in base_url:
        raise InvalidInput(fields={"base_url": ["Use an http:// or https:// address without a user name in it."]})
    return parts
