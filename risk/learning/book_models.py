"""Loan books, what was wrong with their lines, and the label ledger."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.crypto import DataKey
from hub.ids import uuid7
from hub.key_columns import Indexed
from hub.leases import Leased
from risk.features.facade import Mapping, stored_mapping
from risk.learning.flows import BOOK

PROBLEMS_KEPT = 10_000


class LoanBook(Leased):
    """A historical book: one file read through one mapping for one model line.

    The file waits below UPLOAD_ROOT under the book's id until it is read; `position_bytes` counts its plain text.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    key = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", editable=False)
    file_sha256 = models.CharField(max_length=64, editable=False)
    file_bytes = models.BigIntegerField(editable=False)
    mapping_sha256 = models.CharField(max_length=64, editable=False)
    mapping_json = models.JSONField(editable=False)
    totals = models.JSONField(default=dict, editable=False, help_text="Control totals that came with the file.")
    state = models.CharField(max_length=10, choices=BOOK.choices(), default=BOOK.first, editable=False)
    refusal = models.CharField(max_length=500, blank=True, editable=False)
    plain_bytes = models.BigIntegerField(null=True, editable=False)
    lines = models.PositiveIntegerField(null=True, editable=False)
    position_bytes = models.BigIntegerField(default=0, editable=False)
    lines_done = models.PositiveIntegerField(default=0, editable=False)
    rows = models.PositiveIntegerField(default=0, editable=False)
    bads = models.PositiveIntegerField(default=0, editable=False)
    damaged_lines = models.PositiveIntegerField(default=0, editable=False)
    train_when_read = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                "institution_id", "line", "file_sha256", "mapping_sha256", name="learning_loanbook_once",
                nulls_distinct=False, condition=~Q(state="refused"),
            ),
            models.CheckConstraint(
                name="learning_loanbook_counts",
                condition=Q(lines_done__gte=F("rows") + F("damaged_lines"), bads__lte=F("rows")),
            ),
            models.CheckConstraint(
                name="learning_loanbook_ended",
                condition=Q(finished_at__isnull=False, state__in=["read", "refused"], lease_token__isnull=True)
                | Q(finished_at__isnull=True, state__in=["registered", "reading"]),
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["institution_id", "created_at", "id"], name="learning_loanbook_log")]

    def __str__(self) -> str:
        return f"{self.mapping_json.get('book', 'loan book')} {self.created_at:%Y-%m-%d}"

    @property
    def mapping(self) -> Mapping:
        """What each of its columns is."""
        return stored_mapping(self.mapping_json)

    @property
    def is_open(self) -> bool:
        """Whether there is still something to read."""
        return self.finished_at is None

    @property
    def percent(self) -> int:
        """How much of it is read."""
        if self.state == "read":
            return 100
        return int(100 * self.lines_done / self.lines) if self.lines else 0

    @classmethod
    def register(cls, **fields: Any) -> "LoanBook":
        """Put a new book into the database."""
        return cls.objects.create(**fields)

    @classmethod
    def locked(cls, book_id: UUID) -> "LoanBook":
        """Return the row, locked until the transaction ends."""
        return cls.objects.select_for_update(of=("self",)).select_related("key").get(id=book_id)

    def claim(self, *, until: datetime, now: datetime) -> UUID:
        """Give the locked book to a reader and return its token. Raises Busy while another one holds it."""
        token = self.take_lease(until=until, now=now)
        self.save(update_fields=["lease_token", "lease_until"])
        return token

    def hold(self, *, until: datetime) -> None:
        """Keep it with its reader for longer."""
        self.lease_until = until
        self.save(update_fields=["lease_until"])

    def release(self, *, now: datetime) -> None:
        """Take the book from whoever holds it, and note that a task is sent for it."""
        self.drop_lease()
        self.nudge(now=now)
        self.save(update_fields=["lease_token", "lease_until", "nudged_at"])

    def note_size(self, *, plain_bytes: int, lines: int, header_bytes: int) -> None:
        """Keep what the first look at the whole file told."""
        self.plain_bytes, self.lines, self.position_bytes = plain_bytes, lines, header_bytes
        self.save(update_fields=["plain_bytes", "lines", "position_bytes"])

    def advance(
        self, *, position_bytes: int, lines: int, rows: int, bads: int, damaged_lines: int, lease_until: datetime
    ) -> None:
        """Count a batch of lines; empty ones are neither rows nor damaged."""
        if self.state != "reading":
            BOOK.check(self.state, "reading")
        self.state, self.position_bytes, self.lease_until = "reading", position_bytes, lease_until
        self.lines_done += lines
        self.rows += rows
        self.bads += bads
        self.damaged_lines += damaged_lines
        self.save()

    def finish(self, *, now: datetime) -> None:
        """All lines are read."""
        BOOK.check(self.state, "read")
        self.state, self.finished_at = "read", now
        self.drop_lease()
        self.save()

    def refuse(self, reason: str, *, now: datetime) -> None:
        """The book cannot be taken (any further)."""
        BOOK.check(self.state, "refused")
        self.state, self.refusal, self.finished_at = "refused", reason[:500], now
        self.drop_lease()
        self.save()


class BookProblem(models.Model):
    """What was wrong with one column of one line; `column` is empty where it is the whole line. Never a value."""

    id = models.BigAutoField(primary_key=True)
    institution_id = models.UUIDField(null=True, editable=False)
    book = models.ForeignKey(LoanBook, on_delete=models.PROTECT, related_name="problems", editable=False)
    line_no = models.PositiveIntegerField(editable=False)
    column = models.CharField(max_length=120, blank=True, editable=False)
    code = models.CharField(max_length=30, editable=False)
    detail = models.CharField(max_length=300, editable=False)

    class Meta:
        ordering = ["book", "line_no", "id"]
        constraints = [
            models.UniqueConstraint(fields=["book", "line_no", "column", "code"], name="learning_bookproblem_once"),
        ]

    def __str__(self) -> str:
        return f"line {self.line_no} {self.column} {self.code}"

    @classmethod
    def append(cls, problems: "Sequence[BookProblem]") -> None:
        """Keep problems of one book, up to ten thousand of them."""
        if problems:
            room = PROBLEMS_KEPT - cls.objects.filter(book=problems[0].book).count()
            BookProblem.objects.bulk_create(problems[: max(0, room)], batch_size=2_000)


class LabelEntry(models.Model):
    """One line of the label ledger: how one loan turned out, and what was known of it, sealed. It never changes.

    It is matured where its whole window had closed when the outcome was looked up (`matures_on` <= `observed_on`),
    or where the book holds final outcomes only (`matures_on` is null).
    """

    MATURED: ClassVar[Q] = Q(matures_on__isnull=True) | Q(matures_on__lte=F("observed_on"))

    id = models.BigAutoField(primary_key=True)
    institution_id = models.UUIDField(null=True, editable=False)
    book = models.ForeignKey(LoanBook, on_delete=models.PROTECT, related_name="entries", editable=False)
    line_no = models.PositiveIntegerField(editable=False)
    reference_index = models.BinaryField(null=True, editable=False)
    is_bad = models.BooleanField(editable=False)
    definition_version = models.PositiveSmallIntegerField(editable=False)
    window_months = models.PositiveSmallIntegerField(null=True, editable=False)
    opened_on = models.DateField(null=True, editable=False)
    matures_on = models.DateField(null=True, editable=False)
    observed_on = models.DateField(editable=False)
    sealed = models.BinaryField(editable=False)

    class Meta:
        verbose_name_plural = "label entries"
        ordering = ["book", "line_no"]
        constraints = [
            models.UniqueConstraint(fields=["book", "line_no"], name="learning_labelentry_once"),
            models.CheckConstraint(
                name="learning_labelentry_maturity",
                condition=Q(matures_on__isnull=True)
                | Q(matures_on__gt=F("opened_on"), window_months__isnull=False, opened_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line_no} {'bad' if self.is_bad else 'good'}"

    @staticmethod
    def place(book_id: UUID, line_no: int) -> str:
        """Where the sealed values of a line belong."""
        return f"learning_labelentry|sealed|{book_id}|{line_no}"

    @classmethod
    def append(cls, entries: "Sequence[LabelEntry]") -> None:
        """Append a batch to the ledger."""
        LabelEntry.objects.bulk_create(entries, batch_size=2_000)


INDEXED = (Indexed("learning_labelentry", "reference_index"),)


def months_after(day: date, months: int) -> date:
    """The day so many months later; the last day of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))
