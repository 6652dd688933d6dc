"""The shipped mappings read the public books whole; their folder is told by CREDIT_BOOKS."""

import os
from pathlib import Path
from typing import Any

import pytest

from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope
from risk.learning import queries, shipped
from risk.learning.models import LabelEntry, LoanBook
from tests.risk.factories import read, register

BOOKS = Path(os.environ.get("CREDIT_BOOKS") or Path(__file__).parents[2].parent / "shared" / "data" / "credit")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not BOOKS.is_dir(), reason=f"the public credit books are not in {BOOKS} (set CREDIT_BOOKS)"),
]


def taken(name: str) -> LoanBook:
    content = (BOOKS / f"{name}.csv.gz").read_bytes()
    return read(register(content, mapping=shipped.mapping_text(name), line=name).book.id)


def counts() -> tuple[int, ...]:
    tables: tuple[Any, ...] = (LabelEntry, OutboxEvent, AuditRow)
    with platform_scope():
        return tuple(table.objects.count() for table in tables)


@pytest.mark.parametrize(
    ("name", "rows", "bads"),
    [("german", 1_000, 300), ("australian", 690, 383), ("polish_firms", 12_937, 681), ("sba_smallbiz", 22_254, 4_675)],
)
def test_a_public_book_is_read_whole(name: str, rows: int, bads: int) -> None:
    book = taken(name)
    assert (book.state, book.rows, book.bads, book.damaged_lines) == ("read", rows, bads, 0)


def test_thirty_thousand_card_clients_come_in_once() -> None:
    book = taken("taiwan_cards")
    assert (book.state, book.rows, book.bads, book.damaged_lines) == ("read", 30_000, 6_636, 0)
    with platform_scope():
        assert queries.ledger_counts(book_id=book.id) == {"rows": 30_000, "bads": 6_636, "immature": 0}
        batches = OutboxEvent.objects.filter(subject_id=book.id, type="book.batch_imported").count()
        audits = AuditRow.objects.filter(subject_id=str(book.id), action="book.batch_imported").count()
    assert (batches, audits) == (15, 15)
    before = counts()
    assert taken("taiwan_cards").id == book.id
    assert counts() == before
