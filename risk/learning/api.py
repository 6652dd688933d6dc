"""Loan books by REST: hand one in, see how it was taken; and jobs, the long work that follows."""

from typing import Any
from uuid import UUID

from django.urls import path
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.api import caller, endpoint, page
from hub.clock import now
from hub.errors import Conflict, NotFound, TooLarge, Unavailable
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
    form: BookForm = request.parser_context["form"]
    return form


class LoanBooks(APIView):
    """Historical loan books."""

    parser_classes = (MultiPartParser,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the whole form before a transaction opens: a slow sender must not hold one."""
        super().initial(request, *args, **kwargs)
        request.parser_context["form"] = read_form(request)

    @endpoint(
        scope="books:write", idempotent=True, payload=lambda request: _form(request).fingerprint, body=UPLOAD,
        answer=JobAnswer, status=202, examples={"response": JOB_EXAMPLE}, raises=(Conflict, TooLarge, Unavailable),
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Hand in a book with its column mapping; it is read, and on demand trained on, in the background.

        The same file and mapping for the same line again is the same book, and changes nothing.
        """
        form, client = _form(request), caller(request)
        found = services.register_book(
            chunks=form.file.chunks(), mapping_text=form.mapping, line_name=form.line, totals=form.totals,
            institution_id=client.institution_id, train_when_read=form.train, actor=client.actor, now=now(),
        )  # fmt: skip
        return Response(job_answer(found.book), status=202, headers={"Location": f"/api/v1/jobs/{found.book.id}"})


class LoanBookDetail(APIView):
    """One loan book."""

    @endpoint(scope="books:write", answer=BookAnswer, examples={"response": BOOK_EXAMPLE})
    def get(self, request: Request, book_id: UUID) -> Response:
        """Read how far a book is, what was taken and which lines were not; `?limit=` and `?after=` page the latter."""
        book = queries.book_by_id(book_id=book_id)
        response = page(request, queries.problems(book_id=book_id), problem_answer, order=("at", "id"))
        problems = ProblemPage(response.data["items"], response.data["next"])
        trainings = [run.id for run in queries.trainings_of(book=book)]
        response.data = book_answer(book, trainings=trainings, problems=problems)
        return response


class JobDetail(APIView):
    """Long work."""

    @endpoint(scope="events:read", answer=JobAnswer, examples={"response": JOB_EXAMPLE}, raises=(NotFound,))
    def get(self, request: Request, job_id: UUID) -> Response:  # noqa: ARG002 - the scope is in the transaction
        """Read the state and the progress of a job: the reading of a loan book, or a training."""
        return Response(job_answer(queries.job(job_id=job_id)))


urlpatterns = [
    path("loan-books", LoanBooks.as_view(), name="loan-books"),
    path("loan-books/<uuid:book_id>", LoanBookDetail.as_view(), name="loan-book"),
    path("jobs/<uuid:job_id>", JobDetail.as_view(), name="job"),
]
