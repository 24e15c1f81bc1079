"""The web process: Django, with the ASGI lifespan that it lacks, and the built front end beside it."""

import os
from typing import Any

import django
from django.core.handlers.asgi import ASGIHandler


def make_application() -> Any:
    """The ASGI application. Django is set up first: what wraps it imports rows."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup(set_prefix=False)
    from django.conf import settings

    from config.in_loop import in_loop
    from config.lifespan import with_lifespan
    from config.static import with_static_files

    settings.MIDDLEWARE = in_loop(settings.MIDDLEWARE)
    return with_lifespan(with_static_files(ASGIHandler()))


application = make_application()
