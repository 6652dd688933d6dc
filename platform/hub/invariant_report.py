"""What the last check of the invariants found: one row for each, for the console and for Prometheus."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self

import structlog
from django.db import models, transaction

from hub import invariants

log = structlog.get_logger(__name__)


class InvariantReport(models.Model):
    """One check of the last run: rows looked at, rows that are wrong, the ids of a few."""

    number = models.PositiveSmallIntegerField(primary_key=True, editable=False)
    code = models.CharField(max_length=4, editable=False)
    says = models.CharField(max_length=200, editable=False)
    looked_at = models.BigIntegerField(editable=False)
    wrong = models.BigIntegerField(editable=False)
    examples = models.JSONField(default=list, editable=False)
    checked_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.code}: {self.says}"

    @classmethod
    def renew(cls, *, now: datetime) -> list[Self]:
        """Run every check, and put what they find in the place of what was found before. Platform scope."""
        rows = [
            cls(
                number=number, code=check.code, says=check.says, looked_at=found.looked_at, wrong=found.wrong,
                examples=list(found.examples), checked_at=now,
            )
            for number, (check, found) in enumerate(_found(), start=1)
        ]  # fmt: skip
        with transaction.atomic():
            cls.objects.all().delete()
            cls.objects.bulk_create(rows)
        for row in rows:
            if row.wrong:
                log.error("invariant_broken", invariant=row.code, says=row.says, wrong=row.wrong)
        return rows


def _found() -> Iterator[tuple[invariants.Check, invariants.Found]]:
    return ((check, check.find()) for check in invariants.declared())
