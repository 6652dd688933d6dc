"""Reports on one loan: idempotent by sequence, checked by kind, and what they do to the loan and to its outcome."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from hub.errors import Conflict, Invalid, NotFound
from hub.models import OutboxEvent
from hub.parsing import convert
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import outcomes, queries, services
from partners.loans.life import last_day
from partners.loans.models import Loan, Outcome, PerformanceReport
from partners.loans.shapes import NewReport
from tests.factories import make_institution, rows_of
from tests.partners.loan_factory import at, life_of, make_loan, mature, outcomes_of, over, report
from tests.partners.referral_factory import BANK

pytestmark = pytest.mark.django_db


def events(*types: str) -> list[OutboxEvent]:
    with platform_scope():
        return list(OutboxEvent.objects.filter(type__in=types).order_by("created_at", "id"))


def again(loan: Loan) -> Loan:
    with platform_scope():
        return Loan.objects.get(id=loan.id)


def test_the_same_report_again_changes_nothing() -> None:
    loan = make_loan()
    [first, *_] = life_of(loan)
    made = report(loan, first)
    amounts: dict[str, Any] = {"paid_total": "0.00"}
    assert report(loan, {**first, **amounts}).id == made.id
    assert rows_of(loan.institution_id, PerformanceReport) == 1
    [event] = events("performance.recorded")
    assert event.payload["sequence"] == 1
    assert event.payload["report_id"] == str(made.id)
    assert "amount" not in event.payload


def test_other_content_under_a_known_sequence_is_refused() -> None:
    loan = make_loan()
    [first, *_] = life_of(loan)
    report(loan, first)
    assert report(loan, {**first, "corrects": None}).sequence == 1
    with pytest.raises(Conflict) as refusal:
        report(loan, {"sequence": 1, "kind": "closed", "as_of": first["as_of"]})
    assert refusal.value.errors[0].code == "sequence_used"
    assert rows_of(loan.institution_id, PerformanceReport) == 1


def test_a_correction_is_a_report_and_an_event_of_its_own() -> None:
    loan = make_loan()
    report(loan, {"sequence": 1, "kind": "charged_off", "as_of": loan.opened_on.isoformat()})
    assert again(loan).state == "charged_off"
    end = last_day(loan.opened_on + timedelta(days=31)).isoformat()
    report(loan, {"sequence": 2, "kind": "month_end", "as_of": end, "paid_total": "0", "corrects": 1})
    assert again(loan).state == "active"
    [event] = events("performance.corrected")
    assert (event.payload["sequence"], event.payload["corrects"]) == (2, 1)
    assert rows_of(loan.institution_id, PerformanceReport) == 2


def test_a_rescinded_loan_says_so() -> None:
    loan = make_loan()
    report(loan, {"sequence": 1, "kind": "rescinded", "as_of": loan.opened_on.isoformat()})
    assert again(loan).state == "rescinded"
    assert [event.subject_id for event in events("loan.rescinded")] == [loan.id]
    assert mature(loan) == 1
    assert outcomes_of(loan.institution_id) == {loan.id: ("excluded", 0)}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"kind": "payment"}, "/amount", "missing"),
        ({"kind": "payment", "amount": "1", "paid_total": "1"}, "/paid_total", "unknown_field"),
        ({"kind": "payment", "amount": "1.005"}, "/amount", "invalid_amount"),
        ({"kind": "payment", "amount": "-1"}, "/amount", "invalid_amount"),
        ({"kind": "month_end", "as_of": "END"}, "/paid_total", "missing"),
        ({"kind": "month_end", "paid_total": "1", "as_of": "MID"}, "/as_of", "not_a_month_end"),
        ({"kind": "closed", "confirmed_fraud": True}, "/confirmed_fraud", "unknown_field"),
        ({"kind": "closed", "corrects": 7}, "/corrects", "not_earlier"),
        ({"kind": "closed", "as_of": "BEFORE"}, "/as_of", "out_of_range"),
        ({"kind": "closed", "as_of": "FUTURE"}, "/as_of", "out_of_range"),
        ({"kind": "restructured", "paid_total": "1"}, "/schedule", "missing"),
        (
            {"kind": "restructured", "paid_total": "1", "schedule": [{"due_on": "2020-01-01", "amount": "1"}]},
            "/schedule/0/due_on", "out_of_order",
        ),
        ({"kind": "eaten"}, "/kind", "unknown_value"),
    ],
)  # fmt: skip
def test_reports_that_cannot_be(body: dict[str, Any], pointer: str, code: str) -> None:
    loan = make_loan()
    days = {
        "END": last_day(loan.opened_on), "MID": last_day(loan.opened_on) + timedelta(days=10),
        "BEFORE": loan.opened_on - timedelta(days=1), "FUTURE": over(loan).date() + timedelta(days=2),
    }  # fmt: skip
    given = {"sequence": 7, "as_of": "MID", **body}
    with pytest.raises(Invalid) as refusal:
        report(loan, {**given, "as_of": days.get(given["as_of"], days["END"]).isoformat()})
    assert (pointer, code) in {(fault.pointer, fault.code) for fault in refusal.value.errors}
    assert rows_of(loan.institution_id, PerformanceReport) == 0


def test_another_institution_and_the_database_itself() -> None:
    loan = make_loan()
    other = make_institution()
    new = convert(life_of(loan)[0], NewReport)
    for loan_id in (loan.id, uuid4()):
        with pytest.raises(NotFound), tenant_scope(other.id):
            services.report(loan_id=loan_id, new=new, actor=BANK, now=over(loan))
    row = PerformanceReport(
        institution_id=other.id, loan=loan, sequence=1, kind="closed", as_of=loan.opened_on, digest="0" * 64,
        created_at=over(loan),
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="owner"), tenant_scope(other.id), transaction.atomic():
        PerformanceReport.append([row])


def test_an_outcome_comes_with_the_closed_window_and_not_before() -> None:
    loan = make_loan()
    for body in life_of(loan):
        report(loan, body)
    assert mature(loan, when=at(loan.matures_on - timedelta(days=1))) == 0
    assert mature(loan, when=at(loan.matures_on)) == 1
    assert outcomes_of(loan.institution_id) == {loan.id: ("good", 0)}
    assert mature(loan) == 0
    [event] = events("outcome.matured")
    assert event.payload == {
        "subject_id": str(loan.id), "institution_id": str(loan.institution_id), "line_name": "",
        "sandbox": True, "propensity": "1.0000", "decision_id": str(loan.decision_id), "label": "good",
        "definition_version": 1,
        "window_months": 12, "opened_on": loan.opened_on.isoformat(), "observed_on": loan.matures_on.isoformat(),
        "revision": 1,
    }  # fmt: skip
    assert again(loan).review_on is None


def test_a_missing_month_keeps_a_loan_immature_until_it_comes() -> None:
    loan = make_loan()
    bodies = life_of(loan)
    missing = [body for body in bodies if body["kind"] == "month_end"][4]
    for body in bodies:
        if body is not missing:
            report(loan, body)
    assert mature(loan) == 0
    report(loan, missing)
    assert mature(loan) == 1


def test_a_late_correction_is_a_new_revision() -> None:
    loan = make_loan()
    bodies = life_of(loan, missed=range(3, 12))
    for body in bodies:
        report(loan, body)
    assert mature(loan) == 1
    [(name, worst)] = outcomes_of(loan.institution_id).values()
    assert name == "bad"
    assert worst > 90
    right = {body["as_of"]: body["paid_total"] for body in life_of(loan) if body["kind"] == "month_end"}
    for body in [body for body in bodies if body["kind"] == "month_end"]:
        new = {
            **body,
            "sequence": body["sequence"] + 100,
            "corrects": body["sequence"],
            "paid_total": right[body["as_of"]],
        }
        report(loan, new)
    assert mature(loan) == 1
    assert outcomes_of(loan.institution_id) == {loan.id: ("good", 0)}
    with platform_scope():
        assert list(Outcome.objects.order_by("revision").values_list("revision", "label")) == [(1, "bad"), (2, "good")]
    assert [event.payload["revision"] for event in events("outcome.matured")] == [1, 2]


def test_live_loans_and_sandboxes_have_their_own_time() -> None:
    loan = make_loan()
    for body in life_of(loan):
        report(loan, body)
    with platform_scope():
        assert outcomes.mature_outcomes(now=over(loan)) == 0  # of live loans alone
        assert queries.sandboxes_in_review() == [loan.institution_id]
    assert mature(loan) == 1


def test_days_run_to_the_day_of_the_report() -> None:
    loan = make_loan()
    tomorrow = loan.opened_on + timedelta(days=1)
    report(loan, {"sequence": 1, "kind": "closed", "as_of": tomorrow.isoformat()}, when=at(loan.opened_on))
    with pytest.raises(Invalid):
        late = (tomorrow + timedelta(days=1)).isoformat()
        report(loan, {"sequence": 2, "kind": "closed", "as_of": late}, when=at(loan.opened_on))
