"""REST: funding, loans, what is reported of them, and files of reports."""

from uuid import UUID

from django.urls import path
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from hub.api import Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.errors import Conflict, Invalid, TooLarge, Unavailable
from hub.lists import page
from partners.loans import bulk, examples, life, queries, serializers, services
from partners.loans.bulk_form import BatchForm, read_form
from partners.loans.serializers import (
    BatchAnswer,
    BatchDetailAnswer,
    FundingBody,
    LineProblemPage,
    LoanAnswer,
    LoanDetailAnswer,
    LoanPage,
    ReportAnswer,
    ReportPage,
)
from partners.loans.shapes import NewReport
from partners.referrals import facade as referrals


class FundingResource(Resource):
    """The funding of a referral."""

    @endpoint(
        scope="loans:report", idempotent=True, body=FundingBody, answer=LoanAnswer, status=201, raises=(Conflict,),
        examples={"request": examples.FUNDING, "response": examples.LOAN},
    )  # fmt: skip
    def post(self, request: Request, referral_id: UUID) -> Reply:
        """Fund a referral: the loan begins today. 409 unless a contract of exactly these terms is signed."""
        client, referral = caller(request), referrals.referral_view(referral_id=referral_id)
        body = decode(request, FundingBody)
        loan = services.fund(
            referral_id=referral.id, terms_hash=body.terms_hash, actor=client.actor, now=now(client.institution_id)
        )
        return Reply(serializers.loan_answer(loan), status=201, headers={"Location": f"/api/v1/loans/{loan.id}"})


class LoansResource(Resource):
    """The caller's loans."""

    @endpoint(scope="loans:report", answer=LoanPage, examples={"response": {"items": [examples.LOAN], "next": None}})
    def get(self, request: Request) -> Reply:
        """List the institution's loans, oldest first."""
        return page(request, queries.loans(), serializers.loan_answer)


class LoanResource(Resource):
    """One loan."""

    @endpoint(
        scope="loans:report", answer=LoanDetailAnswer, examples={"response": examples.LOAN_DETAIL}, raises=(Invalid,)
    )
    def get(self, request: Request, loan_id: UUID) -> Reply:
        """Read a loan: its schedule, its outcome, and its reports; `?limit=` and `?after=` page the latter."""
        loan = queries.loan_by_id(loan_id)
        held = life.in_force(row.fact for row in queries.reports_of(loan_id))
        numbers = serializers.sequences(held)
        reply = page(
            request, queries.reports_of(loan_id), lambda row: serializers.report_answer(row, loan.currency, numbers)
        )
        today = now(caller(request).institution_id).date()
        reply.data = serializers.loan_detail(
            loan, days_past_due=life.days_past_due(held, loan.dues, today),
            reports=ReportPage(reply.data["items"], reply.data["next"]), outcome=queries.outcome_of(loan_id),
        )  # fmt: skip
        return reply


class ReportsResource(Resource):
    """What is reported of one loan."""

    @endpoint(
        scope="loans:report", idempotent=True, body=NewReport, answer=ReportAnswer, status=201, raises=(Conflict,),
        examples={"request": examples.REPORT, "response": examples.REPORTED},
    )  # fmt: skip
    def post(self, request: Request, loan_id: UUID) -> Reply:
        """Report on a loan. The same again under a known sequence changes nothing, something else is a 409."""
        client, loan = caller(request), queries.loan_by_id(loan_id)
        body = decode(request, NewReport)
        row = services.report(loan_id=loan.id, new=body, actor=client.actor, now=now(client.institution_id))
        held = life.in_force(one.fact for one in queries.reports_of(loan_id))
        return Reply(serializers.report_answer(row, loan.currency, serializers.sequences(held)), status=201)


def _form(request: Request) -> BatchForm:
    # The payload of `endpoint` is asked for before a transaction opens: a slow sender must not hold one.
    form: BatchForm = request.parser_context.get("form") or read_form(request)
    request.parser_context["form"] = form
    return form


class PerformanceReportsResource(Resource):
    """Files of reports on many loans."""

    parser_classes = (MultiPartParser,)

    @endpoint(
        scope="loans:report", idempotent=True, payload=lambda request: _form(request).fingerprint,
        body=examples.UPLOAD, answer=BatchAnswer, status=202, examples={"response": examples.BATCH},
        raises=(TooLarge, Unavailable),
    )  # fmt: skip
    def post(self, request: Request) -> Reply:
        """Hand in a file of reports, which are taken in the background, each line as one report.

        With control totals a file that differs from one of them is refused, and nothing of it is taken. Without them
        a file that was cut off gives exactly its good lines. A file may be sent again: known reports change nothing.
        """
        form, client = _form(request), caller(request)
        batch = bulk.receive(
            institution_id=client.institution_id, content=form.content, format_=form.format, totals=form.totals,
            actor=client.actor, now=now(client.institution_id),
        )  # fmt: skip
        headers = {"Location": f"/api/v1/performance-reports/{batch.id}"}
        return Reply(serializers.batch_answer(batch), status=202, headers=headers)


class PerformanceBatchResource(Resource):
    """One file of reports."""

    @endpoint(scope="loans:report", answer=BatchDetailAnswer, examples={"response": examples.BATCH_DETAIL})
    def get(self, request: Request, batch_id: UUID) -> Reply:
        """Read how far a file is and which lines were not taken; `?limit=` and `?after=` page the latter."""
        batch = queries.batch_by_id(batch_id)
        reply = page(request, queries.problems_of(batch_id), serializers.problem_answer)
        reply.data = serializers.batch_detail(batch, LineProblemPage(reply.data["items"], reply.data["next"]))
        return reply


urlpatterns = [
    path("referrals/<uuid:referral_id>/funding", FundingResource.as_view(), name="funding"),
    path("loans", LoansResource.as_view(), name="loans"),
    path("loans/<uuid:loan_id>", LoanResource.as_view(), name="loan"),
    path("loans/<uuid:loan_id>/reports", ReportsResource.as_view(), name="loan-reports"),
    path("performance-reports", PerformanceReportsResource.as_view(), name="performance-reports"),
    path("performance-reports/<uuid:batch_id>", PerformanceBatchResource.as_view(), name="performance-batch"),
]
