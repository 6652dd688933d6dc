"""I2 and the effects of reports while many act at once: each thing happens once."""

from functools import partial
from typing import Any

import pytest

from hub.clock import now
from hub.errors import Conflict
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import bulk, outcomes, services
from partners.loans.models import Loan, Outcome, PerformanceBatch, PerformanceReport
from tests.factories import rows_of
from tests.partners.loan_factory import life_of, make_loan, ndjson, over, report
from tests.partners.referral_factory import BANK, make_signed
from tests.partners.test_referral_races import at_once, wide_pool

__all__ = ["wide_pool"]  # for every test here too

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_funding_at_once_makes_one_loan() -> None:
    referral, contract = make_signed()

    def fund() -> Loan:
        with tenant_scope(referral.institution_id):
            return services.fund(referral_id=referral.id, terms_hash=contract.terms_hash, actor=BANK, now=now())

    answers = at_once(*[fund] * 20)
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert (len(answers), len(refused)) == (20, 19)
    assert {answer.errors[0].code for answer in refused} == {"already_funded"}
    assert rows_of(referral.institution_id, Loan) == 1


@pytest.mark.fault("F17")
def test_one_report_sent_at_once_is_one_report() -> None:
    loan = make_loan()
    [first, second, *_] = life_of(loan)
    same = at_once(*[partial(report, loan, first)] * 12)
    assert len({row.id for row in same}) == 1
    other: list[dict[str, Any]] = [{**second, "sequence": 2, "kind": "closed"} | {"amount": None}, {**second}]
    answers = at_once(*[partial(report, loan, body) for body in other * 6])
    assert len({row.digest for row in answers if isinstance(row, PerformanceReport)}) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 6
    assert rows_of(loan.institution_id, PerformanceReport) == 2


@pytest.mark.fault("F18")
def test_a_file_taken_by_many_at_once_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 5)
    loan = make_loan()
    rows = [(loan, body) for body in life_of(loan)]
    with tenant_scope(loan.institution_id):
        batch = bulk.receive(
            institution_id=loan.institution_id, content=ndjson(rows), format_="ndjson", totals=bulk.ControlTotals(),
            actor=BANK, now=over(loan),
        )  # fmt: skip
    take = partial(bulk.apply_batch, institution_id=loan.institution_id, batch_id=batch.id, now=over(loan))
    at_once(*[take] * 6)
    with platform_scope():
        seen = PerformanceBatch.objects.get(id=batch.id)
    assert (seen.state, seen.recorded, seen.unchanged, seen.problems) == ("applied", len(rows), 0, 0)
    assert rows_of(loan.institution_id, PerformanceReport) == len(rows)


def test_outcomes_looked_at_by_many_at_once_mature_once() -> None:
    loan = make_loan()
    for body in life_of(loan):
        report(loan, body)

    def look() -> int:
        with platform_scope():
            return outcomes.mature_outcomes(now=over(loan), institution_id=loan.institution_id)

    assert sum(at_once(*[look] * 8)) == 1
    assert rows_of(loan.institution_id, Outcome) == 1
