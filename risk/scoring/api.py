"""Scores by REST: make one, read one, replay one."""

from datetime import datetime
from uuid import UUID

from django.urls import path
from rest_framework.request import Request

from hub import limits
from hub.api import ClientIdentity, Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.errors import Erased, NotFound, QueryBudgetSpent
from risk.scoring import queries, query_budgets, services
from risk.scoring.affordability_body import read_means
from risk.scoring.serializers import (
    REPLAY_EXAMPLE,
    SCORE_EXAMPLES,
    ReplayAnswer,
    ScoreAnswer,
    ScoreBody,
    replay_answer,
    score_answer,
)


class Scores(Resource):
    """Scores of the institution's own customers."""

    @endpoint(
        scope="scores:write", idempotent=True, body=ScoreBody, answer=ScoreAnswer, status=201,
        raises=(NotFound, Erased, QueryBudgetSpent), examples=SCORE_EXAMPLES,
    )  # fmt: skip
    def post(self, request: Request) -> Reply:
        """Score a person under a consent, with reasons, and keep the decision record; 404 for an unknown model line.

        With `affordability` the amount asked for is held against what the person can afford, too.
        """
        body = decode(request, ScoreBody)
        client, moment = caller(request), now()
        _charge(request, client, body.model_line, moment)
        scored = services.score_person(
            institution_id=client.institution_id,
            line_name=body.model_line,
            person_reference=body.person_reference,
            consent_reference=services.ConsentReference(
                body.consent.reference, body.consent.text_version, body.consent.given_at, body.consent.expires_at
            ),
            features=body.features,
            means=read_means(body.affordability) if body.affordability else None,
            actor=client.actor,
            now=moment,
        )
        query_budgets.note(institution_id=client.institution_id, line_name=body.model_line)
        place = {"Location": f"/api/v1/scores/{scored.decision.id}"}
        return Reply(score_answer(scored), status=201, headers=place, person_id=scored.decision.person_id)


def _charge(request: Request, client: ClientIdentity, line_name: str, moment: datetime) -> None:
    """Hold a score against the day's budget of the line, and tell what is left of it; `QueryBudgetSpent`."""
    standing = query_budgets.standing(
        institution_id=client.institution_id, line_name=line_name, sandbox=client.sandbox, now=moment
    )  # fmt: skip
    request.META[limits.FIELDS] = standing.told(request.META[limits.FIELDS])
    standing.spend()


class ScoreDetail(Resource):
    """One decision record."""

    @endpoint(
        scope="scores:write", answer=ScoreAnswer, raises=(Erased,), examples={"response": SCORE_EXAMPLES["response"]}
    )
    def get(self, request: Request, score_id: UUID) -> Reply:  # noqa: ARG002 - the scope is in the transaction
        """Read a score with its reasons; 410 `erased` once the person was erased."""
        return Reply(score_answer(services.open_decision(queries.decision_by_id(decision_id=score_id))))


class ScoreReplay(Resource):
    """A decision, computed again."""

    @endpoint(scope="scores:write", answer=ReplayAnswer, examples={"response": REPLAY_EXAMPLE})
    def post(self, request: Request, score_id: UUID) -> Reply:  # noqa: ARG002 - as above
        """Compute a score again from its stored inputs and versions: `identical`, `different` or `erased`."""
        return Reply(replay_answer(services.replay(decision=queries.decision_by_id(decision_id=score_id))))


urlpatterns = [
    path("scores", Scores.as_view(), name="scores"),
    path("scores/<uuid:score_id>", ScoreDetail.as_view(), name="score"),
    path("scores/<uuid:score_id>/replay", ScoreReplay.as_view(), name="score-replay"),
]
