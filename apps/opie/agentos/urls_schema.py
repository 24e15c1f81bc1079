"""The API's description, and a page to try it."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.accounts.api.swagger import SwaggerView

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("schema/swagger-ui/", SwaggerView.as_view(url_name="schema"), name="swagger-ui"),
]
