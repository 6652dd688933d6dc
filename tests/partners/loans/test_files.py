"""Files of reports: whole or not at all with control totals, exactly the good lines without, any number of times."""

import hashlib
import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import now
from hub.errors import DomainError, Invalid, TooLarge
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import bulk, lines, tasks
from partners.loans.models import BatchProblem, Loan, PerformanceBatch, PerformanceReport
from tests.factories import make_institution, rows_of
from tests.harness import count
from tests.partners.loan_factory import (
    csv_file,
    hand_in,
    life_of,
    make_book,
    make_loan,
    mature,
    ndjson,
    outcomes_of,
    over,
    report,
)  # fmt: skip
from tests.partners.referral_factory import BANK

pytestmark = pytest.mark.django_db
Rows = list[tuple[Loan, dict[str, Any]]]


def reports(loans: list[Loan]) -> Rows:
    """A year of loans that turn out in different ways, with corrections and ends."""
    good, late, bad, corrected, closed, fraud = loans
    rows = [(good, body) for body in life_of(good)]
    rows += [(late, body) for body in life_of(late, missed=[6, 7])]
    rows += [(bad, body) for body in life_of(bad, missed=range(4, 13))]
    rows += [(corrected, body) for body in life_of(corrected, missed=range(5, 13))]
    right = {body["as_of"]: body.get("paid_total") for body in life_of(corrected) if body["kind"] == "month_end"}
    for _, body in [row for row in rows if row[0] is corrected and row[1]["kind"] == "month_end"]:
        total = right[body["as_of"]]
        rows.append(
            (corrected, {**body, "sequence": body["sequence"] + 50, "corrects": body["sequence"], "paid_total": total})
        )
    rows += [(closed, body) for body in life_of(closed, months=4)]
    rows.append((closed, {"sequence": 90, "kind": "closed", "as_of": life_of(closed, months=5)[-1]["as_of"]}))
    rows += [(fraud, body) for body in life_of(fraud, months=3)]
    ended = {"sequence": 91, "kind": "charged_off", "as_of": life_of(fraud, months=5)[-1]["as_of"]}
    return [*rows, (fraud, {**ended, "confirmed_fraud": True})]


WANTED = ["good", "indeterminate", "bad", "good", "good", "excluded"]


def found(loans: list[Loan]) -> list[tuple[str, int]]:
    outcomes = outcomes_of(loans[0].institution_id)
    return [outcomes[loan.id] for loan in loans]


@pytest.mark.fault("F17")
def test_a_year_shuffled_and_repeated_gives_the_same_outcomes_as_the_clean_run() -> None:
    clean = make_book(6)
    rows, when = reports(clean), over(clean[0])
    batch = hand_in(clean[0].institution_id, ndjson(rows), when=when)
    assert (batch.recorded, batch.unchanged, batch.problems) == (len(rows), 0, 0)
    assert mature(clean[0]) == 6
    wanted = found(clean)
    assert [name for name, _ in wanted] == WANTED
    for seed in range(count(4, soak=20)):
        loans = make_book(6)
        _shuffled(loans, Random(seed))
        assert found(loans) == wanted
        assert [again.state for again in _again(loans)] == [again.state for again in _again(clean)]
        assert rows_of(loans[0].institution_id, PerformanceReport) == len(rows)


def _shuffled(loans: list[Loan], dice: Random) -> None:
    """Send the year twenty times, shuffled anew, whole and in pieces, as NDJSON, as CSV and one by one."""
    rows, when = reports(loans), over(loans[0])
    for turn in range(20):
        dice.shuffle(rows)
        some = rows if turn == 19 else rows[: dice.randint(1, len(rows))]
        if turn % 5 == 4:
            for loan, body in some[:20]:
                report(loan, body, when=when)
            continue
        as_csv = turn % 2 == 1
        content = csv_file(some) if as_csv else ndjson(some + some[:3])
        batch = hand_in(loans[0].institution_id, content, when=when, format_="csv" if as_csv else "ndjson")
        assert batch.problems == 0
        if turn % 7 == 3:
            mature(loans[0])  # in the midst of it all
    mature(loans[0])


def _again(loans: list[Loan]) -> list[Loan]:
    with platform_scope():
        return [Loan.objects.get(id=loan.id) for loan in loans]


@pytest.mark.fault("F18")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=count(25, soak=300))
@given(data=st.data())
def test_a_cut_file_gives_exactly_its_good_lines(data: st.DataObject) -> None:
    as_csv = data.draw(st.booleans())
    loan = _loan()
    rows = [(loan, body) for body in life_of(loan)]
    content = csv_file(rows) if as_csv else ndjson(rows)
    header = content.index(b"\n") + 1 if as_csv else 0
    cut = content[: data.draw(st.integers(header + 1, len(content)))]
    whole = cut[header:].count(b"\n")
    batch = hand_in(loan.institution_id, cut, when=over(loan), format_="csv" if as_csv else "ndjson")
    assert batch.recorded + batch.unchanged == whole
    assert batch.problems == (0 if cut.endswith(b"\n") else 1)
    with platform_scope():
        for _, body in rows[:whole]:
            row = PerformanceReport.objects.get(loan=loan, sequence=body["sequence"])
            assert (row.amount or row.paid_total) == Decimal(body.get("amount") or body["paid_total"])


_loans: list[Loan] = []


def _loan() -> Loan:
    """One loan for all examples of one test: they add to each other, and no line is ever taken in another way."""
    with platform_scope():
        known = Loan.objects.filter(id__in=[loan.id for loan in _loans]).exists()
    if not known:
        _loans[:] = [make_loan()]
    return _loans[0]


@pytest.mark.fault("F18")
@pytest.mark.parametrize("wrong", [{"count": 26}, {"sum": Decimal(1)}, {"sha256": "0" * 64}])
def test_with_control_totals_a_file_that_differs_is_not_taken_at_all(wrong: dict[str, Any]) -> None:
    loan = make_loan()
    rows = [(loan, body) for body in life_of(loan)]
    content = ndjson(rows)
    total = sum(Decimal(body.get("amount", 0)) for _, body in rows)
    right = {"count": len(rows), "sum": total, "sha256": hashlib.sha256(content).hexdigest()}
    with platform_scope():
        before = AuditRow.objects.count(), OutboxEvent.objects.count()
    for damaged, totals in ((content, {**right, **wrong}), (content[:-20], right), (content + b"{}\n", right)):
        with pytest.raises(Invalid) as refusal:
            hand_in(loan.institution_id, damaged, when=over(loan), **totals)
        assert {fault.code for fault in refusal.value.errors} == {"control_total"}
    assert rows_of(loan.institution_id, PerformanceBatch) == rows_of(loan.institution_id, PerformanceReport) == 0
    with platform_scope():
        assert (AuditRow.objects.count(), OutboxEvent.objects.count()) == before
    for format_, text in (("ndjson", content), ("csv", csv_file(rows))):
        given = {**right, "sha256": hashlib.sha256(text).hexdigest()}
        assert hand_in(loan.institution_id, text, when=over(loan), format_=format_, **given).problems == 0
    assert rows_of(loan.institution_id, PerformanceReport) == len(rows)


def test_each_bad_line_is_named_and_the_others_are_taken() -> None:
    loan, stranger = make_loan(), make_loan()
    bodies = life_of(loan)
    good = json.dumps({"loan_id": str(loan.id), **bodies[0]}).encode()
    bad = [
        (json.dumps({"loan_id": str(stranger.id), **bodies[0]}).encode(), "", "not_found"),
        (json.dumps({"loan_id": "me", **bodies[0]}).encode(), "/loan_id", "wrong_format"),
        (json.dumps({"loan_id": str(loan.id), **bodies[0], "colour": 1}).encode(), "/colour", "unknown_field"),
        (json.dumps({"loan_id": str(loan.id), "sequence": 1, "kind": "sold", "as_of": bodies[0]["as_of"]}).encode(),
         "/sequence", "sequence_used"),
        (json.dumps({"loan_id": str(loan.id), **bodies[0], "sequence": 2, "paid_total": "x"}).encode(), "/paid_total",
         "invalid_amount"),
        (b'{"loan_id": ', "", "malformed_request"),
        (b"[1]", "", "wrong_type"),
        (b"\xff\xfe", "", "malformed_request"),
    ]  # fmt: skip
    content = b"".join(line + b"\n" for line in [good, b"", *(line for line, _, _ in bad), good])
    batch = hand_in(loan.institution_id, content, when=over(loan))
    assert (batch.recorded, batch.unchanged, batch.problems) == (1, 1, len(bad))
    with platform_scope():
        rows = BatchProblem.objects.filter(batch=batch).order_by("line_no")
        assert [(row.line_no, row.field, row.code) for row in rows] == [
            (number, field, code) for number, (_, field, code) in enumerate(bad, 3)
        ]
        assert str(stranger.id) not in " ".join(row.detail for row in rows)
    assert rows_of(stranger.institution_id, PerformanceReport) == 0


@pytest.mark.parametrize(
    ("content", "format_", "code"),
    [
        (b"", "ndjson", "empty"),
        (b"\n\n", "ndjson", "empty"),
        (b"loan_id,sequence,kind,as_of\n", "csv", "empty"),
        (b"loan_id,sequence,kind\nx,1,sold\n", "csv", "bad_header"),
        (b"loan_id,sequence,kind,as_of,colour\nx\n", "csv", "unknown_column"),
        (b"loan_id,loan_id,sequence,kind,as_of\nx\n", "csv", "bad_header"),
        (b"x" * 140_000 + b"\nx\n", "csv", "bad_header"),
    ],
)
def test_files_that_cannot_be_read_at_all(content: bytes, format_: str, code: str) -> None:
    owner = make_institution()
    with pytest.raises(Invalid) as refusal:
        hand_in(owner.id, content, when=now(), format_=format_)
    assert [fault.code for fault in refusal.value.errors] == [code]
    assert rows_of(owner.id, PerformanceBatch) == 0


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = make_institution()
    for name in ("FILE_BYTES_MAX", "LINES_MAX"):
        with monkeypatch.context() as patch, pytest.raises(TooLarge):
            patch.setattr(bulk, name, 2)
            hand_in(owner.id, b"{}\n{}\n{}\n", when=now())


def test_empty_lines_count_before_anything_is_made_of_them() -> None:
    owner = make_institution()
    with pytest.raises(TooLarge):
        hand_in(owner.id, b"\n" * (bulk.LINES_MAX + 2), when=now())
    assert rows_of(owner.id, PerformanceBatch) == 0


def test_a_number_of_thousands_of_digits_is_a_bad_line_and_the_others_are_taken() -> None:
    loan = make_loan()
    rows = [(loan, body) for body in life_of(loan)[:2]]
    bad = ",".join([str(loan.id), "1" * 5_000, "sold", "2026-03-31", *[""] * 4]).encode()
    batch = hand_in(loan.institution_id, csv_file(rows) + bad + b"\n", when=over(loan), format_="csv")
    assert (batch.state, batch.recorded, batch.problems) == ("applied", 2, 1)
    with platform_scope():
        assert BatchProblem.objects.get(batch=batch).field == "/sequence"


def test_amounts_beyond_all_measure_add_up_to_nothing() -> None:
    assert lines.sum_of_amounts(b'{"amount": "9e999999"}\n' * 2 + b'{"amount": "1.50"}\n', "ndjson") == Decimal("1.50")


def test_a_file_that_cannot_be_taken_keeps_no_other_waiting() -> None:
    first, second = make_loan(), make_loan()
    received = []
    for loan in (first, second):
        with tenant_scope(loan.institution_id):
            made = bulk.receive(
                institution_id=loan.institution_id, content=ndjson([(loan, life_of(loan)[0])]), format_="ndjson",
                totals=bulk.ControlTotals(), actor=BANK, now=over(loan),
            )  # fmt: skip
            received.append(made.id)
    with tenant_scope(first.institution_id):
        PerformanceBatch.objects.filter(id=received[0]).update(content=b"damaged")
    with pytest.raises(ExceptionGroup):
        tasks.apply_batches.run()
    with platform_scope():
        states = [PerformanceBatch.objects.get(id=batch_id).state for batch_id in received]
    assert states == ["received", "applied"]


def test_lines_are_taken_in_pieces_each_with_its_own_audit_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 10)
    loan = make_loan()
    rows = [(loan, body) for body in life_of(loan)]
    batch = hand_in(loan.institution_id, ndjson(rows), when=over(loan))
    assert (batch.state, batch.position, batch.content) == ("applied", len(rows), None)
    with platform_scope():
        events = list(OutboxEvent.objects.filter(type="performance.batch_recorded").order_by("created_at", "id"))
        assert [event.payload["recorded"] for event in events] == [10, 10, len(rows) - 20]
        assert [event.payload["first_line"] for event in events] == [1, 11, 21]
        digests = PerformanceReport.objects.filter(loan=loan, sequence__lte=10).order_by("sequence")
        text = "".join(row.digest for row in digests)
        assert events[0].payload["digest"] == hashlib.sha256(text.encode()).hexdigest()
        assert AuditRow.objects.filter(action="performance.batch_recorded", subject_id=str(batch.id)).count() == 3


def test_another_institution_cannot_take_the_file() -> None:
    loan, other = make_loan(), make_institution()
    rows = [(loan, body) for body in life_of(loan)]
    with tenant_scope(loan.institution_id):
        batch = bulk.receive(
            institution_id=loan.institution_id, content=ndjson(rows), format_="ndjson", totals=bulk.ControlTotals(),
            actor=BANK, now=over(loan),
        )  # fmt: skip
        assert bytes(batch.content or b"").find(str(loan.id).encode()) == -1, "the file lies there sealed"
    bulk.apply_batch(institution_id=other.id, batch_id=batch.id, now=over(loan))
    assert rows_of(loan.institution_id, PerformanceReport) == 0
    bulk.apply_batch(institution_id=loan.institution_id, batch_id=batch.id, now=over(loan))
    assert rows_of(loan.institution_id, PerformanceReport) == len(rows)


@given(st.binary(max_size=300), st.sampled_from(["ndjson", "csv"]))
def test_no_bytes_break_the_reader(content: bytes, format_: str) -> None:
    head = b"loan_id,sequence,kind,as_of\n" if format_ == "csv" else b""
    header = lines.header_of(head + content) if head else []
    for line in lines.lines_of(head + content, format_):
        with pytest.raises(DomainError):
            lines.read(line, header)
    assert lines.sum_of_amounts(head + content, format_) == 0
