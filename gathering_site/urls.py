"""Every path of the server."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerView

from gathering_site.health import Health

PUBLIC = {"authentication_classes": [], "permission_classes": []}

urlpatterns = [
    # Until there are pages: whoever opens the address in a browser finds what can be done here.
    path("", RedirectView.as_view(pattern_name="docs")),
    path("health", Health.as_view(), name="health"),
    path("openapi.json", SpectacularJSONAPIView.as_view(**PUBLIC), name="openapi"),
    path("docs", SpectacularSwaggerView.as_view(url_name="openapi", **PUBLIC), name="docs"),
    path("redoc", SpectacularRedocView.as_view(url_name="openapi", **PUBLIC), name="redoc"),
    path("", include("agents.urls")),
    path("", include("conversations.urls")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
]

handler400 = "gathering_site.common.error_answers.bad_request"
handler404 = "gathering_site.common.error_answers.not_found"
handler500 = "gathering_site.common.error_answers.server_error"
