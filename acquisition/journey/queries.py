"""Reads of applications. Platform scope."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from acquisition.journey.answers import Draft
from acquisition.journey.models import Application, Borrower
from hub.crypto import DataKey
from hub.db.quick import Part, fetch_together
from hub.errors import NotFound


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """An application with its answers opened, for its own borrower."""

    id: UUID
    sandbox_id: UUID | None
    state: str
    language: str
    person_id: UUID
    borrower_id: UUID | None
    consented: bool
    pending_phone: str
    draft: Draft
    decision_id: UUID | None
    changed_at: datetime

    @property
    def is_draft(self) -> bool:
        """Whether its answers may still be changed."""
        return self.state == "draft"

    @property
    def proved(self) -> bool:
        """Whether its telephone number was proved."""
        return self.borrower_id is not None


def get_application(*, application_id: UUID) -> ApplicationView:
    """Return one application; `NotFound` where there is none, or its person was erased."""
    row = Application.objects.select_related("person").filter(id=application_id).first()
    if row is None or row.person.erased_at is not None:
        raise NotFound("There is no such application.")
    return ApplicationView(
        id=row.id,
        sandbox_id=row.sandbox_id,
        state=row.state,
        language=row.language,
        person_id=row.person_id,
        borrower_id=row.borrower_id,
        consented=bool(row.consent_version),
        pending_phone=row.pending_phone(),
        draft=row.draft(),
        decision_id=row.decision_id,
        changed_at=row.changed_at,
    )


_MINE = "(SELECT {column} FROM journey_application WHERE id = %s)"
_BORROWER = "id = " + _MINE.format(column="borrower_id")
_KEYS = (
    "id IN (" + _MINE.format(column="person_id") + ", (SELECT person_id FROM journey_borrower WHERE " + _BORROWER + "))"
)


def locked_application(application_id: UUID) -> Application | None:
    """Lock an application and return it with its borrower and their keys, by one statement; None where there is none.

    Every page of the way begins with it. What changed while it waited for the lock is read when it is asked for.
    """
    mine = Part(Application, "id = %s FOR UPDATE", (application_id,))
    borrower = Part(Borrower, _BORROWER, (application_id,))
    keys = Part(DataKey, _KEYS, (application_id, application_id))
    found, borrowers, people = fetch_together(mine, borrower, keys)
    if not found:
        return None
    application: Application = found[0]
    by_id = {row.id: row for row in [*borrowers, *people]}
    for row, names in ((application, ("person", "borrower")), *((one, ("person",)) for one in borrowers)):
        for name in names:
            if (known := by_id.get(getattr(row, f"{name}_id"))) is not None:
                setattr(row, name, known)
    return application


def phone_end(*, application_id: UUID) -> str:
    """Return the last two digits of the proved number, "" where none was."""
    row = Application.objects.select_related("borrower__person").get(id=application_id)
    proved = row.borrower is not None and row.borrower.phone_index is not None
    return row.borrower.phone()[-2:] if proved and row.borrower else ""


def matched_of(*, borrower_id: UUID, besides: UUID) -> UUID | None:
    """Return the newest other application of a borrower that went to the lenders."""
    rows = Application.objects.filter(borrower_id=borrower_id, state="matched").exclude(id=besides)
    return rows.order_by("-created_at").values_list("id", flat=True).first()
