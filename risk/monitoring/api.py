"""The passport of a model version, by REST."""

from uuid import UUID

from django.urls import path
from rest_framework.request import Request

from hub.api import Reply, Resource, caller, endpoint
from hub.errors import NotFound, Unavailable
from risk.monitoring import queries
from risk.monitoring.serializers import PASSPORT_EXAMPLE, PassportAnswer, passport_answer
from risk.scoring import facade as scoring


class ModelPassport(Resource):
    """What is known of one model version."""

    @endpoint(
        scope="institution:read", answer=PassportAnswer, raises=(NotFound, Unavailable),
        examples={"response": PASSPORT_EXAMPLE},
    )  # fmt: skip
    def get(self, request: Request, model_id: UUID) -> Reply:
        """Read how a version was validated, what it reads, and how it does on the institution's own book."""
        model = scoring.model(version_id=model_id)
        run = queries.newest_run(line_id=model.line_id, version_id=model_id)
        figures = queries.figures_of(run, institution_id=caller(request).institution_id) if run else ()
        return Reply(passport_answer(model, scoring.scorer(version_id=model_id), run, figures))


urlpatterns = [path("models/<uuid:model_id>/passport", ModelPassport.as_view(), name="model-passport")]
