"""Loan books by REST: hand one in, see how it was taken; and jobs, the long work that follows."""

from uuid import UUID

from django.urls import path
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from hub.api import Reply, Resource, caller, endpoint
from hub.clock import now
from hub.errors import Conflict, NotFound, TooLarge, Unavailable
from hub.lists import page
from risk.learning import queries, services
from risk.learning.book_form import BookForm, read_form
from risk.learning.serializers import (
    BOOK_EXAMPLE,
    JOB_EXAMPLE,
    UPLOAD,
    BookAnswer,
    JobAnswer,
    ProblemPage,
    book_answer,
    job_answer,
    problem_answer,
)


def _form(request: Request) -> BookForm:
    # The payload of `endpoint` is asked for before a transaction opens: a slow sender must not hold one.
    form: BookForm = request.parser_context.get("form") or read_form(request)
    request.parser_context["form"] = form
    return form


class LoanBooks(Resource):
    """Historical loan books."""

    parser_classes = (MultiPartParser,)

    @endpoint(
        scope="books:write", idempotent=True, payload=lambda request: _form(request).fingerprint, body=UPLOAD,
        answer=JobAnswer, status=202, examples={"response": JOB_EXAMPLE}, raises=(Conflict, TooLarge, Unavailable),
    )  # fmt: skip
    def post(self, request: Request) -> Reply:
        """Hand in a book with its column mapping; it is read, and on demand trained on, in the background.

        The same file and mapping for the same line again is the same book, and changes nothing.
        """
        form, client = _form(request), caller(request)
        found = services.register_book(
            chunks=form.file.chunks(), mapping_text=form.mapping, line_name=form.line, totals=form.totals,
            institution_id=client.institution_id, train_when_read=form.train, actor=client.actor, now=now(),
        )  # fmt: skip
        return Reply(job_answer(found.book), status=202, headers={"Location": f"/api/v1/jobs/{found.book.id}"})


class LoanBookDetail(Resource):
    """One loan book."""

    @endpoint(scope="books:write", answer=BookAnswer, examples={"response": BOOK_EXAMPLE})
    def get(self, request: Request, book_id: UUID) -> Reply:
        """Read how far a book is, what was taken and which lines were not; `?limit=` and `?after=` page the latter."""
        book = queries.book_by_id(book_id=book_id)
        reply = page(request, queries.problems(book_id=book_id), problem_answer, order=("at", "id"))
        problems = ProblemPage(reply.data["items"], reply.data["next"])
        trainings = [run.id for run in queries.trainings_of(book=book)]
        reply.data = book_answer(book, trainings=trainings, problems=problems)
        return reply


class JobDetail(Resource):
    """Long work."""

    @endpoint(scope="events:read", answer=JobAnswer, examples={"response": JOB_EXAMPLE}, raises=(NotFound,))
    def get(self, request: Request, job_id: UUID) -> Reply:  # noqa: ARG002 - the scope is in the transaction
        """Read the state and the progress of a job: the reading of a loan book, or a training."""
        return Reply(job_answer(queries.job(job_id=job_id)))


urlpatterns = [
    path("loan-books", LoanBooks.as_view(), name="loan-books"),
    path("loan-books/<uuid:book_id>", LoanBookDetail.as_view(), name="loan-book"),
    path("jobs/<uuid:job_id>", JobDetail.as_view(), name="job"),
]
