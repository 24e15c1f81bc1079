"""Every address of the web process."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("apps.accounts.urls_web")),
    path("health/", include("apps.opie.agentos.urls_health")),
    path("api/", include("apps.opie.agentos.urls_schema")),
    path("api/v1/", include("apps.accounts.urls")),
    path("api/v1/", include("apps.opie.agentos.urls")),
    path("widget/", include("apps.opie.agentos.urls_widget")),
    path("", include("apps.opie.web.urls")),
]

handler400 = "apps.api.views.handler400"
handler403 = "apps.api.views.handler403"
handler404 = "apps.api.views.handler404"
handler500 = "apps.api.views.handler500"
