"""The clock of a sandbox: how many days it is ahead, so that months pass for one tenant alone. It never goes back.

Who moves it makes outcomes of loans as he likes. So they train the platform's model line `sandbox` alone, which scores
applications of sandboxes once it has a champion, and never a live one; the line `consumer` never learns from them.
"""

from datetime import timedelta
from typing import ClassVar, Self
from uuid import UUID

from django.db import models

from hub.db.base import wrapper
from hub.db.quick import run

_OFFSET = "SELECT offset_days FROM hub_sandboxclock WHERE institution_id = %s"


class SandboxClock(models.Model):
    """How far one sandbox is ahead of the system's clock; only sandboxes have a row (`institutions` sees to it)."""

    OFFSET_DAYS_MAX: ClassVar[int] = 10_950  # thirty years

    institution_id = models.UUIDField(primary_key=True, editable=False)
    offset_days = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="hub_sandboxclock_limit", condition=models.Q(offset_days__lte=10_950)),
        ]

    def __str__(self) -> str:
        return f"{self.offset_days} days ahead"

    @classmethod
    def locked(cls, institution_id: UUID) -> Self:
        """Return the row, made at first use, locked until the transaction ends."""
        return cls.objects.select_for_update().get_or_create(institution_id=institution_id)[0]

    def advance(self, days: int) -> None:
        """Go forward."""
        self.offset_days += days
        self.save(update_fields=["offset_days"])
        _known().pop(self.institution_id, None)


def offset_of(institution_id: UUID) -> timedelta:
    """Return how far a tenant is ahead: nothing but for a sandbox. In a scope that may see it; asked once in each."""
    known = _known()
    if institution_id not in known:
        rows = run(_OFFSET, (institution_id,))
        known[institution_id] = rows[0][0] if rows else 0
    return timedelta(days=known[institution_id])


def _known() -> dict[UUID, int]:
    return wrapper().offsets
