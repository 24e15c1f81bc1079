"""The built front end, served by the process itself. Behind a CDN these paths are never asked for."""

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from starlette.responses import FileResponse, PlainTextResponse

from config.lifespan import Application, Receive, Scope, Send

# Vite puts a hash of the content into each name under assets/.
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"


def with_static_files(application: Application) -> Application:
    prefix = "/" + settings.STATIC_URL.strip("/") + "/"

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(prefix):
            await _serve(scope["path"].removeprefix(prefix), scope, receive, send)
        else:
            await application(scope, receive, send)

    return wrapped


async def _serve(path: str, scope: Scope, receive: Receive, send: Send) -> None:
    found = _find(path) if scope["method"] in ("GET", "HEAD") else None
    if found is None:
        await PlainTextResponse("There is nothing here.", status_code=404)(scope, receive, send)
        return
    headers = {
        "Cache-Control": FOR_EVER if "/assets/" in f"/{path}" else FOR_AN_HOUR,
        "X-Content-Type-Options": "nosniff",
    }
    await FileResponse(found, headers=headers)(scope, receive, send)


def _find(path: str) -> Path | None:
    """The file of that name; a folder, or a way out of the static folders, is none."""
    try:
        found = finders.find(path)
        return Path(found) if isinstance(found, str) and Path(found).is_file() else None
    except (SuspiciousFileOperation, ValueError):
        return None
