"""Reads of loans, reports, outcomes and files, in the open scope."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from uuid import UUID

from django.db.models import Count, QuerySet

from hub.errors import NotFound
from partners.loans.models import BatchProblem, Loan, Outcome, PerformanceBatch, PerformanceReport


def loans() -> QuerySet[Loan]:
    """Return the loans that the open scope sees."""
    return Loan.objects.all()


def loan_by_id(loan_id: UUID) -> Loan:
    """Return a loan; another institution's answers like an unknown one."""
    found = Loan.objects.filter(id=loan_id).first()
    if found is None:
        raise NotFound("There is no such loan.")
    return found


def locked_loan(loan_id: UUID) -> Loan:
    """As above, locked until the transaction ends."""
    found = Loan.objects.select_for_update(no_key=True).filter(id=loan_id).first()
    if found is None:
        raise NotFound("There is no such loan.")
    return found


def locked_loans(loan_ids: Collection[UUID]) -> dict[UUID, Loan]:
    """Lock those of these loans that the open scope sees, in one order."""
    rows = Loan.objects.select_for_update(no_key=True).filter(id__in=loan_ids).order_by("id")
    return {loan.id: loan for loan in rows}


def reports_of(loan_id: UUID) -> QuerySet[PerformanceReport]:
    """Return what was reported of a loan."""
    return PerformanceReport.objects.filter(loan_id=loan_id)


def known_digests(keys: Collection[tuple[UUID, int]]) -> dict[tuple[UUID, int], str]:
    """Return the digests of the reports that are there already, of these loans and sequences."""
    rows = PerformanceReport.objects.filter(
        loan_id__in={loan_id for loan_id, _ in keys}, sequence__in={sequence for _, sequence in keys}
    )
    return {
        (loan_id, sequence): digest for loan_id, sequence, digest in rows.values_list("loan_id", "sequence", "digest")
    }


def reports_by_loan(loan_ids: Collection[UUID]) -> dict[UUID, list[PerformanceReport]]:
    """Return all reports of these loans."""
    return _by_loan(PerformanceReport.objects.filter(loan_id__in=loan_ids))


def outcomes_by_loan(loan_ids: Collection[UUID], *, definition_version: int) -> dict[UUID, Outcome]:
    """Return the outcome that counts of each of these loans, under one definition."""
    rows = Outcome.objects.filter(loan_id__in=loan_ids, definition_version=definition_version).order_by("revision")
    return {outcome.loan_id: outcome for outcome in rows}


def outcome_of(loan_id: UUID) -> Outcome | None:
    """Return the newest outcome of a loan."""
    return Outcome.objects.filter(loan_id=loan_id).order_by("-definition_version", "-revision").first()


def _by_loan(rows: Iterable[PerformanceReport]) -> dict[UUID, list[PerformanceReport]]:
    found: dict[UUID, list[PerformanceReport]] = defaultdict(list)
    for row in rows:
        found[row.loan_id].append(row)
    return found


def due_for_review(*, institution_id: UUID | None, today: date, limit: int) -> list[Loan]:
    """Lock loans whose outcome is to be looked at: of one institution, or of all live ones. Platform scope."""
    rows = Loan.objects.select_for_update(no_key=True, skip_locked=True).filter(review_on__lte=today)
    mine = rows.filter(sandbox=False) if institution_id is None else rows.filter(institution_id=institution_id)
    return list(mine.order_by("review_on", "id")[:limit])


def sandboxes_in_review() -> list[UUID]:
    """Return the sandboxes that have loans to look at, some day. Platform scope."""
    rows = Loan.objects.filter(sandbox=True, review_on__isnull=False)
    return list(rows.order_by("institution_id").values_list("institution_id", flat=True).distinct())


def batches() -> QuerySet[PerformanceBatch]:
    """Return the files of reports that the open scope sees, without their text."""
    return PerformanceBatch.objects.defer("content")


def batch_by_id(batch_id: UUID) -> PerformanceBatch:
    """Return a file of reports; another institution's answers like an unknown one."""
    found = batches().filter(id=batch_id).first()
    if found is None:
        raise NotFound("There is no such file of reports.")
    return found


def locked_batch(batch_id: UUID) -> PerformanceBatch | None:
    """Lock a file whose lines are not all taken, with its text; None where they are."""
    return PerformanceBatch.objects.select_for_update().filter(id=batch_id, state="received").first()


def batches_waiting(*, limit: int) -> list[tuple[UUID, UUID]]:
    """Return (institution, id) of files that are not taken yet, oldest first. Platform scope."""
    rows = PerformanceBatch.objects.filter(state="received").order_by("created_at", "id")
    return list(rows.values_list("institution_id", "id")[:limit])


def problems_of(batch_id: UUID) -> QuerySet[BatchProblem]:
    """Return what was wrong with the lines of a file."""
    return BatchProblem.objects.filter(batch_id=batch_id)


def counts() -> list[tuple[str, int]]:
    """Return how many loans there are in each state, and outcomes by label. Platform scope."""
    states = Loan.objects.values_list("state").annotate(Count("id")).order_by("state")
    newest = Outcome.objects.order_by("loan_id", "-definition_version", "-revision").distinct("loan_id")
    labels = Outcome.objects.filter(id__in=newest.values("id")).values_list("label").annotate(Count("id"))
    told = [(f"loans {state.replace('_', ' ')}", count) for state, count in states]
    return told + [(f"turned out {name}", count) for name, count in labels.order_by("label")]
