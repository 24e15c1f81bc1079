"""The web process: Django, with the ASGI lifespan that it lacks, and the built front end beside it."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from config.lifespan import with_lifespan
from config.static import with_static_files

application: Any = with_lifespan(with_static_files(django_application))
