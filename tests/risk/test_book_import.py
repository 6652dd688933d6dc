"""A book comes into the label ledger once: batch by batch, every damaged line named, and begun again it goes on."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.conf import settings

from hub.clock import now
from hub.errors import Conflict, Invalid, TooLarge
from hub.leases import Busy, LeaseLost
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope
from risk.learning import queries, reading, storage
from risk.learning.models import BookProblem, LabelEntry, LoanBook, TrainingRun
from risk.learning.services import ControlTotals
from tests.risk.factories import ACTOR, HEADER, MAPPING, book_bytes, imported, lines, read, register

pytestmark = pytest.mark.django_db


def counts() -> tuple[int, ...]:
    with platform_scope():
        tables = (LoanBook, LabelEntry, BookProblem, OutboxEvent, AuditRow, TrainingRun)
        return tuple(table.objects.count() for table in tables)


def entries(book_id: UUID) -> list[LabelEntry]:
    with platform_scope():
        return list(LabelEntry.objects.filter(book_id=book_id).select_related("book__key"))


def opened(entry: LabelEntry) -> list[Any]:
    plain = entry.book.key.open(bytes(entry.sealed), place=LabelEntry.place(entry.book_id, entry.line_no))
    values: list[Any] = msgspec.json.decode(plain)
    return values


@pytest.mark.parametrize("packed", [False, True])
def test_every_line_is_in_the_ledger_with_its_label_maturity_and_sealed_values(packed: bool) -> None:
    rows = lines(5)
    book = imported(book_bytes(rows, packed=packed))
    assert (book.state, book.rows, book.lines, book.damaged_lines) == ("read", 5, 5, 0)
    found = entries(book.id)
    assert [entry.line_no for entry in found] == [2, 3, 4, 5, 6]
    assert [entry.is_bad for entry in found] == [line.endswith("charged_off") for line in rows]
    first = found[0]
    assert (first.opened_on, first.matures_on) == (date(2022, 1, 15), date(2023, 1, 15))
    assert (first.observed_on, first.definition_version, first.window_months) == (date(2024, 6, 30), 2, 12)
    income, used = float(rows[0].split(",")[2]), float(rows[0].split(",")[3].rstrip("%"))
    assert opened(first) == [income, used, rows[0].split(",")[4], 0.0, "F", "D0"]


def test_the_account_is_kept_as_a_blind_index_only() -> None:
    book = imported(book_bytes(lines(3)))
    for entry in entries(book.id):
        assert len(bytes(entry.reference_index or b"")) == 32
        assert b"A00000" not in bytes(entry.sealed)


def test_one_event_and_one_audit_row_for_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_LINES", 4)
    rows = lines(10)
    book = imported(book_bytes(rows))
    with platform_scope():
        events = list(OutboxEvent.objects.filter(subject_id=book.id).order_by("id").values_list("type", "payload"))
        audits = AuditRow.objects.filter(subject_id=str(book.id), action="book.batch_imported").count()
    assert [kind for kind, _ in events] == ["book.registered", *["book.batch_imported"] * 3, "book.imported"]
    batches = [payload for kind, payload in events if kind == "book.batch_imported"]
    assert [(one["first_line"], one["last_line"], one["rows"]) for one in batches] == [
        (2, 5, 4),
        (6, 9, 4),
        (10, 11, 2),
    ]
    assert batches[0]["digest"] == hashlib.sha256("\n".join(rows[:4]).encode()).hexdigest()
    assert audits == 3


def test_the_same_file_and_mapping_again_changes_nothing() -> None:
    content = book_bytes(lines(20))
    book = imported(content)
    before = counts()
    again = register(content)
    assert (again.made, again.book.id) == (False, book.id)
    assert read(book.id).rows == 20
    assert counts() == before
    assert list((settings.UPLOAD_ROOT / "books").glob("incoming-*")) == []


def test_another_mapping_or_line_is_another_book() -> None:
    content = book_bytes(lines(5))
    first = register(content)
    other_line = register(content, line="other")
    other_mapping = register(content, mapping=MAPPING.replace(b"version: 2", b"version: 3"))
    assert len({first.book.id, other_line.book.id, other_mapping.book.id}) == 3


def test_fifty_damaged_lines_are_each_named_and_the_rest_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_LINES", 64)
    raw = [line.encode() for line in lines(400)]
    expected: dict[int, tuple[str, str]] = {}
    for number, at in enumerate(range(7, 400, 8)):
        raw[at], problem = _damaged(raw[at], number)
        expected[at + 2] = problem
    assert len(expected) == 50
    book = imported(b"\n".join([HEADER.encode(), *raw]) + b"\n")
    assert (book.state, book.damaged_lines, book.rows) == ("read", 50, 350)
    with platform_scope():
        found = {problem.line_no: (problem.column, problem.code) for problem in queries.problems(book_id=book.id)}
    assert found == expected
    assert {entry.line_no for entry in entries(book.id)} == set(range(2, 402)) - set(expected)


def _damaged(raw: bytes, number: int) -> tuple[bytes, tuple[str, str]]:
    cells = raw.split(b",")
    kinds: list[tuple[int, bytes, tuple[str, str]]] = [
        (2, b"12,0.5", ("", "ragged")),
        (2, b"12.000,", ("", "ragged")),
        (2, b"lots", ("income", "not_a_number")),
        (2, b"-3", ("income", "out_of_range")),
        (9, b"perhaps", ("outcome", "unknown_label")),
        (1, b"2022-13-01", ("opened", "bad_date")),
        (4, b"re\0nt", ("", "nul")),
        (4, b"re\xc3nt", ("", "not_utf8")),
        (4, b'"rent', ("", "bad_quotes")),
        (3, b"many%", ("used", "not_a_number")),
    ]
    place, cell, problem = kinds[number % len(kinds)]
    cells[place] = cell
    return b",".join(cells), problem


def test_a_broken_off_reading_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_LINES", 10)
    monkeypatch.setattr(reading, "LEASE", reading.LEASE * 0)
    book_id = register(book_bytes(lines(45))).book.id

    def fall(book: LoanBook) -> None:
        if book.lines_done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reading.read_book(book_id=book_id, scope=platform_scope, clock=now, actor=ACTOR, progress=fall)
    assert len(entries(book_id)) == 20
    book = read(book_id)
    assert (book.state, book.rows) == ("read", 45)
    assert [entry.line_no for entry in entries(book_id)] == list(range(2, 47))


def test_a_second_reader_is_kept_off_until_the_lease_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_LINES", 10)
    book_id = register(book_bytes(lines(30))).book.id

    def intrude(book: LoanBook) -> None:
        if book.is_open:
            with pytest.raises(Busy):
                read(book_id)

    book = reading.read_book(book_id=book_id, scope=platform_scope, clock=now, actor=ACTOR, progress=intrude)
    assert book.rows == 30


def test_a_reader_that_lost_its_lease_writes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_LINES", 10)
    book_id = register(book_bytes(lines(30))).book.id

    def take_over(book: LoanBook) -> None:
        if book.lines_done == 10:
            with platform_scope():
                LoanBook.locked(book_id).release(now=now())
            assert read(book_id).rows == 30

    with pytest.raises(LeaseLost):
        reading.read_book(book_id=book_id, scope=platform_scope, clock=now, actor=ACTOR, progress=take_over)
    assert [entry.line_no for entry in entries(book_id)] == list(range(2, 32))


def test_the_file_is_gone_once_the_ledger_holds_its_lines() -> None:
    registered = register(book_bytes(lines(5)))
    path = storage.BOOKS.path_of(registered.book.id)
    assert path.stat().st_mode & 0o777 == 0o600
    read(registered.book.id)
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (book_bytes([]), "no line below"),
        (book_bytes(lines(300), packed=True)[:-300], "cut off"),
        (book_bytes(["x"] * 3), "None of its 3 lines"),
        (book_bytes(["y" * 1_000_001]), "1000000 bytes"),
    ],
)
def test_a_book_that_cannot_be_taken_is_refused_with_the_reason_and_no_row(content: bytes, word: str) -> None:
    book = imported(content)
    assert book.state == "refused"
    assert word in book.refusal
    assert entries(book.id) == []
    assert not storage.BOOKS.path_of(book.id).exists()
    with platform_scope():
        assert OutboxEvent.objects.filter(subject_id=book.id, type="book.refused").count() == 1


def test_a_refused_book_may_come_again() -> None:
    content = book_bytes(lines(5))
    first = imported(content, totals=ControlTotals(rows=6))
    assert first.state == "refused"
    second = register(content, totals=ControlTotals(rows=5))
    assert second.made
    assert read(second.book.id).state == "read"


def test_control_totals_of_lines_and_sums_are_held_before_a_line_is_taken() -> None:
    rows = lines(5)
    total = sum((Decimal(row.split(",")[2]) for row in rows), Decimal(0))
    good = imported(book_bytes([*rows, "", ""]), totals=ControlTotals(rows=5, sums={"income": total}))
    assert (good.state, good.rows, good.damaged_lines) == ("read", 5, 0)
    bad = imported(book_bytes(rows), totals=ControlTotals(sums={"income": total + Decimal(1)}))
    assert bad.state == "refused"
    assert "income" in bad.refusal
    assert entries(bad.id) == []


def test_a_digest_that_differs_is_refused_at_once_and_nothing_is_kept() -> None:
    before = counts()
    with pytest.raises(Invalid) as caught:
        register(book_bytes(lines(5)), totals=ControlTotals(sha256="0" * 64))
    assert [error.pointer for error in caught.value.errors] == ["/sha256"]
    with pytest.raises(Invalid):
        register(book_bytes(lines(5)), totals=ControlTotals(sums={"housing": Decimal(1)}))
    assert counts() == before
    assert list((settings.UPLOAD_ROOT / "books").glob("incoming-*")) == []


def test_a_header_that_differs_is_refused_at_once() -> None:
    before = counts()
    with pytest.raises(Invalid) as caught:
        register(book_bytes(lines(5), header=HEADER.replace("income", "wage")))
    assert [error.code for error in caught.value.errors] == ["header_differs", "header_differs"]
    assert counts() == before


def test_a_line_keeps_its_purpose() -> None:
    register(book_bytes(lines(5)))
    with pytest.raises(Conflict):
        register(book_bytes(lines(6)), mapping=MAPPING.replace(b"purpose: consumer", b"purpose: small_business"))


def test_the_limits_of_size_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BOOK_BYTES_MAX", 1_000)
    with pytest.raises(TooLarge):
        register(book_bytes(lines(50)))
    assert list((settings.UPLOAD_ROOT / "books").glob("incoming-*")) == []
    monkeypatch.setattr(settings, "BOOK_PLAIN_BYTES_MAX", 20_000)
    bomb = imported(book_bytes(["0" * 80] * 1_000, packed=True))
    assert bomb.state == "refused"
    assert "Unpacked" in bomb.refusal


def test_a_bom_and_windows_line_ends_are_read() -> None:
    content = b"\xef\xbb\xbf" + book_bytes(lines(3)).replace(b"\n", b"\r\n")
    assert imported(content).rows == 3


def test_an_institutions_line_and_book_are_its_own() -> None:
    bank = uuid4()
    book = imported(book_bytes(lines(5)), institution_id=bank)
    with platform_scope():
        assert book.line.institution_id == bank
        assert set(LabelEntry.objects.values_list("institution_id", flat=True)) == {bank}
        assert set(OutboxEvent.objects.filter(subject_id=book.id).values_list("institution_id", flat=True)) == {bank}
