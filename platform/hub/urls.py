"""Where everything lives."""

from django.urls import include, path
from django.views.generic import TemplateView
from django.views.i18n import set_language

from hub import console, openapi, probes, problems

console.discover()

urlpatterns = [
    path("livez", probes.livez),
    path("readyz", probes.readyz),
    path("metrics", probes.metrics_page),
    path("", TemplateView.as_view(template_name="hub/start.html"), name="start"),
    path("apply/", include("acquisition.journey.urls")),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("hub.accounts.urls")),
    path("console/", console.site.urls),
    path("api/v1/", include("partners.institutions.api")),
    path("api/v1/", include("partners.products.api")),
    path("api/v1/", include("partners.referrals.api")),
    path("api/v1/", include("partners.loans.api")),
    path("api/v1/", include("partners.delivery.api")),
    path("api/v1/", include("risk.scoring.api")),
    path("api/v1/", include("risk.scoring.batch_api")),
    path("api/v1/", include("risk.scoring.models_api")),
    path("api/v1/", include("risk.scoring.reports_api")),
    path("api/v1/", include("risk.scoring.notices_api")),
    path("api/v1/", include("risk.learning.api")),
    path("api/v1/", include("risk.monitoring.api")),
    path("api/schema/", openapi.DescriptionResource.as_view(), name="api-description"),
    path("api/docs/", openapi.ReferencePage.as_view(), name="api-reference"),
    path("oauth/", include("partners.institutions.oauth")),
    path("problems/<slug:code>", problems.explain, name="problem"),
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.server_error
