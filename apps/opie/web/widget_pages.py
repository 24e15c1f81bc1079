"""/widget/<id>.js and /widget/<id>/: what a host's page loads of a widget, and the frame that it shows. Open to everybody.

The frame is the one page of Opie that may be shown in others: in those that the widget names, by its own policy.
"""

from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from apps.api.security_policy import content_security_policy
from apps.opie.agentos.visit_api import LONGEST_QUESTION
from apps.opie.engine.visiting import active_widget
from apps.opie.models import SupportWidget
from apps.opie.models.reactions import LONGEST_REASON
from apps.opie.models.widgets import checked_origin
from apps.opie.web.frontend import FrontendNotBuilt, current_build

MOST_STARTERS = 4
SCRIPT_KEPT_SECONDS = 300


@require_safe
def script(request: HttpRequest, widget_id: UUID) -> HttpResponse:  # noqa: ARG001
    """The script of the tag. It finds out from its own address whose frame it shows: all widgets share it."""
    active_widget(widget_id)
    response = HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={SCRIPT_KEPT_SECONDS}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_safe
@xframe_options_exempt
def frame(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    """The chat. `?origin=` says which page has it, and is heeded if it is one that the widget names."""
    widget = active_widget(widget_id)
    context = {
        "widget": widget,
        "host": _host(widget, request.GET.get("origin", "")),
        "starters": widget.agent.starters[:MOST_STARTERS],
        "longest": LONGEST_QUESTION,
        "longest_reason": LONGEST_REASON,
    }
    response = render(request, "widget/frame.html", context)
    nonce: str = request.csp_nonce  # type: ignore[attr-defined]
    response["Content-Security-Policy"] = content_security_policy(nonce, shown_in=widget.allowed_origins)
    response["Cache-Control"] = "no-store"
    return response


def _host(widget: SupportWidget, said: str) -> str:
    try:
        origin = checked_origin(said)
    except ValidationError:
        return ""
    return origin if origin in widget.allowed_origins else ""


def _script() -> bytes:
    name = current_build().file("src/tag.ts")
    return _read(name) if not settings.DEBUG else _read.__wrapped__(name)


@cache
def _read(name: str) -> bytes:
    found = finders.find(name)
    for path in (found if isinstance(found, str) else None, Path(settings.STATIC_ROOT) / name):
        if path is not None and Path(path).is_file():
            return Path(path).read_bytes()
    raise FrontendNotBuilt(f"{name} is missing: build the front end.")
