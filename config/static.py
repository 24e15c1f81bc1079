"""The built front end, served by the process itself. Behind a CDN these paths are never asked for."""

from django.conf import settings
from django.contrib.staticfiles import finders
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
    found = finders.find(path) if scope["method"] in ("GET", "HEAD") else None
    if not found:
        await PlainTextResponse("There is nothing here.", status_code=404)(scope, receive, send)
        return
    headers = {
        "Cache-Control": FOR_EVER if "/assets/" in f"/{path}" else FOR_AN_HOUR,
        "X-Content-Type-Options": "nosniff",
    }
    await FileResponse(str(found), headers=headers)(scope, receive, send)
