"""The validation report and the model card of a version, by REST: to be read, and as PDF to be kept."""

from uuid import UUID

from django.urls import path
from rest_framework.request import Request

from hub import documents
from hub.api import Reply, Resource, endpoint
from hub.clock import now
from hub.errors import NotFound, Unavailable
from risk.scoring import monitored, reports
from risk.scoring.models import ModelVersion

_RAISES = (NotFound, Unavailable)
_PAGE = {"response": "<!doctype html><html lang=en><title>Validation report: consumer 3</title></html>"}

_PDF = {"response": "%PDF-1.7 and so on"}


def _version(model_id: UUID) -> ModelVersion:
    return monitored.shown_version(version_id=model_id, announced=True)


class ModelReport(Resource):
    """The validation report."""

    @endpoint(scope="institution:read", answer=str, media=documents.HTML, raises=_RAISES, examples=_PAGE)
    def get(self, request: Request, model_id: UUID) -> Reply:  # noqa: ARG002 - the scope is in the transaction
        """Read the validation report of a version as a page: purpose, data, method, figures, criteria, approvals.

        Of versions that score, scored, or are announced. Of credit policies it tells what concerns your own.
        """
        return Reply(documents.html(reports.validation_report(_version(model_id), now=now())))


class ModelReportPdf(Resource):
    """The validation report as PDF."""

    @endpoint(scope="institution:read", answer=str, media=documents.PDF, raises=_RAISES, examples=_PDF)
    def get(self, request: Request, model_id: UUID) -> Reply:  # noqa: ARG002 - as above
        """Read the validation report of a version as a PDF; the same report has the same bytes."""
        return Reply(documents.pdf(reports.validation_report(_version(model_id), now=now())))


class ModelCard(Resource):
    """The model card."""

    @endpoint(scope="institution:read", answer=str, media=documents.HTML, raises=_RAISES, examples=_PAGE)
    def get(self, request: Request, model_id: UUID) -> Reply:  # noqa: ARG002 - as above
        """Read the model card of a version as a page: what it is for, how good it is, where it ends."""
        return Reply(documents.html(reports.model_card(_version(model_id), now=now())))


class ModelCardPdf(Resource):
    """The model card as PDF."""

    @endpoint(scope="institution:read", answer=str, media=documents.PDF, raises=_RAISES, examples=_PDF)
    def get(self, request: Request, model_id: UUID) -> Reply:  # noqa: ARG002 - as above
        """Read the model card of a version as a PDF."""
        return Reply(documents.pdf(reports.model_card(_version(model_id), now=now())))


urlpatterns = [
    path("models/<uuid:model_id>/report", ModelReport.as_view(), name="model-report"),
    path("models/<uuid:model_id>/report.pdf", ModelReportPdf.as_view(), name="model-report-pdf"),
    path("models/<uuid:model_id>/card", ModelCard.as_view(), name="model-card"),
    path("models/<uuid:model_id>/card.pdf", ModelCardPdf.as_view(), name="model-card-pdf"),
]
