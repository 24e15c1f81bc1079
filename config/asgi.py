"""The web process: Django, with the ASGI lifespan that it lacks, and the built front end beside it."""

import os
from typing import Any

from django.core.asgi import get_asgi_application


def make_application() -> Any:
    """The ASGI application. Django is set up first: what wraps it imports rows."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django_application = get_asgi_application()
    from config.lifespan import with_lifespan
    from config.static import with_static_files

    return with_lifespan(with_static_files(django_application))


application = make_application()
