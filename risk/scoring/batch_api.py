"""Files of people by REST: hand one in, see how far it is, read what became of its lines."""

from uuid import UUID

from django.conf import settings
from django.urls import path
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from hub.api import Reply, Resource, caller, endpoint
from hub.clock import now
from hub.errors import Conflict, FieldError, Invalid, NotFound, QueryBudgetSpent, TooLarge, Unavailable
from risk.scoring import batch_answers, batch_results, batches, query_budgets
from risk.scoring.batch_answers import ScoreBatchAnswer
from risk.scoring.batch_form import BatchForm, read_form

RESULTS_DEFAULT = 1_000
RESULTS_MAX = 5_000
LINE_MAX = 2**31 - 1


def _form(request: Request) -> BatchForm:
    # The payload of `endpoint` is asked for before a transaction opens: a slow sender must not hold one.
    form: BatchForm = request.parser_context.get("form") or read_form(request)
    request.parser_context["form"] = form
    return form


class ScoreBatches(Resource):
    """Files of people to be scored."""

    parser_classes = (MultiPartParser,)

    @endpoint(
        scope="scores:write", idempotent=True, payload=lambda request: _form(request).fingerprint,
        body=batch_answers.UPLOAD, answer=ScoreBatchAnswer, status=202,
        examples={"response": batch_answers.BATCH_EXAMPLE},
        raises=(NotFound, Conflict, QueryBudgetSpent, TooLarge, Unavailable),
    )  # fmt: skip
    def post(self, request: Request) -> Reply:
        """Hand in a file of people, who are scored in the background, each with a decision record of its own.

        All by the model version that is the line's champion now. The same file for the same version again is the same
        batch, and changes nothing. Its lines count against the day's budget of scores on the line. With control totals
        a file that differs is refused, and nothing of it is taken.
        """
        form, client, moment = _form(request), caller(request), now()
        budget = query_budgets.standing(
            institution_id=client.institution_id, line_name=form.model_line, sandbox=client.sandbox, now=moment,
            anew=True,
        )  # fmt: skip
        batch = batches.receive(
            institution_id=client.institution_id, line_name=form.model_line, chunks=form.file.chunks(),
            format_=form.format, totals=form.totals, actor=client.actor, now=moment, budget=budget,
        )  # fmt: skip
        place = {"Location": f"/api/v1/score-batches/{batch.id}"}
        return Reply(batch_answers.batch_answer(batch), status=202, headers=place)


class ScoreBatchDetail(Resource):
    """One file of people."""

    @endpoint(scope="scores:write", answer=ScoreBatchAnswer, examples={"response": batch_answers.DONE_EXAMPLE})
    def get(self, request: Request, score_batch_id: UUID) -> Reply:  # noqa: ARG002 - the scope is in the transaction
        """Read how far a file is."""
        return Reply(batch_answers.batch_answer(batch_results.batch_by_id(score_batch_id)))


class ScoreBatchResults(Resource):
    """What became of the lines of a file."""

    query = (
        OpenApiParameter(
            name="after", type={"type": "integer", "minimum": 0, "maximum": LINE_MAX, "default": 0},
            location=OpenApiParameter.QUERY, description="The number of the last line that was read.",
        ),
        OpenApiParameter(
            name="limit", type={"type": "integer", "minimum": 1, "maximum": RESULTS_MAX, "default": RESULTS_DEFAULT},
            location=OpenApiParameter.QUERY, description="How many lines at most.",
        ),
    )  # fmt: skip

    @endpoint(
        scope="scores:write", answer=str, examples={"response": batch_answers.RESULTS_EXAMPLE}, raises=(Invalid,),
        media="application/x-ndjson",
    )  # fmt: skip
    def get(self, request: Request, score_batch_id: UUID) -> Reply:
        """Read the results of the lines that are done, a JSON object a line, in the order of the file.

        Each has `line` and either the decision (`decision_id`, `pd_12m`, `grade`, `recommended_action`, `reasons`) or
        its `problems`. `Link: rel="next"` leads to more; while the file is being scored, ask again after the last.
        """
        batch = batch_results.batch_by_id(score_batch_id)
        after, limit = (
            _whole(request, "after", 0, 0, LINE_MAX),
            _whole(request, "limit", RESULTS_DEFAULT, 1, RESULTS_MAX),
        )
        found = batch_results.results_of(batch, after=after, limit=limit)
        following = (
            f"{settings.PUBLIC_URL}{request.path}?after={found[-1].line}&limit={limit}" if len(found) == limit else ""
        )
        headers = {"Link": f'<{following}>; rel="next"'} if following else {}
        return Reply(batch_answers.result_text(found), headers=headers)


def _whole(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        detail = f"Let ?{name}= be a whole number from {low} to {high}."
        raise Invalid([FieldError("", f"invalid_{name}", detail)])
    return int(text)


urlpatterns = [
    path("score-batches", ScoreBatches.as_view(), name="score-batches"),
    path("score-batches/<uuid:score_batch_id>", ScoreBatchDetail.as_view(), name="score-batch"),
    path("score-batches/<uuid:score_batch_id>/results", ScoreBatchResults.as_view(), name="score-batch-results"),
]
