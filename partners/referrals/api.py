"""REST: the referrals that an institution received, its decisions on them, and their contracts."""

from uuid import UUID

from django.urls import path
from rest_framework.request import Request

from hub import consent
from hub.api import Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.errors import Conflict, Erased
from hub.lists import page
from partners.referrals import examples, lender, queries, serializers
from partners.referrals.serializers import (
    ConsentAnswer,
    ContractAnswer,
    DecisionAnswer,
    DecisionBody,
    ReferralAnswer,
    ReferralPage,
)


class ReferralsResource(Resource):
    """The referrals of the caller's institution."""

    @endpoint(
        scope="referrals:read", answer=ReferralPage, examples={"response": {"items": [examples.ITEM], "next": None}}
    )
    def get(self, request: Request) -> Reply:
        """List the referrals that the institution received, oldest first."""
        return page(request, queries.referrals(), serializers.referral_item)


class ReferralResource(Resource):
    """One referral."""

    @endpoint(scope="referrals:read", answer=ReferralAnswer, raises=(Erased,), examples={"response": examples.REFERRAL})
    def get(self, request: Request, referral_id: UUID) -> Reply:  # noqa: ARG002 - the scope is in the transaction
        """Read a referral with the consented package: contact, facts, score with reasons, and the decisions so far."""
        return Reply(serializers.referral_answer(queries.referral_by_id(referral_id)))


class ReferralConsent(Resource):
    """The consent behind a referral."""

    @endpoint(scope="referrals:read", answer=ConsentAnswer, examples={"response": examples.CONSENT})
    def get(self, request: Request, referral_id: UUID) -> Reply:
        """Read the proof of the borrower's consent to share with this institution."""
        referral = queries.referral_by_id(referral_id)
        proof = consent.proof(consent_id=referral.consent_id)
        return Reply(serializers.consent_answer(proof, referral, now(caller(request).institution_id)))


class ReferralDecision(Resource):
    """Deciding on a referral."""

    @endpoint(
        scope="decisions:write", idempotent=True, body=DecisionBody, answer=DecisionAnswer, status=201,
        raises=(Conflict,), examples={"request": examples.APPROVAL, "response": examples.DECISION},
    )  # fmt: skip
    def post(self, request: Request, referral_id: UUID) -> Reply:
        """Approve with final terms, decline with reason codes of your own, make a counter-offer, or ask for more.

        Terms that are worse than the accepted offer (a lower amount, a higher rate, fee or APR, another term) are
        recorded as a counter-offer, which the borrower must accept anew. An amount above the accepted one is refused.
        """
        referral = queries.referral_by_id(referral_id)
        body = decode(request, DecisionBody)
        recorded = lender.decide(
            referral_id=referral_id,
            verdict=serializers.read_verdict(body, currency=referral.terms["currency"]),
            actor=caller(request).actor,
            now=now(caller(request).institution_id),
        )
        return Reply(serializers.recorded_answer(recorded), status=201, person_id=referral.person_id)


class ReferralContract(Resource):
    """The contract of a referral."""

    @endpoint(scope="referrals:read", answer=ContractAnswer, examples={"response": examples.CONTRACT})
    def get(self, request: Request, referral_id: UUID) -> Reply:  # noqa: ARG002 - as above
        """Read the final terms with their hash and the evidence of the signature; 404 until there are final terms."""
        referral = queries.referral_by_id(referral_id)
        return Reply(serializers.contract_answer(queries.contract_of(referral), referral))


urlpatterns = [
    path("referrals", ReferralsResource.as_view(), name="referrals"),
    path("referrals/<uuid:referral_id>", ReferralResource.as_view(), name="referral"),
    path("referrals/<uuid:referral_id>/consent", ReferralConsent.as_view(), name="referral-consent"),
    path("referrals/<uuid:referral_id>/decision", ReferralDecision.as_view(), name="referral-decision"),
    path("referrals/<uuid:referral_id>/contract", ReferralContract.as_view(), name="referral-contract"),
]
