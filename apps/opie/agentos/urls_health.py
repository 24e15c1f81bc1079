"""Addresses under /health/: for load balancers, without sign-in, and without anything secret."""

from django.http import HttpRequest, JsonResponse
from django.urls import path

from apps.api.views import live
from apps.opie.agentos.health import snapshot


def ready(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """Each thing this needs, with state and time; 503 while one that it cannot work without is missing."""
    seen = snapshot()
    return JsonResponse(seen.as_public_json(), status=200 if seen.is_ready else 503)


urlpatterns = [path("live/", live, name="health-live"), path("ready/", ready, name="health-ready")]
