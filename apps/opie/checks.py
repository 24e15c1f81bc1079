"""System checks: what is set up wrongly is said at start, not at the first message."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string


@register("opie")
def agentos_config_can_be_imported(**_: Any) -> list[CheckMessage]:
    try:
        import_string(settings.AGENTOS_CONFIG)
    except ImportError as error:
        hint = "AGENTOS_CONFIG must be the dotted path of a subclass of apps.opie.agentos.config.AgentOSConfig."
        return [Error(f"AGENTOS_CONFIG cannot be imported: {error}", hint=hint, id="opie.E001")]
    return []


@register("opie")
def pool_leaves_room(**_: Any) -> list[CheckMessage]:
    if settings.DATABASE_POOL_SIZE < 3:
        hint = "Set DATABASE_POOL_SIZE to at least 3: one connection for runs, one for tools, one for requests."
        return [Error("The database pool is too small.", hint=hint, id="opie.E002")]
    return []
