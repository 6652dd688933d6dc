"""`manage.py import_book FILE --mapping MAP.yaml --line NAME`: a historical loan book into the label ledger."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from hub.audit import system_actor
from hub.clock import now
from hub.errors import DomainError
from hub.leases import Busy, LeaseLost
from hub.tenancy import platform_scope
from risk.learning import queries, reading, services, shipped
from risk.learning.models import LoanBook

CHUNK_BYTES = 1 << 20
ACTOR = system_actor("import_book")


class Command(BaseCommand):
    """Registers the book and reads it here; begun again after a fall, it goes on where it was."""

    help = "Read a historical loan book (CSV, plain or gzip) through a column mapping into the label ledger."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, help="the book: CSV with a header, plain or gzip")
        parser.add_argument("--mapping", required=True, help="a mapping file, or the name of a shipped one")
        parser.add_argument("--line", required=True, help="the model line; it is opened at first use")
        parser.add_argument("--institution", type=UUID, help="the institution's id; without, the platform's own book")
        parser.add_argument("--rows", type=int, help="control total: lines below the header")
        parser.add_argument("--sha256", help="control total: SHA-256 of the file as it is")
        parser.add_argument(
            "--sum", action="append", default=[], metavar="COLUMN=SUM", help="control total of a column"
        )
        parser.add_argument("--show", type=int, default=20, help="how many problems to list (default 20)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Register, read, and say what came of it."""
        try:
            book_id = self._register(options)
            self._report(self._read(book_id), options["show"])
        except DomainError as error:
            raise CommandError("\n".join([str(error), *(one.detail for one in error.errors)])) from error

    def _register(self, options: dict[str, Any]) -> UUID:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            mapping_text = shipped.mapping_text(options["mapping"])
        except FileNotFoundError as error:
            raise CommandError(str(error)) from error
        totals = services.ControlTotals(options["rows"], options["sha256"], _sums(options["sum"]))
        with platform_scope():
            found = services.register_book(
                chunks=_chunks(path), mapping_text=mapping_text, line_name=options["line"],
                institution_id=options["institution"], totals=totals, actor=ACTOR, now=now(),
            )  # fmt: skip
        if not found.made:
            self.stdout.write(f"This file and mapping came before, as book {found.book.id}: nothing is taken twice.")
        return found.book.id

    def _read(self, book_id: UUID) -> LoanBook:
        while True:
            try:
                return reading.read_book(
                    book_id=book_id, scope=platform_scope, clock=now, actor=ACTOR, progress=self._show
                )
            except (Busy, LeaseLost):  # another reader is at it, or was until he fell: wait for his lease to end
                time.sleep(0.5)
                with platform_scope():
                    self._show(queries.book_by_id(book_id=book_id))

    def _show(self, book: LoanBook) -> None:
        self.stdout.write(f"  {book.percent:3d} %  {book.lines_done} of {book.lines or '?'} lines")

    def _report(self, book: LoanBook, show: int) -> None:
        with platform_scope():
            problems = list(queries.problems(book_id=book.id)[:show])
            counts = queries.problem_counts(book_id=book.id)
        for problem in problems:
            place = f" {problem.column}" if problem.column else ""
            self.stdout.write(f"  line {problem.line_no}{place}: {problem.code}. {problem.detail}")
        if sum(counts.values()) > len(problems):
            self.stdout.write("  … in all: " + ", ".join(f"{code} {count}" for code, count in counts.items()))
        if book.state == "refused":
            raise CommandError(f"Book {book.id} was refused. {book.refusal}")
        self.stdout.write(
            f"Book {book.id}: {book.rows} rows ({book.bads} bad) in the ledger, {book.damaged_lines} lines damaged."
        )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sums(words: list[str]) -> dict[str, Decimal]:
    try:
        return {column: Decimal(total) for column, _, total in (word.rpartition("=") for word in words)}
    except InvalidOperation as error:
        raise CommandError("Write a control total as COLUMN=SUM, such as amount=12345.67.") from error
