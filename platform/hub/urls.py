"""Where everything lives."""

from django.urls import include, path
from django.views.generic import TemplateView
from django.views.i18n import set_language

from hub import console, probes

console.discover()

urlpatterns = [
    path("livez", probes.livez),
    path("readyz", probes.readyz),
    path("metrics", probes.metrics_page),
    path("", TemplateView.as_view(template_name="hub/start.html"), name="start"),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("hub.accounts.urls")),
    path("console/", console.site.urls),
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.server_error
