"""The web process: Django, with the ASGI lifespan that it lacks, and the built front end beside it."""

import os
from typing import Any

import django


def make_application() -> Any:
    """The ASGI application. Django is set up first: what wraps it imports rows."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup(set_prefix=False)
    from django.conf import settings

    from apps.accounts.async_views import leave_the_loop_by
    from apps.opie import rows
    from config.handler import Handler
    from config.in_loop import in_loop
    from config.lifespan import with_lifespan
    from config.static import with_static_files

    settings.MIDDLEWARE = in_loop(settings.MIDDLEWARE)
    leave_the_loop_by(rows.run)
    return with_lifespan(with_static_files(Handler()))


application = make_application()
