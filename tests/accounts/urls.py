"""The addresses of apps/accounts alone, and views that fail or stream on purpose."""

from collections.abc import AsyncIterator

from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers

from apps.accounts.api.swagger import SwaggerView
from apps.accounts.async_views import PrincipalView
from apps.accounts.middleware import page_principal
from apps.accounts.permissions import Permission
from apps.api.errors import LimitExceeded, PlatformFailed
from apps.api.serializers import StrictSerializer
from apps.api.views import live


class EchoSerializer(StrictSerializer):
    text = serializers.CharField(max_length=20)


class EchoView(PrincipalView):
    required = Permission.RUN_AGENTS
    largest_body = 200

    async def post(self, request: HttpRequest) -> HttpResponseBase:
        body = self.read_body(request, EchoSerializer)
        return JsonResponse({"text": body["text"], "team": str(self.principal.team_id)})


class StreamView(PrincipalView):
    async def get(self, request: HttpRequest) -> HttpResponseBase:
        async def body() -> AsyncIterator[bytes]:
            yield b"one "
            yield b"two"

        return StreamingHttpResponse(body())


class ThrottledView(PrincipalView):
    async def throttle(self, request: HttpRequest) -> None:
        raise LimitExceeded(retry_after=7)

    async def get(self, request: HttpRequest) -> HttpResponseBase:
        return HttpResponse("never")


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(page_principal(request).email)


def quiet_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"queries: {len(connection.queries)}")


def failing_page(request: HttpRequest) -> HttpResponse:
    raise PlatformFailed(run_id="run-1")


def crashing_page(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the secret inside")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("apps.accounts.urls_web")),
    path("health/live/", live),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/schema/swagger-ui/", SwaggerView.as_view(url_name="schema")),
    path("api/v1/", include("apps.accounts.urls")),
    path("api/echo/", EchoView.as_view()),
    path("api/stream/", StreamView.as_view()),
    path("api/throttled/", ThrottledView.as_view()),
    path("api/failing/", failing_page),
    path("api/crashing/", crashing_page),
    path("page/", page),
    path("quiet/", quiet_page),
    path("failing/", failing_page),
]

handler400 = "apps.api.views.handler400"
handler403 = "apps.api.views.handler403"
handler404 = "apps.api.views.handler404"
handler500 = "apps.api.views.handler500"
