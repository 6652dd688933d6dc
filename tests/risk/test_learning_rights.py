"""Another institution's books, problems and trainings cannot be seen or written, by the database itself (I8)."""

import json
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from hub.clock import now
from hub.errors import NotFound
from hub.tenancy import platform_scope, tenant_scope
from risk.learning import queries, services
from risk.learning.models import BookProblem, LabelEntry, LoanBook, TrainingRun
from tests.risk.factories import ACTOR, book_bytes, imported, lines

pytestmark = pytest.mark.django_db
MINE, THEIRS = uuid4(), uuid4()


@pytest.fixture
def books() -> tuple[UUID, UUID, UUID]:
    """A book of mine, of another institution, and of the platform, each with a damaged line and a queued training."""
    made = []
    for institution_id in (MINE, THEIRS, None):
        book = imported(book_bytes([*lines(120), "x"]), institution_id=institution_id)
        with platform_scope():
            services.request_training(line_id=book.line_id, requested_by=None, actor=ACTOR, now=now())
        made.append(book.id)
    return made[0], made[1], made[2]


def test_only_the_own_rows_are_visible(books: tuple[UUID, UUID, UUID]) -> None:
    with tenant_scope(MINE):
        assert list(LoanBook.objects.values_list("id", flat=True)) == [books[0]]
        assert set(BookProblem.objects.values_list("book_id", flat=True)) == {books[0]}
        assert set(TrainingRun.objects.values_list("institution_id", flat=True)) == {MINE}
        for foreign in books[1:]:
            with pytest.raises(NotFound):
                queries.book_by_id(book_id=foreign)
            with pytest.raises(NotFound):
                queries.job(job_id=foreign)
    with platform_scope():
        assert LoanBook.objects.count() == 3


def test_the_label_ledger_is_closed_to_institutions(books: tuple[UUID, UUID, UUID]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(MINE), transaction.atomic():
        LabelEntry.objects.count()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE learning_loanbook SET state = 'refused'",
        "DELETE FROM learning_loanbook",
        "DELETE FROM learning_bookproblem",
        "UPDATE learning_trainingrun SET state = 'cancelled'",
        "SELECT count(*) FROM learning_trainingcheckpoint",
    ],
)
def test_an_institution_changes_nothing_that_was_taken(books: tuple[UUID, UUID, UUID], statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(MINE), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_book_cannot_be_put_under_another_institution(books: tuple[UUID, UUID, UUID]) -> None:
    statement = """
        INSERT INTO learning_loanbook
        SELECT * FROM json_populate_record((SELECT b FROM learning_loanbook b WHERE id = %s), %s::json)
    """
    foreign = json.dumps(
        {"id": str(uuid4()), "institution_id": str(THEIRS), "state": "registered", "finished_at": None}
    )
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(MINE), transaction.atomic():
        connection.cursor().execute(statement, [books[0], foreign])


@pytest.mark.parametrize(
    "statement", ["UPDATE learning_labelentry SET is_bad = true", "DELETE FROM learning_labelentry"]
)
def test_the_platform_too_only_appends_to_the_ledger(books: tuple[UUID, UUID, UUID], statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), platform_scope(), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE learning_loanbook SET state = 'registered', finished_at = NULL",
        "UPDATE learning_loanbook SET finished_at = NULL",
        "UPDATE learning_loanbook SET bads = rows + 1",
        "UPDATE learning_trainingrun SET state = 'done', version_id = gen_random_uuid()",
        "UPDATE learning_trainingrun SET state = 'running'",
        "UPDATE learning_trainingrun SET percent = 101",
    ],
)
def test_the_database_itself_holds_states_and_counts(books: tuple[UUID, UUID, UUID], statement: str) -> None:
    with pytest.raises(IntegrityError), platform_scope(), transaction.atomic():
        connection.cursor().execute(statement)
