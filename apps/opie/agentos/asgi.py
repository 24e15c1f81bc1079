"""Where uvicorn finds AgentOS. Imports nothing of Django's before Django is ready: a reloading child starts here."""

import logging
from typing import TYPE_CHECKING

import django
from django.apps import apps

if TYPE_CHECKING:
    from apps.opie.agentos.gate import Gate


def application() -> "Gate":
    """The ASGI app (see server.application). Raises ImproperlyConfigured where it could not be served securely."""
    if not apps.ready:
        django.setup()
    from django.conf import settings

    from apps.opie.agentos import server

    # Agno says at INFO what it sets up, and at DEBUG what people write.
    logging.getLogger("agno").setLevel(logging.DEBUG if settings.AGENTOS_DEBUG else logging.WARNING)
    return server.application()
